package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

var refuses = target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
	return target.Response{}, &target.Error{Code: target.CodeClientError, Msg: "400 no", Permanent: true}
})

// switched returns a target that refuses until up is set.
func switched(up *atomic.Bool) target.Target {
	return target.Func(func(ctx context.Context, d *target.Delivery) (target.Response, error) {
		if up.Load() {
			return works(ctx, d)
		}
		return refuses(ctx, d)
	})
}

// What was given up is delivered after a redrive, P6 holds in between, and what
// fails again is a dead letter again.
func TestRedrive(t *testing.T) {
	for name, ordered := range map[string]bool{"unordered": false, "ordered": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, store *kv.Store) {
				var up atomic.Bool
				w := newWorld(t, store, map[string]target.Target{"x": switched(&up)})
				ids := []QueueID{q1("a"), q1("b")}
				for _, id := range ids {
					w.q.Set(id, Policy{ARN: "x", Ordered: ordered})
				}
				stop := w.run()
				for range 3 {
					w.put(ids, make([]string, 400)...)
				}
				w.put(ids, "g", "g", "h")
				after(time.Second)
				clear(w.events) // their retention has passed
				done, err := w.q.Redrive(t.Context(), DeadFilter{Rule: "a"}, func(RedriveResult) {})
				if err != nil || done != (RedriveResult{Events: 1203}) {
					t.Errorf("%+v %v", done, err)
				}
				after(time.Second)
				w.check(ids...)
				if c := w.q.Counts("main", "a"); c.DeadLettered != 1203 {
					t.Errorf("again: %+v", c)
				}
				up.Store(true)
				if _, err = w.q.Redrive(t.Context(), DeadFilter{Bus: "main", Rule: "a", Code: target.CodeClientError}, func(RedriveResult) {}); err != nil {
					t.Error(err)
				}
				after(time.Second)
				stop()
				w.check(ids...)
				if a, b := w.q.Counts("main", "a"), w.q.Counts("main", "b"); a.Delivered != 1203 || a.DeadLettered != 0 || b.DeadLettered != 1203 {
					t.Errorf("%+v and %+v", a, b)
				}
			})
		})
	}
}

// The filters select.
func TestDeadFilter(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"refuses": refuses, "fails": fails})
		w.q.Set(q1("a"), Policy{ARN: "refuses"})
		w.q.Set(q1("b"), Policy{ARN: "fails", MaxAttempts: 1})
		stop := w.run()
		w.put([]QueueID{q1("a"), q1("b")}, "", "")
		after(time.Second)
		mid := time.Now()
		after(time.Second)
		w.put([]QueueID{q1("a")}, "")
		after(time.Second)
		for f, want := range map[DeadFilter]int{
			{}: 5, {Bus: "main"}: 5, {Bus: "x"}: 0, {Rule: "a"}: 3, {Bus: "main", Rule: "b", Target: "t"}: 2, {Target: "u"}: 0,
			{Code: target.CodeClientError}: 3, {Text: "400"}: 3, {Text: "down"}: 2, {Since: mid}: 1, {Until: mid}: 4,
			{Event: w.attempts[0].Event.ID}: 2, {Event: "nobody"}: 0,
		} {
			n := 0
			if err := w.q.DeadLetters(t.Context(), f, func(DeadLetter) bool { n++; return true }); err != nil || n != want {
				t.Errorf("%+v: %d, %v, want %d", f, n, err, want)
			}
		}
		n, err := w.q.Drop(t.Context(), DeadFilter{Rule: "a", Until: mid})
		if err != nil || n != 2 {
			t.Errorf("dropped %d, %v", n, err)
		}
		if c := w.q.Counts("main", "a"); c != (Counts{Matched: 3, DeadLettered: 1, Dropped: 2}) {
			t.Errorf("%+v", c)
		}
		b := store.NewBatch()
		w.q.Remove(b, q1("a"))
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		done, err := w.q.Redrive(t.Context(), DeadFilter{}, func(RedriveResult) {})
		if err != nil || done != (RedriveResult{Events: 2, NoTarget: 1}) {
			t.Errorf("%+v %v", done, err)
		}
		after(time.Second)
		stop()
		w.check(q1("a"), q1("b"))
	})
}

// A redrive that power losses interrupt is resumed by another: nothing is lost,
// and no event is both pending and dead.
func TestRedriveIsResumable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 5000
		rnd := rand.New(rand.NewPCG(3, 4))
		fs := vfs.NewCrashableMem()
		w := newWorld(t, openStore(t, fs), map[string]target.Target{"x": refuses})
		w.q.Set(q1("a"), Policy{ARN: "x"})
		stop := w.run()
		w.put([]QueueID{q1("a")}, make([]string, events)...)
		after(time.Second)
		stop()
		interrupted := errors.New("interrupted")
		redriven := 0
		for redriven < events {
			ctx, cancel := context.WithCancelCause(t.Context())
			batches := rnd.IntN(3)
			done, err := w.q.Redrive(ctx, DeadFilter{}, func(RedriveResult) {
				if batches--; batches < 0 {
					cancel(interrupted)
				}
			})
			if err != nil && !errors.Is(err, context.Canceled) || done.Events == 0 {
				t.Fatalf("%+v %v", done, err)
			}
			cancel(nil)
			redriven += done.Events
			left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rnd.IntN(101), RNG: rnd})
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
			fs = left
			w.store = openStore(t, left)
			w.open(Options{})
			w.q.Set(q1("a"), Policy{ARN: "works"})
			w.check(q1("a"))
		}
		w.targets["works"] = works
		w.q.Set(q1("a"), Policy{ARN: "works"})
		stop = w.run()
		after(time.Second)
		stop()
		if c := w.q.Counts("main", "a"); c != (Counts{Matched: events, Delivered: events}) {
			t.Errorf("%+v", c)
		}
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Dead letters that are sent leave the store and stay counted; one that is not
// taken stays, with those after it.
func TestSendDead(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"x": refuses})
		w.q.Set(q1("a"), Policy{ARN: "x"})
		w.q.Set(q1("b"), Policy{ARN: "x"})
		stop := w.run()
		w.put([]QueueID{q1("a"), q1("b")}, "", "", "")
		after(time.Second)
		stop()
		full, second := errors.New("full"), w.dead()[1].Event.ID
		n, err := w.q.SendDead(t.Context(), DeadFilter{Rule: "a"}, func(_ context.Context, d DeadLetter) error {
			if d.Event.ID == second {
				return full
			}
			return nil
		})
		if n != 1 || !errors.Is(err, full) {
			t.Errorf("%d sent, %v", n, err)
		}
		n, err = w.q.SendDead(t.Context(), DeadFilter{Rule: "a"}, func(context.Context, DeadLetter) error { return nil })
		if n != 2 || err != nil || len(w.dead()) != 3 {
			t.Errorf("%d sent, %v, %d left", n, err, len(w.dead()))
		}
		if c := w.q.Counts("main", "a"); c.DeadLettered != 3 || c.Pending() != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// A queue that is added while Redrive runs gets no row whose event was not stored
// again: the dead letter stays, with the only copy of the event.
func TestRedriveWhileQueueIsAdded(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"x": refuses})
		ids := []QueueID{q1("a"), q1("b")}
		for _, id := range ids {
			w.q.Set(id, Policy{ARN: "x"})
		}
		stop := w.run()
		w.put(ids[:1], "")
		w.put(ids[1:], "")
		after(time.Second)
		b := store.NewBatch()
		w.q.Remove(b, ids[0])
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		clear(w.events) // their retention has passed
		restore := w.q.opts.Restore
		w.q.opts.Restore = func(b *kv.Batch, bus string, seq uint64, e *event.Event) {
			w.q.Set(ids[0], Policy{ARN: "x"})
			restore(b, bus, seq, e)
		}
		done, err := w.q.Redrive(t.Context(), DeadFilter{}, func(RedriveResult) {})
		if err != nil || done != (RedriveResult{Events: 1, NoTarget: 1}) {
			t.Errorf("%+v, %v", done, err)
		}
		after(time.Second)
		stop()
		w.check(ids...)
		if err := w.q.DeadLetters(t.Context(), DeadFilter{}, func(d DeadLetter) bool {
			if d.Event == nil {
				t.Errorf("the event of %v is lost: %s", d.Queue, d.Msg)
			}
			return true
		}); err != nil {
			t.Error(err)
		}
	})
}

// damage overwrites the stored dead letter of a queue with the lowest seq.
func damage(t *testing.T, w *world, rule string) {
	t.Helper()
	for _, d := range w.dead() {
		if d.Queue.Rule == rule {
			b := w.store.NewBatch()
			b.Set(d.Queue.deadKey(d.Seq), []byte("?"))
			if _, err := w.store.Commit(b); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// A dead letter that cannot be read is told, holds up no other, and goes when all of
// its queue are dropped.
func TestDamagedDeadLetterHoldsUpNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		var up atomic.Bool
		w := newWorld(t, store, map[string]target.Target{"x": switched(&up)})
		ids := []QueueID{q1("a"), q1("b")}
		for _, id := range ids {
			w.q.Set(id, Policy{ARN: "x"})
		}
		stop := w.run()
		w.put(ids, "", "", "")
		after(time.Second)
		damage(t, w, "a")
		listed := 0
		err := w.q.DeadLetters(t.Context(), DeadFilter{}, func(DeadLetter) bool { listed++; return true })
		if listed != 5 || !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%d listed, %v", listed, err)
		}
		if n, err := w.q.SendDead(t.Context(), DeadFilter{Rule: "b"}, func(context.Context, DeadLetter) error { return nil }); n != 3 || err != nil {
			t.Errorf("%d sent, %v", n, err)
		}
		up.Store(true)
		done, err := w.q.Redrive(t.Context(), DeadFilter{}, func(RedriveResult) {})
		if done.Events != 2 || !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%+v, %v", done, err)
		}
		after(time.Second)
		stop()
		if n, err := w.q.Drop(t.Context(), DeadFilter{Text: "refused"}); n != 0 || !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%d dropped by text, %v", n, err)
		}
		if n, err := w.q.Drop(t.Context(), DeadFilter{Rule: "a"}); n != 1 || err != nil {
			t.Errorf("%d dropped, %v", n, err)
		}
		if c := w.q.Counts("main", "a"); c != (Counts{Matched: 3, Delivered: 2, Dropped: 1}) {
			t.Errorf("%+v", c)
		}
	})
}

// Pages of dead letters are bounded by their bytes: a redrive of large events holds
// few of them in memory at a time.
func TestDeadPagesAreBoundedByBytes(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"x": refuses})
		w.q.Set(q1("a"), Policy{ARN: "x"})
		const letters, size = 40, 1 << 20
		b := store.NewBatch()
		for seq := range uint64(letters) {
			d := DeadLetter{Queue: q1("a"), Seq: seq + 1, Event: &event.Event{ID: "1", Detail: make([]byte, size)}}
			b.Set(d.Queue.deadKey(d.Seq), d.stored())
		}
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		pages, largest := 0, 0
		err := w.q.scanDeadLetters(t.Context(), DeadFilter{}, false, func(p deadPage) (bool, error) {
			pages, largest = pages+1, max(largest, len(p.letters))
			return true, nil
		})
		if err != nil || largest*size > deadBytes || pages < letters*size/deadBytes {
			t.Errorf("%d pages, %d letters in one, %v", pages, largest, err)
		}
	})
}

// While a dead letter is sent nobody else deals with it, and between two of them
// others may: what they redrive or drop is not sent.
func TestSendDeadHoldsOneLetterAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"x": refuses})
		w.q.Set(q1("a"), Policy{ARN: "x"})
		stop := w.run()
		w.put([]QueueID{q1("a")}, "", "", "")
		after(time.Second)
		stop()
		letters := w.dead()
		for i, d := range letters {
			sent, err := w.q.sendOne(t.Context(), &d, func(context.Context, DeadLetter) error {
				if w.q.deadMu.TryLock() {
					t.Error("the letter is not held")
				}
				return nil
			})
			if err != nil || sent != (i == 0) || !w.q.deadMu.TryLock() {
				t.Fatalf("letter %d: %v, %v", i, sent, err)
			}
			w.q.deadMu.Unlock()
			if i == 0 {
				if n, err := w.q.Drop(t.Context(), DeadFilter{}); n != 2 || err != nil {
					t.Errorf("%d dropped, %v", n, err)
				}
			}
		}
	})
}
