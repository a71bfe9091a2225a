package kv_test

import (
	"errors"
	"testing"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

func TestCommitGivesConsecutiveNumbers(t *testing.T) {
	s := kvtest.NewMem(t)
	b := s.NewBatch()
	var got []uint64
	b.Number(3, func(first uint64) { got = append(got, first); b.Set([]byte("a"), []byte("1")) })
	b.Number(2, func(first uint64) { got = append(got, first) })
	c, err := s.Commit(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.First != 1 || c.Last != 5 || got[0] != 1 || got[1] != 4 {
		t.Fatalf("commit %+v, fills at %v", c, got)
	}
	b = s.NewBatch()
	b.Set([]byte("b"), []byte("2"))
	if c, err = s.Commit(b); err != nil || c.First != 6 || c.Last != 6 || s.Durable() != 6 {
		t.Fatalf("commit %+v, %v, durable %d", c, err, s.Durable())
	}
	if v, err := s.Get([]byte("a")); err != nil || string(v) != "1" {
		t.Fatalf("get: %q, %v", v, err)
	}
	if _, err := s.Get([]byte("c")); !errors.Is(err, kv.ErrNotFound) {
		t.Fatalf("get of a missing key: %v", err)
	}
}

func TestReopenOnDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Open(dir, kv.Options{}); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	b := s.NewBatch()
	b.Set([]byte("k"), []byte("v"))
	if _, err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	if s.Stats().Syncs == 0 {
		t.Error("no fsync was counted")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if v, err := s.Get([]byte("k")); err != nil || string(v) != "v" || s.Durable() != 1 {
		t.Fatalf("after reopen: %q, %v, durable %d", v, err, s.Durable())
	}
}
