package kv_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
)

// No table holds keys of two keyspaces, so that a keyspace that grows at its end
// overlaps with nothing that it held before.
func TestTablesHoldOneKeyspace(t *testing.T) {
	fs := vfs.NewMem()
	for round := range 3 {
		s, err := kv.Open("data", kv.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		for n := range uint64(500) {
			b := s.NewBatch()
			b.Set(kv.NewKey('d').Uint64(uint64(round)*500+n), []byte("row"))
			b.Set(kv.NewKey('e').Uint64(uint64(round)*500+n), bytes.Repeat([]byte(fmt.Sprint(n)), 100))
			if _, err := s.Commit(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db, err := pebble.Open("data/store", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	levels, err := db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	tables := 0
	for _, level := range levels {
		for _, table := range level {
			tables++
			if first, last := table.Smallest.UserKey, table.Largest.UserKey; first[0] != last[0] {
				t.Errorf("a table reaches from %q to %q", first, last)
			}
		}
	}
	if tables < 3 {
		t.Errorf("%d tables", tables)
	}
}
