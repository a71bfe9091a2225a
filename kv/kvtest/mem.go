// Package kvtest holds what tests of the store and of the packages above it
// share: stores in memory, crash clones of a file system, file systems that
// fail on purpose, and the conformance suite of kv.
package kvtest

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
)

// NewMem returns a store in memory, whose Run goes on until the test ends.
func NewMem(t testing.TB) *kv.Store {
	t.Helper()
	return Open(t, "data", kv.Options{FS: vfs.NewMem()})
}

// Open opens a store and keeps its Run going until the test ends. A failure of
// the log fails the test.
func Open(t testing.TB, dir string, o kv.Options) *kv.Store {
	t.Helper()
	if o.Fatal == nil {
		o.Fatal = func(err error) { t.Errorf("fatal: %v", err) }
	}
	s, err := kv.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
