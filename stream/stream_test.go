package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

var schema = item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}

// open returns a stream in memory, and its streams and store.
func open(t testing.TB, view stream.View) (*stream.Stream, *stream.Streams, *kv.Store) {
	t.Helper()
	store := kvtest.NewMem(t)
	streams, err := stream.Open(store, stream.Options{Rotate: 1000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	b := store.NewBatch()
	st := streams.Create(b, stream.Spec{Table: "users", Schema: schema, View: view, At: time.Now()})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	return st, streams, store
}

func user(id, name string) item.Item {
	return item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "name", Value: item.S(name)})
}

// put appends a change of one user.
func put(t testing.TB, store *kv.Store, st *stream.Stream, id string, old, now item.Item) uint64 {
	t.Helper()
	b := store.NewBatch()
	a := st.Append(b, time.Now(), []stream.Change{{Partition: item.AppendKey(nil, item.S(id)), Old: old, New: now}})
	c, err := store.Commit(b)
	if err != nil {
		t.Fatal(err)
	}
	a.Committed()
	if st.Last() < c.First {
		t.Fatalf("record %d was not announced: %d", c.First, st.Last())
	}
	return c.First
}

func TestViews(t *testing.T) {
	for _, c := range []struct {
		view                stream.View
		insert, modify, rem [2]bool // has new, has old
	}{
		{stream.KeysOnly, [2]bool{}, [2]bool{}, [2]bool{}},
		{stream.NewImage, [2]bool{true, false}, [2]bool{true, false}, [2]bool{}},
		{stream.OldImage, [2]bool{}, [2]bool{false, true}, [2]bool{false, true}},
		{stream.NewAndOldImages, [2]bool{true, false}, [2]bool{true, true}, [2]bool{false, true}},
	} {
		t.Run(string(c.view), func(t *testing.T) {
			st, _, store := open(t, c.view)
			a, b := user("u1", "ada"), user("u1", "grace")
			put(t, store, st, "u1", nil, a)
			put(t, store, st, "u1", a, b)
			put(t, store, st, "u1", b, nil)
			page, err := st.Read(0, 10, 1<<20)
			if err != nil || len(page.Records) != 3 {
				t.Fatalf("read: %v, %v", page, err)
			}
			for i, want := range [][2]bool{c.insert, c.modify, c.rem} {
				r := page.Records[i]
				if (r.New != nil) != want[0] || (r.Old != nil) != want[1] || !item.EqualItems(r.Keys, schema.Project(a)) {
					t.Errorf("%s: new %v, old %v, keys %v", r.Op, r.New, r.Old, r.Keys)
				}
				if r.Op != stream.Op(i+1) {
					t.Errorf("operation %s at %d", r.Op, i)
				}
			}
		})
	}
}

// SizeBytes counts the keys once beside the images.
func TestSizeBytes(t *testing.T) {
	st, _, store := open(t, stream.NewAndOldImages)
	put(t, store, st, "u1", nil, user("u1", "ada"))
	page, err := st.Read(0, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if want := len("id") + len("u1") + len("id") + len("u1") + len("name") + len("ada"); page.Records[0].Size != want {
		t.Errorf("size %d, want %d", page.Records[0].Size, want)
	}
}

// P3: a reader that runs beside crossing writers never finds a record at or
// below a position it has passed.
func TestNoHoles(t *testing.T) {
	st, _, store := open(t, stream.NewImage)
	const writers, each = 8, 200
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				id := fmt.Sprintf("u%d-%d", w, i)
				put(t, store, st, id, nil, user(id, "x"))
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[uint64]bool{}
	for pos := uint64(0); len(seen) < writers*each; {
		if err := st.Wait(ctx, pos); err != nil {
			t.Fatalf("after %d records: %v", len(seen), err)
		}
		page, err := st.Read(pos, 7, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			if r.Seq <= pos || r.Seq > store.Durable() {
				t.Fatalf("record %d after position %d, durable %d", r.Seq, pos, store.Durable())
			}
			pos = r.Seq
			seen[pos] = true
		}
	}
	writing.Wait()
	page, err := st.Read(0, 1e6, 1<<30)
	if err != nil || len(page.Records) != len(seen) {
		t.Fatalf("%d records in all, %d seen by the reader, %v", len(page.Records), len(seen), err)
	}
}

func TestShardsAndIterators(t *testing.T) {
	st, streams, store := open(t, stream.NewImage)
	latest, err := st.Iterator(st.Shards()[0].ID, stream.Latest, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		id := fmt.Sprint("u", i)
		put(t, store, st, id, nil, user(id, "x"))
	}
	total, spread := 0, 0
	for i, shard := range st.Shards() {
		if len(shard.ID) != 37 {
			t.Errorf("shard id %q", shard.ID)
		}
		token, err := st.Iterator(shard.ID, stream.TrimHorizon, 0)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []uint64
		for {
			records, next, err := streams.Records(token, 7, 1<<20)
			if err != nil || next == "" {
				t.Fatalf("records: %q, %v", next, err)
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				seqs = append(seqs, r.Seq)
			}
			token = next
		}
		total += len(seqs)
		if len(seqs) > 0 {
			spread++
		}
		if i == 0 {
			records, _, err := streams.Records(latest, 1000, 1<<20)
			if err != nil || len(records) != len(seqs) {
				t.Errorf("latest: %d records of %d, %v", len(records), len(seqs), err)
			}
			at, _ := st.Iterator(shard.ID, stream.AtSeq, seqs[3])
			after, _ := st.Iterator(shard.ID, stream.AfterSeq, seqs[3])
			ra, _, _ := streams.Records(at, 1, 1)
			rb, _, _ := streams.Records(after, 1, 1)
			if ra[0].Seq != seqs[3] || rb[0].Seq != seqs[4] {
				t.Errorf("at %d: %d, after: %d", seqs[3], ra[0].Seq, rb[0].Seq)
			}
		}
	}
	if total != 100 || spread != 4 {
		t.Errorf("%d records in %d shards", total, spread)
	}
	if _, _, err := streams.Records("nonsense", 1, 1); !errors.Is(err, stream.ErrIterator) {
		t.Errorf("nonsense iterator: %v", err)
	}
}

func TestDisableClosesAndReopenKeeps(t *testing.T) {
	st, streams, store := open(t, stream.NewImage)
	put(t, store, st, "u1", nil, user("u1", "ada"))
	b := store.NewBatch()
	st.Disable(b, time.Now())
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	reopened, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*stream.Streams{streams, reopened} {
		st, err := s.Get(st.ARN())
		if err != nil {
			t.Fatal(err)
		}
		if st.Enabled() {
			t.Error("the stream is still enabled")
		}
		found := 0
		for _, shard := range st.Shards() {
			token, _ := st.Iterator(shard.ID, stream.TrimHorizon, 0)
			records, next, err := s.Records(token, 10, 1<<20)
			if err != nil || next != "" {
				t.Errorf("closed shard: next %q, %v", next, err)
			}
			found += len(records)
		}
		page, err := st.Read(0, 10, 1<<20)
		if found != 1 || err != nil || len(page.Records) != 1 || !page.Closed {
			t.Errorf("found %d, page %+v, %v", found, page, err)
		}
	}
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, streams, store := open(t, stream.NewImage)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = streams.Run(ctx) }()
		old := put(t, store, st, "u1", nil, user("u1", "ada"))
		token, _ := st.Iterator(st.Shards()[0].ID, stream.TrimHorizon, 0)
		time.Sleep(16 * time.Minute)
		if _, _, err := streams.Records(token, 1, 1); !errors.Is(err, stream.ErrExpired) {
			t.Errorf("an iterator of 16 minutes: %v", err)
		}
		time.Sleep(23 * time.Hour)
		kept := put(t, store, st, "u2", nil, user("u2", "grace"))
		if page, err := st.Read(0, 10, 1<<20); err != nil || len(page.Records) != 2 {
			t.Errorf("before the retention: %v, %v", page, err)
		}
		time.Sleep(time.Hour)
		if _, err := st.Read(0, 10, 1<<20); !errors.Is(err, stream.ErrTrimmed) {
			t.Errorf("a trimmed position: %v", err)
		}
		page, err := st.Read(st.Trimmed(), 10, 1<<20)
		if err != nil || len(page.Records) != 1 || page.Records[0].Seq != kept {
			t.Errorf("after the retention: %v, %v", page, err)
		}
		for _, shard := range st.Shards() {
			if _, err := st.Iterator(shard.ID, stream.AtSeq, old); !errors.Is(err, stream.ErrTrimmed) {
				t.Errorf("iterator at a trimmed record: %v", err)
			}
		}
		cancel()
		synctest.Wait()
	})
}
