package stream

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// aged returns a stream with count records that are a day old.
func aged(t *testing.T, count int) (*Streams, *Stream) {
	t.Helper()
	store := kvtest.NewMem(t)
	s, err := Open(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := store.NewBatch()
	schema := item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}
	st := s.Create(b, Spec{Table: "users", Schema: schema, View: NewImage, At: time.Now()})
	commit(t, store, b)
	at := time.Now().Add(-25 * time.Hour)
	for i := range count {
		id := item.S(fmt.Sprint("u", i))
		b := store.NewBatch()
		a := st.Append(b, at, []Change{{Partition: item.AppendKey(nil, id), New: item.MapOf(item.Field{Name: "id", Value: id})}})
		commit(t, store, b)
		a.Committed()
	}
	return s, st
}

func commit(t *testing.T, store *kv.Store, b *kv.Batch) {
	t.Helper()
	if _, err := store.Commit(b); err != nil {
		t.Error(err)
	}
}

// Invariant 4: a reader beside the trimming gets all records or is told that
// some are gone, never a part as if it were all.
func TestReadBesideTrim(t *testing.T) {
	const rounds, count = 60, 20
	told := 0
	for range rounds {
		s, st := aged(t, count)
		var both sync.WaitGroup
		both.Go(func() { s.trim(time.Now().Add(-24 * time.Hour)) })
		for range 40 {
			page, err := st.Read(0, count+1, 1<<20)
			if errors.Is(err, ErrTrimmed) {
				told++
				break
			}
			if err != nil || len(page.Records) != count {
				t.Fatalf("%d of %d records, %v", len(page.Records), count, err)
			}
		}
		for _, shard := range st.Shards() {
			if _, err := st.ReadShard(shard.ID, 1, count, 1<<20); err != nil && !errors.Is(err, ErrTrimmed) {
				t.Fatal(err)
			}
		}
		both.Wait()
	}
	t.Logf("%d of %d readers were told", told, rounds)
}

// Trimming and disabling both write the descriptor; neither undoes the other.
// The trimming begins while the commit that disables is under way.
func TestDisableBesideTrim(t *testing.T) {
	s, st := aged(t, 5)
	inside, goOn := make(chan bool), make(chan bool)
	var both sync.WaitGroup
	both.Go(func() {
		b := s.store.NewBatch()
		b.Number(1, func(uint64) { inside <- true; <-goOn })
		st.Disable(b, time.Now())
		commit(t, s.store, b)
	})
	<-inside
	both.Go(func() { s.trim(time.Now().Add(-24 * time.Hour)) })
	for began := time.Now(); time.Since(began) < 50*time.Millisecond; { // the trimming comes as far as it can
		runtime.Gosched()
	}
	close(goOn)
	both.Wait()
	again, err := Open(s.store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Get(st.ARN())
	if err != nil || got.Enabled() || got.Trimmed() != st.Trimmed() || got.Trimmed() == 0 {
		t.Fatalf("after a restart: enabled %v, trimmed %d of %d, %v", got.Enabled(), got.Trimmed(), st.Trimmed(), err)
	}
}

// A reader that still holds a stream that was removed is told of what it lost.
func TestRemovedStreamTells(t *testing.T) {
	s, st := aged(t, 3)
	b := s.store.NewBatch()
	st.Disable(b, time.Now().Add(-25*time.Hour))
	commit(t, s.store, b)
	s.trim(time.Now().Add(-24 * time.Hour))
	if _, err := s.Get(st.ARN()); !errors.Is(err, ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if page, err := st.Read(0, 10, 1<<20); !errors.Is(err, ErrTrimmed) {
		t.Errorf("read: %+v, %v", page, err)
	}
}

// Last counts a record from its commit on: whoever asks whether a stream may
// still bring something is not told no while the record waits for the fsync.
func TestLastCountsApplied(t *testing.T) {
	s, st := aged(t, 1)
	b := s.store.NewBatch()
	st.Append(b, time.Now(), []Change{{Partition: []byte("x"), New: item.MapOf(item.Field{Name: "id", Value: item.S("x")})}})
	c, err := s.store.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	if st.Last() != c.First {
		t.Errorf("last %d, applied %d", st.Last(), c.First)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
}

// What is still to be read stays, in a stream that goes on as in one that has
// ended.
func TestUnreadIsKept(t *testing.T) {
	s, st := aged(t, 10)
	page, err := st.Read(0, 100, 1<<20)
	if err != nil || len(page.Records) != 10 {
		t.Fatalf("%+v, %v", page, err)
	}
	read := page.Records[3].Seq
	s.opts.Unread = func(table string) uint64 {
		if table != "users" {
			t.Errorf("asked for table %s", table)
		}
		return read
	}
	left := func() int {
		page, err := st.Read(st.Trimmed(), 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Records)
	}
	s.trim(time.Now().Add(-24 * time.Hour))
	if n := left(); n != 6 {
		t.Errorf("%d records are left, want the 6 unread ones", n)
	}
	b := s.store.NewBatch()
	st.Disable(b, time.Now().Add(-48*time.Hour))
	commit(t, s.store, b)
	before := s.store.Applied()
	s.trim(time.Now().Add(-24 * time.Hour))
	if n := left(); n != 6 {
		t.Errorf("%d records are left of the ended stream", n)
	}
	if n := s.store.Applied(); n != before {
		t.Errorf("a round that can trim nothing wrote commits %d to %d", before+1, n)
	}
	if upTo, err := st.oldUpTo(time.Now(), page.Records[5].Seq); err != nil || upTo != page.Records[5].Seq {
		t.Errorf("records up to %d are old of those up to %d, %v", upTo, page.Records[5].Seq, err)
	}
	read = page.Records[9].Seq
	s.trim(time.Now().Add(-24 * time.Hour))
	if _, err := s.Get(st.ARN()); !errors.Is(err, ErrNotFound) {
		t.Errorf("the stream that was read to its end is still there: %v", err)
	}
}
