package kv_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tablecast/tablecast/kv"
)

// BenchmarkCommit compares 64 goroutines that commit one key of 100 bytes each
// with the same goroutines on a bare Pebble store, the floor.
func BenchmarkCommit(b *testing.B) {
	value := make([]byte, 100)
	b.Run("pebble", func(b *testing.B) {
		db, err := pebble.Open(b.TempDir(), &pebble.Options{FormatMajorVersion: pebble.FormatNewest, MemTableSize: 16 << 20, Logger: silent{}})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		committers(b, 64, func(n uint64) error {
			return db.Set(kv.NewKey('z').Uint64(n), value, pebble.Sync)
		})
	})
	b.Run("kv", func(b *testing.B) {
		s, err := kv.Open(b.TempDir(), kv.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		committers(b, 64, func(n uint64) error {
			batch := s.NewBatch()
			batch.Set(kv.NewKey('z').Uint64(n), value)
			_, err := s.Commit(batch)
			return err
		})
		b.ReportMetric(float64(b.N)/float64(s.Stats().Syncs), "commits/sync")
	})
	b.Run("kv-numbered", func(b *testing.B) {
		s, err := kv.Open(b.TempDir(), kv.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		committers(b, 64, func(uint64) error {
			batch := s.NewBatch()
			batch.Number(1, func(first uint64) {
				var key [9]byte
				key[0] = 'z'
				binary.BigEndian.PutUint64(key[1:], first)
				batch.Set(key[:], value)
			})
			_, err := s.Commit(batch)
			return err
		})
	})
}

// committers runs commit from n goroutines at a time, b.N times in all.
func committers(b *testing.B, n int, commit func(n uint64) error) {
	var next atomic.Uint64
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan error, n)
	for range n {
		go func() {
			for {
				i := next.Add(1)
				if i > uint64(b.N) {
					done <- nil
					return
				}
				if err := commit(i); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range n {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(format)
}
