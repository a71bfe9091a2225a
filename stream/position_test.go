package stream_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

// A commit may take numbers beside those of its records. A reader that has read
// everything must rest until the next record, not go round and round.
func TestWaitRestsAtTheEnd(t *testing.T) {
	st, _, store := open(t, stream.NewImage)
	b := store.NewBatch()
	a := st.Append(b, time.Now(), []stream.Change{{Partition: []byte("u"), New: user("u", "ada")}})
	b.Number(1, func(uint64) {})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	a.Committed()
	page, err := st.Read(0, 10, 1<<20)
	if err != nil || len(page.Records) != 1 {
		t.Fatalf("read: %v, %v", page, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := st.Wait(ctx, page.Next); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("at %d with nothing to read, wait returned %v", page.Next, err)
	}
}

// P2: the end of a disabled stream is told only once all its records were
// readable, which is once the closing itself is durable.
func TestClosedOnlyWhenDurable(t *testing.T) {
	st, _, store := open(t, stream.NewImage)
	b := store.NewBatch()
	st.Append(b, time.Now(), []stream.Change{{Partition: []byte("u"), New: user("u", "ada")}})
	first, err := store.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	b = store.NewBatch()
	st.Disable(b, time.Now())
	second, err := store.Apply(b)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := st.Read(0, 10, 1<<20); err != nil || page.Closed || len(page.Records) != 0 {
		t.Errorf("before the fsync: %+v, %v", page, err)
	}
	for _, c := range []kv.Commit{first, second} {
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if page, err := st.Read(0, 10, 1<<20); err != nil || !page.Closed || len(page.Records) != 1 {
		t.Errorf("after the fsync: %+v, %v", page, err)
	}
}

// A wall clock that is off removes nothing early: neither one that is set
// forward by days, nor one that was ahead at the start and is set right.
func TestWallClockJumps(t *testing.T) {
	for name, jump := range map[string][2]time.Duration{"forward": {0, 48 * time.Hour}, "back": {48 * time.Hour, 0}} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testJump(t, jump[0], jump[1]) }) })
	}
}

// testJump writes a record between two settings of the wall clock, each given
// by how far it is ahead, and looks for it an hour later.
func testJump(t *testing.T, before, after time.Duration) {
	store := kvtest.NewMem(t)
	var ahead atomic.Int64
	ahead.Store(int64(before))
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	streams, err := stream.Open(store, stream.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	b := store.NewBatch()
	st := streams.Create(b, stream.Spec{Table: "users", Schema: schema, View: stream.NewImage, At: time.Now()})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _ = streams.Run(ctx) }()
	synctest.Wait()
	put(t, store, st, "u1", nil, user("u1", "ada"))
	ahead.Store(int64(after))
	time.Sleep(time.Hour)
	synctest.Wait()
	if page, err := st.Read(0, 10, 1<<20); err != nil || len(page.Records) != 1 {
		t.Errorf("an hour old record: %+v, %v", page, err)
	}
	cancel()
	synctest.Wait()
}

// A position above every number stays there.
func TestPositionsBeyondTheEnd(t *testing.T) {
	st, streams, store := open(t, stream.NewImage)
	put(t, store, st, "u1", nil, user("u1", "ada"))
	for _, seq := range []uint64{store.Durable() + 100, math.MaxUint64} {
		for _, shard := range st.Shards() {
			token, err := st.Iterator(shard.ID, stream.AfterSeq, seq)
			if err != nil {
				t.Fatal(err)
			}
			records, next, err := streams.Records(token, 10, 1<<20)
			if err != nil || len(records) != 0 || next == "" {
				t.Errorf("after %d: %d records, next %q, %v", seq, len(records), next, err)
			}
		}
	}
}

// Position 0 is before everything, also for one shard.
func TestShardFromZero(t *testing.T) {
	st, _, store := open(t, stream.NewImage)
	put(t, store, st, "u1", nil, user("u1", "ada"))
	found := 0
	for _, shard := range st.Shards() {
		page, err := st.ReadShard(shard.ID, 0, 10, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		found += len(page.Records)
	}
	if found != 1 {
		t.Errorf("%d records", found)
	}
}
