package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a store, the events a bus would keep, and targets by ARN.
type world struct {
	t       testing.TB
	store   *kv.Store
	q       *Queues
	targets map[string]target.Target

	mu       sync.Mutex
	events   map[uint64]*event.Event
	attempts []Attempt
}

var (
	works = target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
		return target.Response{Status: "ok"}, nil
	})
	fails = target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
		return target.Response{}, errors.New("down")
	})
	hangs = target.Func(func(ctx context.Context, _ *target.Delivery) (target.Response, error) {
		<-ctx.Done()
		return target.Response{}, ctx.Err()
	})
)

func newWorld(t testing.TB, store *kv.Store, targets map[string]target.Target) *world {
	w := &world{t: t, store: store, targets: targets, events: map[uint64]*event.Event{}}
	w.open(Options{})
	return w
}

// open opens the queues as a new process would.
func (w *world) open(o Options) {
	w.t.Helper()
	o.Targets = func(arn string) (target.Target, error) {
		if t, ok := w.targets[arn]; ok {
			return t, nil
		}
		return nil, fmt.Errorf("no target %q", arn)
	}
	o.Events = func(_ string, seq uint64) (*event.Event, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if e, ok := w.events[seq]; ok {
			return e, nil
		}
		return nil, fmt.Errorf("event %d: %w", seq, kv.ErrNotFound)
	}
	o.Restore = func(_ *kv.Batch, _ string, seq uint64, e *event.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events[seq] = e
	}
	o.OnAttempt = func(a Attempt) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.attempts = append(w.attempts, a)
	}
	q, err := Open(w.store, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.q = q
}

// run runs the queues until the returned function is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	q := w.q
	go func() { done <- q.Run(ctx) }()
	return func() {
		w.t.Helper()
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}
}

// put stores one event per group, all in one batch, for each queue.
func (w *world) put(ids []QueueID, groups ...string) {
	w.t.Helper()
	b := w.store.NewBatch()
	b.Number(len(groups), func(first uint64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		var entries []Entry
		for i, g := range groups {
			seq := first + uint64(i)
			w.events[seq] = &event.Event{ID: fmt.Sprint(seq), Source: "s", DetailType: "T", Detail: []byte(`{}`), Group: g}
			for _, id := range ids {
				entries = append(entries, Entry{id, seq, g})
			}
		}
		w.q.Enqueue(b, entries)
	})
	if _, err := w.store.Commit(b); err != nil {
		w.t.Fatal(err)
	}
	w.q.Wake(ids...)
}

// check holds P6 against the rows of each queue, and the dead letters and
// index keys against the counters.
func (w *world) check(ids ...QueueID) {
	w.t.Helper()
	for _, id := range ids {
		c := w.q.Counts(id.Bus, id.Rule)
		if rows := w.countKeys(kv.Prefix(id.key(kindRow))); uint64(rows) != c.Pending() {
			w.t.Errorf("%v: %d rows, counted %+v", id, rows, c)
		}
		dead := w.countKeys(kv.Prefix(kv.NewKey('x').String(id.Bus).String(id.Rule).String(id.Target)))
		if uint64(dead) != c.DeadLettered {
			w.t.Errorf("%v: %d dead letters, counted %+v", id, dead, c)
		}
		if c.Pending() == 0 {
			if n := w.countKeys(kv.Prefix(id.key(kindWait))) + w.countKeys(kv.Prefix(id.key(kindGroup))); n != 0 {
				w.t.Errorf("%v: %d index keys without rows", id, n)
			}
		}
	}
}

func (w *world) countKeys(r kv.Range) (n int) {
	it := w.store.Scan(r)
	for it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		w.t.Error(err)
	}
	return n
}

func (w *world) dead() []DeadLetter {
	w.t.Helper()
	var out []DeadLetter
	if err := w.q.DeadLetters(w.t.Context(), DeadFilter{}, func(d DeadLetter) bool { out = append(out, d); return true }); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// bubble runs f over a store in memory, in fake time. The store's Run, which
// ticks each second, is left out: days pass in these tests.
func bubble(t *testing.T, f func(t *testing.T, store *kv.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := openStore(t, vfs.NewMem())
		f(t, store)
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func openStore(t testing.TB, fs vfs.FS) *kv.Store {
	t.Helper()
	store, err := kv.Open("data", kv.Options{FS: fs, Fatal: func(err error) { t.Errorf("fatal: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// after lets fake time pass until all have nothing left to do.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func q1(name string) QueueID { return QueueID{"main", name, "t"} }
