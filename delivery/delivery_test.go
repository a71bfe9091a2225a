package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

func TestDeliversAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"ok": works})
		w.q.Set(q1("a"), Policy{ARN: "ok"})
		stop := w.run()
		w.put([]QueueID{q1("a")}, "", "", "")
		after(0)
		if c := w.q.Counts("main", "a"); c != (Counts{Matched: 3, Delivered: 3}) {
			t.Errorf("counts %+v", c)
		}
		stop()
		w.check(q1("a"))
	})
}

func TestDayLongOutage(t *testing.T) {
	for _, c := range []struct {
		name      string
		policy    Policy
		condition string
	}{
		{"attempts", Policy{MaxAttempts: 50}, ConditionAttempts},
		{"age", Policy{maxBackoff: 2 * time.Hour}, ConditionAge},
		{"one", Policy{MaxAttempts: 1}, ConditionAttempts},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, store *kv.Store) {
				w := newWorld(t, store, map[string]target.Target{"down": fails})
				c.policy.ARN = "down"
				w.q.Set(q1("a"), c.policy)
				stop := w.run()
				w.put([]QueueID{q1("a")}, make([]string, 20)...)
				after(25 * time.Hour)
				stop()
				w.check(q1("a"))
				dead := w.dead()
				if len(dead) != 20 {
					t.Fatalf("%d dead letters of 20", len(dead))
				}
				p := c.policy.withDefaults()
				for _, d := range dead {
					age := d.Last.Sub(d.First)
					if d.Condition != c.condition || d.Event == nil || d.Msg != "down" || d.Attempts > p.MaxAttempts || age > p.MaxAge+breakMax {
						t.Errorf("dead letter %+v after %v", d, age)
					}
					if c.condition == ConditionAge && age < p.MaxAge || c.condition == ConditionAttempts && d.Attempts != p.MaxAttempts {
						t.Errorf("gave up early: %+v after %v", d, age)
					}
				}
			})
		})
	}
}

func TestRecovery(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		var up atomic.Bool
		w := newWorld(t, store, map[string]target.Target{"x": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			if up.Load() {
				return target.Response{}, nil
			}
			return target.Response{}, errors.New("down")
		})})
		w.q.Set(q1("a"), Policy{ARN: "x"})
		stop := w.run()
		w.put([]QueueID{q1("a")}, make([]string, 50)...)
		after(6 * time.Hour)
		up.Store(true)
		after(10 * time.Minute)
		if c := w.q.Counts("main", "a"); c.Delivered != 50 {
			t.Errorf("10 minutes after recovery: %+v", c)
		}
		stop()
		w.check(q1("a"))
	})
}

func TestRestartKeepsAttempts(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"down": fails})
		p := Policy{ARN: "down", MaxAttempts: 12}
		for range 8 {
			w.open(Options{})
			w.q.Set(q1("a"), p)
			stop := w.run()
			if w.q.Counts("main", "a").Matched == 0 {
				w.put([]QueueID{q1("a")}, "")
			}
			after(10 * time.Minute)
			stop()
			w.check(q1("a"))
		}
		dead := w.dead()
		if len(dead) != 1 || dead[0].Attempts != 12 || len(w.attempts) != 12 {
			t.Errorf("%d attempts, dead letters %+v", len(w.attempts), dead)
		}
	})
}

func TestDowntimeAndClockJumpsDoNotAge(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"down": fails})
		p := Policy{ARN: "down", MaxAge: time.Hour, maxBackoff: time.Minute, MaxAttempts: 1 << 30}
		w.q.Set(q1("a"), p)
		w.put([]QueueID{q1("a")}, "")
		stop := w.run()
		after(20 * time.Minute)
		stop()
		time.Sleep(10 * time.Hour) // nobody measures
		for _, jump := range []time.Duration{1000 * time.Hour, -1000 * time.Hour} {
			w.open(Options{Now: func() time.Time { return time.Now().Add(jump) }})
			w.q.Set(q1("a"), p)
			before := len(w.attempts)
			stop = w.run()
			after(15 * time.Minute)
			stop()
			if len(w.dead()) != 0 || len(w.attempts) == before {
				t.Fatalf("clock jump by %v: %d attempts more, dead letters %+v", jump, len(w.attempts)-before, w.dead())
			}
		}
		w.open(Options{})
		w.q.Set(q1("a"), p)
		stop = w.run()
		after(25 * time.Minute)
		stop()
		if d := w.dead(); len(d) != 1 || d[0].Condition != ConditionAge {
			t.Errorf("after an hour of trying: %+v", d)
		}
		w.check(q1("a"))
	})
}

func TestHangingTargetDelaysOnlyItself(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"hang": hangs, "ok": works})
		w.q.Set(q1("a"), Policy{ARN: "hang", Concurrency: 4})
		w.q.Set(q1("b"), Policy{ARN: "ok"})
		stop := w.run()
		w.put([]QueueID{q1("a"), q1("b")}, make([]string, 3000)...)
		after(0)
		if c := w.q.Counts("main", "b"); c.Delivered != 3000 {
			t.Errorf("beside a hanging target: %+v", c)
		}
		if s := w.q.States()[0]; s.InFlight != 4 || s.ARN != "hang" || s.Pending() != 3000 {
			t.Errorf("state %+v", s)
		}
		stop()
		if c := w.q.Counts("main", "a"); c.Pending() != 3000 || len(w.attempts) != 3000 {
			t.Errorf("cancelled attempts left a trace: %+v, %d attempts", c, len(w.attempts))
		}
		w.check(q1("a"), q1("b"))
	})
}

func TestGroupsInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		last, healthy := map[string]uint64{}, 0
		var up atomic.Bool
		w := newWorld(t, store, nil)
		w.targets = map[string]target.Target{"x": target.Func(func(_ context.Context, d *target.Delivery) (target.Response, error) {
			if d.Event.Group == "bad" && !up.Load() {
				return target.Response{}, errors.New("not yet")
			}
			time.Sleep(time.Millisecond)
			w.mu.Lock()
			defer w.mu.Unlock()
			seq, err := strconv.ParseUint(d.Event.ID, 10, 64)
			if err != nil {
				t.Error(err)
			}
			if g := d.Event.Group; g != "" {
				if last[g] >= seq {
					t.Errorf("group %s: %d after %d", g, seq, last[g])
				}
				last[g] = seq
			}
			if d.Event.Group != "bad" {
				healthy++
			}
			return target.Response{}, nil
		})}
		w.q.Set(q1("a"), Policy{ARN: "x", Ordered: true})
		stop := w.run()
		groups := []string{"bad", "g1", "g2", "", "g3"}
		for range 200 {
			w.put([]QueueID{q1("a")}, groups...)
		}
		after(time.Minute)
		if healthy != 800 {
			t.Errorf("%d of 800 events behind other heads delivered", healthy)
		}
		stop() // a restart must neither forget nor reorder the held group
		w.open(Options{})
		w.q.Set(q1("a"), Policy{ARN: "x", Ordered: true})
		stop = w.run()
		up.Store(true)
		after(time.Hour)
		stop()
		w.check(q1("a"))
		if c := w.q.Counts("main", "a"); c.Delivered != 1000 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestPermanentRetryAfterMissingAndInput(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		var asked atomic.Int64
		w := newWorld(t, store, map[string]target.Target{
			"no": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
				return target.Response{}, &target.Error{Code: target.CodeClientError, Msg: "bad", Permanent: true}
			}),
			"later": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
				if asked.Add(1) == 1 {
					return target.Response{}, &target.Error{Code: target.CodeThrottling, Msg: "busy", RetryAfter: 3 * time.Hour}
				}
				return target.Response{}, nil
			}),
			"panic": target.Func(func(context.Context, *target.Delivery) (target.Response, error) { panic("oh") }),
			"ok":    works,
		})
		w.q.Set(q1("no"), Policy{ARN: "no"})
		w.q.Set(q1("later"), Policy{ARN: "later"})
		w.q.Set(q1("panic"), Policy{ARN: "panic", MaxAttempts: 2})
		w.q.Set(q1("nowhere"), Policy{ARN: "nowhere", MaxAttempts: 2})
		w.q.Set(q1("input"), Policy{ARN: "ok", Input: func(*event.Event) ([]byte, error) { return nil, errors.New("template") }})
		stop := w.run()
		w.put([]QueueID{q1("no"), q1("later"), q1("panic"), q1("nowhere"), q1("input")}, "")
		after(2 * time.Hour)
		if n := asked.Load(); n != 1 {
			t.Errorf("%d calls before Retry-After", n)
		}
		after(time.Hour)
		stop()
		if c := w.q.Counts("main", "later"); c.Delivered != 1 {
			t.Errorf("after Retry-After: %+v", c)
		}
		got := map[string]string{}
		for _, d := range w.dead() {
			got[d.Queue.Rule] = fmt.Sprint(d.Code, " ", d.Condition, " ", d.Attempts)
		}
		want := fmt.Sprint(map[string]string{
			"no": "SDK_CLIENT_ERROR  1", "panic": "INTERNAL_ERROR MaximumRetryAttempts 2",
			"nowhere": "NO_RESOURCE MaximumRetryAttempts 2", "input": "INVALID_INPUT  1",
		})
		if fmt.Sprint(got) != want {
			t.Errorf("dead letters %v\nwant %v", got, want)
		}
	})
}

func TestMissingEventIsDeadLettered(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"ok": works})
		w.q.Set(q1("a"), Policy{ARN: "ok"})
		w.put([]QueueID{q1("a")}, "", "")
		seq, ok, err := w.q.OldestPending("main")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		delete(w.events, seq)
		stop := w.run()
		after(0)
		stop()
		if d := w.dead(); len(d) != 1 || d[0].Code != CodeEventMissing || d[0].Event != nil || d[0].Seq != seq {
			t.Errorf("dead letters %+v", d)
		}
		if _, ok, _ := w.q.OldestPending("main"); ok {
			t.Error("rows left")
		}
		w.check(q1("a"))
	})
}

func TestRemoveDropsAndCounts(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"hang": hangs, "ok": works})
		id := q1("a")
		w.q.Set(id, Policy{ARN: "hang", Ordered: true})
		stop := w.run()
		w.put([]QueueID{id}, "x", "x", "y", "")
		after(0)
		b := store.NewBatch()
		w.q.Remove(b, id)
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		after(0)
		w.put([]QueueID{id}, "")
		if c := w.q.Counts("main", "a"); c != (Counts{Matched: 5, Dropped: 5}) {
			t.Errorf("after removal: %+v", c)
		}
		w.check(id)
		w.q.Set(id, Policy{ARN: "ok"})
		w.put([]QueueID{id}, "")
		after(0)
		if c := w.q.Counts("main", "a"); c != (Counts{Matched: 6, Dropped: 5, Delivered: 1}) {
			t.Errorf("after it came back: %+v", c)
		}
		stop()
		w.check(id)
	})
}

// A call that outlives its queue's removal changes nothing any more.
func TestSuccessAfterRemoval(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		release := make(chan struct{})
		w := newWorld(t, store, map[string]target.Target{"deaf": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			<-release
			return target.Response{}, nil
		})})
		id := q1("a")
		w.q.Set(id, Policy{ARN: "deaf"})
		stop := w.run()
		w.put([]QueueID{id}, "", "")
		after(0)
		b := store.NewBatch()
		w.q.Remove(b, id)
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		close(release)
		after(0)
		if c := w.q.Counts("main", "a"); len(w.attempts) != 2 || c != (Counts{Matched: 2, Dropped: 2}) {
			t.Errorf("%d attempts, counts %+v", len(w.attempts), c)
		}
		stop()
		w.check(id)
	})
}

// What is applied and not yet durable is not attempted.
func TestNothingBeforeItIsDurable(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"ok": works})
		id := q1("a")
		w.q.Set(id, Policy{ARN: "ok"})
		stop := w.run()
		b := store.NewBatch()
		b.Number(1, func(seq uint64) {
			w.events[seq] = &event.Event{ID: "1", Detail: []byte(`{}`)}
			w.q.Enqueue(b, []Entry{{Queue: id, Seq: seq}})
		})
		c, err := store.Apply(b)
		if err != nil {
			t.Fatal(err)
		}
		w.q.Wake(id)
		after(time.Second)
		if len(w.attempts) != 0 {
			t.Error("attempted before it was durable")
		}
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		w.q.Wake(id)
		after(0)
		if len(w.attempts) != 1 {
			t.Errorf("%d attempts after it was durable", len(w.attempts))
		}
		stop()
		w.check(id)
	})
}

// A target takes over from another while the queue runs, and a backlog that
// one policy left in order is still delivered under the other.
func TestPolicyChanges(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"down": fails, "ok": works})
		id := q1("a")
		stop := w.run()
		for i := range 6 {
			w.q.Set(id, Policy{ARN: "down", Ordered: i%2 == 0})
			w.put([]QueueID{id}, "g", "g", "h", "")
			after(time.Minute)
		}
		w.q.Set(id, Policy{ARN: "ok"})
		after(10 * time.Minute)
		if c := w.q.Counts("main", "a"); c.Delivered != 24 {
			t.Errorf("counts %+v", c)
		}
		stop()
		w.check(id)
	})
}

func TestDeadLettersOfSeveralQueues(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		w := newWorld(t, store, map[string]target.Target{"down": fails})
		ids := []QueueID{q1("a"), q1("b"), {"other", "a", "t"}}
		for _, id := range ids {
			w.q.Set(id, Policy{ARN: "down", MaxAttempts: 1})
		}
		stop := w.run()
		w.put(ids, "", "", "")
		after(0)
		stop()
		seen := map[string]bool{}
		for _, d := range w.dead() {
			place := fmt.Sprintf("%v %d", d.Queue, d.Seq)
			if seen[place] || d.Event.ID != strconv.FormatUint(d.Seq, 10) {
				t.Errorf("twice, or of another event: %+v", d)
			}
			seen[place] = true
		}
		if len(seen) != 9 {
			t.Errorf("%d dead letters of 9", len(seen))
		}
	})
}
