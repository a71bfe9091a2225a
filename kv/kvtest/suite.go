package kvtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/kv"
)

// Run checks that a store behaves as package kv promises. folder gives each
// part of the suite an empty folder and the options to open it with.
func Run(t *testing.T, folder func(t *testing.T) (dir string, o kv.Options)) {
	parts := []struct {
		name string
		run  func(t *testing.T, s *kv.Store)
	}{
		{"Numbers", testNumbers},
		{"Fills", testFills},
		{"Read", testRead},
		{"Scan", testScan},
		{"DeleteRange", testDeleteRange},
		{"Snapshot", testSnapshot},
		{"Large", testLarge},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			dir, o := folder(t)
			p.run(t, Open(t, dir, o))
		})
	}
	t.Run("Reopen", func(t *testing.T) {
		dir, o := folder(t)
		testReopen(t, dir, o)
	})
}

// Put commits one key, and fails the test if it cannot.
func Put(t testing.TB, s *kv.Store, key, value string) kv.Commit {
	t.Helper()
	b := s.NewBatch()
	b.Set([]byte(key), []byte(value))
	c, err := s.Commit(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dump returns the range's keys and values as "key=value", and fails the test
// if they cannot be read.
func dump(t testing.TB, r kv.Reader, rng kv.Range) []string {
	t.Helper()
	var out []string
	it := r.Scan(rng)
	for it.Next() {
		out = append(out, fmt.Sprintf("%s=%s", it.Key(), it.Value()))
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func testNumbers(t *testing.T, s *kv.Store) {
	if s.Applied() != 0 || s.Durable() != 0 {
		t.Fatalf("an empty store is at %d, %d", s.Applied(), s.Durable())
	}
	for i := range uint64(5) {
		c := Put(t, s, "k", "v")
		if c.First != i+1 || c.Last != i+1 || s.Applied() != i+1 || s.Durable() != i+1 {
			t.Fatalf("commit %d has numbers %d-%d; applied %d, durable %d", i+1, c.First, c.Last, s.Applied(), s.Durable())
		}
	}
	c, err := s.Commit(s.NewBatch())
	if err != nil || c.First != 6 {
		t.Fatalf("an empty batch: %+v, %v", c, err)
	}
	s.NewBatch().Close()
	if st := s.Stats(); st.Applied != 6 || st.Durable != 6 {
		t.Fatalf("stats: %+v", st)
	}
}

func testFills(t *testing.T, s *kv.Store) {
	b := s.NewBatch()
	var firsts []uint64
	for _, n := range []int{2, 0, 3, 1} {
		b.Number(n, func(first uint64) {
			firsts = append(firsts, first)
			b.Set(kv.NewKey('z').Uint64(first), []byte{byte(n)})
		})
	}
	c, err := s.Commit(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{1, 3, 3, 6}, firsts); diff != "" || c.Last != 6 {
		t.Fatalf("last %d, firsts: %s", c.Last, diff)
	}
	if v, err := s.Get(kv.NewKey('z').Uint64(3)); err != nil || v[0] != 3 {
		t.Fatalf("the later fill must win: %v, %v", v, err)
	}
	b = s.NewBatch()
	b.Number(0, func(first uint64) { firsts = append(firsts, first) })
	if c, err := s.Commit(b); err != nil || c.First != 7 || c.Last != 7 {
		t.Fatalf("a batch takes at least one number: %+v, %v", c, err)
	}
}

func testRead(t *testing.T, s *kv.Store) {
	Put(t, s, "a", "1")
	Put(t, s, "empty", "")
	if v, err := s.Get([]byte("a")); err != nil || string(v) != "1" {
		t.Fatalf("a: %q, %v", v, err)
	}
	if v, err := s.Get([]byte("empty")); err != nil || len(v) != 0 {
		t.Fatalf("empty: %q, %v", v, err)
	}
	if _, err := s.Get([]byte("aa")); !errors.Is(err, kv.ErrNotFound) {
		t.Fatalf("missing key: %v", err)
	}
	mine := errors.New("mine")
	if err := s.View([]byte("a"), func([]byte) error { return mine }); !errors.Is(err, mine) {
		t.Fatalf("view must return fn's error: %v", err)
	}
	b := s.NewBatch()
	b.Delete([]byte("a"))
	b.Delete([]byte("never"))
	if _, err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	if err := s.View([]byte("a"), func([]byte) error { return nil }); !errors.Is(err, kv.ErrNotFound) {
		t.Fatalf("deleted key: %v", err)
	}
}

func testScan(t *testing.T, s *kv.Store) {
	for _, k := range []string{"b1", "b2", "b\xff", "c", "a"} {
		Put(t, s, k, "v")
	}
	all := []string{"a=v", "b1=v", "b2=v", "b\xff=v", "c=v"}
	tests := []struct {
		name string
		r    kv.Range
		want []string
	}{
		{"prefix", kv.Prefix([]byte("b")), all[1:4]},
		{"bounds", kv.Range{Lower: []byte("b1"), Upper: []byte("b2")}, all[1:2]},
		{"upper open", kv.Range{Lower: []byte("b2"), Upper: []byte("d")}, all[2:]},
		{"empty", kv.Range{Lower: []byte("d"), Upper: []byte("e")}, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, dump(t, s, test.r)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		test.r.Reverse = true
		want := slices.Clone(test.want)
		slices.Reverse(want)
		if diff := cmp.Diff(want, dump(t, s, test.r)); diff != "" {
			t.Errorf("%s, reverse: %s", test.name, diff)
		}
	}
}

func testDeleteRange(t *testing.T, s *kv.Store) {
	for _, k := range []string{"a", "b", "c", "d"} {
		Put(t, s, k, "v")
	}
	b := s.NewBatch()
	b.DeleteRange([]byte("b"), []byte("d"))
	b.Set([]byte("c"), []byte("new"))
	if _, err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	want := []string{"a=v", "c=new", "d=v"}
	if diff := cmp.Diff(want, dump(t, s, kv.Range{Lower: []byte("a"), Upper: []byte("e")})); diff != "" {
		t.Error(diff)
	}
}

func testSnapshot(t *testing.T, s *kv.Store) {
	Put(t, s, "a", "old")
	snap := s.Snapshot()
	defer snap.Close()
	it := s.Scan(kv.Prefix([]byte("a")))
	Put(t, s, "a", "new")
	if !it.Next() || string(it.Value()) != "old" {
		t.Errorf("an iterator must keep the state of its creation: %q", it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := snap.Get([]byte("a")); err != nil || string(v) != "old" {
		t.Errorf("snapshot: %q, %v", v, err)
	}
	if diff := cmp.Diff([]string{"a=old"}, dump(t, snap, kv.Prefix([]byte("a")))); diff != "" {
		t.Error(diff)
	}
	if v, err := s.Get([]byte("a")); err != nil || string(v) != "new" {
		t.Errorf("store: %q, %v", v, err)
	}
}

// A batch larger than half a memtable takes another way through Pebble.
func testLarge(t *testing.T, s *kv.Store) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	b := s.NewBatch()
	for i := range uint64(20) {
		b.Set(kv.NewKey('z').Uint64(i), big)
	}
	if c, err := s.Commit(b); err != nil || c.First != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	Put(t, s, "after", "v")
	if v, err := s.Get(kv.NewKey('z').Uint64(19)); err != nil || !bytes.Equal(v, big) {
		t.Fatalf("%d bytes, %v", len(v), err)
	}
}

func testReopen(t *testing.T, dir string, o kv.Options) {
	for i := range uint64(4) {
		s, err := kv.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if s.Applied() != i || s.Durable() != i {
			t.Fatalf("opened at %d, %d, want %d", s.Applied(), s.Durable(), i)
		}
		if _, err := kv.Open(dir, o); !errors.Is(err, kv.ErrLocked) || !bytes.Contains([]byte(err.Error()), []byte(dir)) {
			t.Fatalf("second open: %v", err)
		}
		Put(t, s, "k", fmt.Sprint(i))
		if v, err := s.Get([]byte("k")); err != nil || string(v) != fmt.Sprint(i) {
			t.Fatalf("%q, %v", v, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); !errors.Is(err, kv.ErrClosed) {
			t.Fatalf("second close: %v", err)
		}
	}
}
