package kv_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// A lockedBuffer is a log that goroutines write and the test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// P7: a damaged block of a table is reported by the read that meets it, with
// file and offset, and by the log. The process goes on; no wrong value is read.
func TestFlippedBitOfATable(t *testing.T) {
	fs := vfs.NewMem()
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	var l ledger
	for range 2000 {
		if err := l.write(s, 7); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = kv.Open("data", kv.Options{FS: fs}) // replays the log into a table
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	table := largestTable(t, fs)
	content := readFile(t, fs, table)
	damaged := slices.Clone(content)
	damaged[len(damaged)/3] ^= 4
	writeFile(t, fs, table, damaged)

	synctest.Test(t, func(t *testing.T) { readDamaged(t, fs, table) })
}

// readDamaged reads 2000 commits whose table is damaged.
func readDamaged(t *testing.T, fs vfs.FS, table string) {
	var log lockedBuffer
	s, err := kv.Open("data", kv.Options{
		FS:     fs,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Fatal:  func(err error) { t.Errorf("fatal: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Damaged(); err != nil {
		t.Errorf("before a read: %v", err)
	}
	err = checkPrefix(s, 2000)
	if !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), table+": ") || !strings.Contains(err.Error(), "block ") {
		t.Errorf("scan: %v", err)
	}
	bad := 0
	for _, keyspace := range []byte{'A', 'B'} { // the table holds one of the two
		for n := uint64(0); n < 2000; n += 20 {
			v, err := s.Get(kv.NewKey(keyspace).Uint64(n + 1))
			switch {
			case errors.Is(err, kv.ErrCorrupt):
				bad++
			case err != nil || v[7] != 7:
				t.Fatalf("commit %d in %c: %v, %v", n+1, keyspace, v, err)
			}
		}
	}
	if bad < 3 || bad >= 100 {
		t.Errorf("%d of 200 keys could not be read", bad)
	}
	// In the bubble no time passes, so that one line is all that may be logged.
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, table+" is corrupt") {
		t.Errorf("log: %s", text)
	}
	kvtest.Put(t, s, "k", "v")
	if err := s.Damaged(); !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), table) {
		t.Errorf("after the reads: %v", err)
	}
}

// largestTable returns the name of the table that takes the most bytes.
func largestTable(t *testing.T, fs vfs.FS) string {
	t.Helper()
	names, err := fs.List("data/store")
	if err != nil {
		t.Fatal(err)
	}
	largest, size := "", int64(0)
	for _, name := range names {
		name = "data/store/" + name
		if info, err := fs.Stat(name); err != nil {
			t.Fatal(err)
		} else if strings.HasSuffix(name, ".sst") && info.Size() > size {
			largest, size = name, info.Size()
		}
	}
	if largest == "" {
		t.Fatalf("no table among %v", names)
	}
	return largest
}
