package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// Random histories with power losses: whatever is kept of what was not synced,
// the counters equal the rows, and each durable event is delivered or dead.
func TestHistoriesWithPowerLoss(t *testing.T) {
	for range 30 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) { history(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func history(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var flaky atomic.Uint64
	flaky.Store(seed)
	delivered := map[string]int{}
	fs := vfs.NewCrashableMem()
	w := newWorld(t, openStore(t, fs), nil)
	w.targets = map[string]target.Target{"x": target.Func(func(_ context.Context, d *target.Delivery) (target.Response, error) {
		switch n := flaky.Add(0x9e3779b97f4a7c15) >> 60; {
		case n < 6:
			return target.Response{}, errors.New("flaky")
		case n == 6:
			return target.Response{}, &target.Error{Code: target.CodeClientError, Permanent: true}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delivered[d.Rule+d.Event.ID]++
		return target.Response{}, nil
	})}
	ids := []QueueID{q1("a"), q1("b")}
	set := func() {
		w.q.Set(ids[0], Policy{ARN: "x", MaxAttempts: 4})
		w.q.Set(ids[1], Policy{ARN: "x", MaxAttempts: 4, Ordered: true})
	}
	set()
	stop, acked := w.run(), 0
	for range 12 {
		for range rnd.IntN(4) {
			n := 1 + rnd.IntN(5)
			groups := make([]string, n)
			for i := range groups {
				groups[i] = []string{"", "g", "h"}[rnd.IntN(3)]
			}
			w.put(ids, groups...)
			acked += n
			after(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		}
		if rnd.IntN(3) > 0 {
			continue
		}
		lost := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
		stop()
		old := w.store
		fs, w.store = lost, openStore(t, lost)
		if err := old.Close(); err != nil {
			t.Error(err)
		}
		w.open(Options{})
		set()
		w.check(ids...)
		stop = w.run()
	}
	after(time.Hour)
	stop()
	w.check(ids...)
	dead := map[string]bool{}
	for _, d := range w.dead() {
		dead[d.Queue.Rule+d.Event.ID] = true
	}
	for _, id := range ids {
		if c := w.q.Counts(id.Bus, id.Rule); c.Matched != uint64(acked) || c.Pending() != 0 {
			t.Errorf("seed %d: %d acknowledged, %+v", seed, acked, c)
		}
		for seq := range w.events {
			if e := id.Rule + w.events[seq].ID; delivered[e] == 0 && !dead[e] {
				t.Errorf("seed %d: %s neither delivered nor dead", seed, e)
			}
		}
	}
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// In real time, with pauses shorter than a commit, no retry is lost.
func TestRetriesFasterThanCommits(t *testing.T) {
	const events = 500
	var calls atomic.Uint64
	w := newWorld(t, openStore(t, vfs.NewMem()), map[string]target.Target{"x": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
		if calls.Add(1)%3 != 0 {
			return target.Response{}, errors.New("flaky")
		}
		return target.Response{}, nil
	})})
	ids := []QueueID{q1("a"), q1("b")}
	for i, id := range ids {
		w.q.Set(id, Policy{ARN: "x", minBackoff: 1, maxBackoff: time.Millisecond, MaxAttempts: 1 << 30, Ordered: i == 1})
	}
	stop := w.run()
	for i := range events {
		w.put(ids, []string{"", "g", "h", "i"}[i%4])
	}
	for deadline := time.Now().Add(30 * time.Second); w.q.Counts("main", "a").Pending()+w.q.Counts("main", "b").Pending() > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("stuck: %+v", w.q.States())
		}
	}
	stop()
	w.check(ids...)
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// held is more rows than a queue of default concurrency may hold.
const held = 3*pageRows + 32 + resultBuffer + settleLimit

// Nor does a backlog come into memory when all of it is due at once.
func TestOverdueBacklogHoldsNoMemory(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		const events = 3000
		down := target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			return target.Response{}, &target.Error{Code: target.CodeInternal, Msg: "this side"} // which opens no breaker
		})
		w := newWorld(t, store, map[string]target.Target{"down": down, "hang": hangs})
		id := q1("a")
		w.q.Set(id, Policy{ARN: "down"})
		w.put([]QueueID{id}, make([]string, events)...)
		stop := w.run()
		after(0)
		stop()
		time.Sleep(time.Minute)
		if n := w.countKeys(kv.Prefix(id.key(kindWait))); n != events {
			t.Fatalf("%d of %d rows wait", n, events)
		}
		w.q.Set(id, Policy{ARN: "hang"})
		stop = w.run()
		after(time.Second)
		if n := len(w.q.queues[id].busy); n < 32 || n > held {
			t.Errorf("%d of %d rows in memory", n, events)
		}
		stop()
		w.check(id)
	})
}

// A backlog stays on the disk.
func TestBacklogHoldsNoMemory(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		const events, batch = 50_000, 1000
		var calls atomic.Int64
		w := newWorld(t, store, map[string]target.Target{"x": target.Func(func(ctx context.Context, d *target.Delivery) (target.Response, error) {
			if calls.Add(1)%2 == 0 {
				return hangs(ctx, d)
			}
			return target.Response{}, errors.New("down")
		})}) // slowly eats its concurrency
		ids := []QueueID{{"main", "a", "t"}, {"main", "a", "o"}}
		for i, id := range ids {
			w.q.Set(id, Policy{ARN: "x", Ordered: i == 1})
		}
		for n := range events / batch {
			b := store.NewBatch()
			b.Number(batch, func(first uint64) {
				var entries []Entry
				for i := range uint64(batch) {
					entries = append(entries, Entry{ids[0], first + i, "g"})
					if n < 10 {
						entries = append(entries, Entry{ids[1], first + i, "g"})
					}
				}
				w.q.Enqueue(b, entries)
			})
			if _, err := store.Commit(b); err != nil {
				t.Fatal(err)
			}
		}
		stop := w.run()
		w.q.Wake(ids...)
		after(time.Second)
		w.q.mu.Lock()
		for id, q := range w.q.queues {
			if n := len(q.busy) + len(q.ready) + len(q.groups); n > held {
				t.Errorf("%v holds %d rows of %d", id, n, events)
			}
		}
		w.q.mu.Unlock()
		stop()
	})
}
