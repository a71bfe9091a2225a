package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/internal/wire"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// One dead target among a hundred live ones delays only itself: the others are
// done before any time has passed, and it is called seldom.
func TestDeadTargetAmongLiveOnes(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		const live, events = 100, 50
		var calls, delivered atomic.Int64
		w := newWorld(t, store, map[string]target.Target{
			"dead": target.Func(func(ctx context.Context, _ *target.Delivery) (target.Response, error) {
				calls.Add(1)
				<-time.After(5 * time.Second)
				return target.Response{}, &target.Error{Code: target.CodeTimeout, Msg: "no answer"}
			}),
			"live": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
				delivered.Add(1)
				return target.Response{}, nil
			}),
		})
		ids := []QueueID{q1("dead")}
		w.q.Set(ids[0], Policy{ARN: "dead"})
		for i := range live {
			ids = append(ids, q1(fmt.Sprint("live", i)))
			w.q.Set(ids[i+1], Policy{ARN: "live"})
		}
		stop := w.run()
		for range 2 {
			w.put(ids, make([]string, events)...)
			synctest.Wait() // no time passes
		}
		if n := delivered.Load(); n != 2*live*events {
			t.Errorf("%d delivered of %d", n, 2*live*events)
		}
		after(time.Hour)
		// As many calls as fit at once, one for each that fails before the breaker
		// opens, and then the probes, with jitter up to two a minute.
		if n := calls.Load(); n < 32 || n > 32+breakAfter-1+2*60+7 {
			t.Errorf("the dead target was called %d times in an hour", n)
		}
		if s := w.q.States()[0]; s.NextProbe.IsZero() || s.Pending() != 2*events {
			t.Errorf("state %+v", s)
		}
		stop()
		w.check(ids...)
	})
}

// A target that works again gets its backlog after one probe.
func TestProbe(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		var up atomic.Bool
		var calls atomic.Int64
		w := newWorld(t, store, map[string]target.Target{"x": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			calls.Add(1)
			if up.Load() {
				return target.Response{}, nil
			}
			return target.Response{}, errors.New("down")
		})})
		w.q.Set(q1("a"), Policy{ARN: "x"})
		stop := w.run()
		w.put([]QueueID{q1("a")}, make([]string, 1000)...)
		after(10 * time.Minute)
		before := calls.Load()
		up.Store(true)
		after(breakMax)
		if c := w.q.Counts("main", "a"); c.Delivered < 900 || before > 100 {
			t.Errorf("%+v after %d calls while it was down", c, before)
		}
		after(10 * time.Minute)
		if c := w.q.Counts("main", "a"); c.Delivered != 1000 {
			t.Errorf("%+v", c)
		}
		stop()
		w.check(q1("a"))
	})
}

// Events that expire while the breaker is open become dead letters, as many
// as they are, without a call of each.
func TestOldBacklogOfADeadTarget(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		var calls atomic.Int64
		w := newWorld(t, store, map[string]target.Target{"x": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			calls.Add(1)
			return target.Response{}, errors.New("down")
		})})
		w.q.Set(q1("a"), Policy{ARN: "x", MaxAge: time.Hour})
		stop := w.run()
		w.put([]QueueID{q1("a")}, make([]string, 5000)...)
		after(61 * time.Minute)
		stop()
		w.check(q1("a"))
		dead := w.dead()
		if len(dead) != 5000 || calls.Load() > 200 {
			t.Errorf("%d dead letters after %d calls", len(dead), calls.Load())
		}
		for _, d := range dead {
			if d.Condition != ConditionAge || d.Code != target.CodeUnavailable || d.Event == nil || d.Msg == "" || len(d.History) != min(d.Attempts, maxHistory) {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// However long the backlog of a dead target is, each event becomes a dead letter
// when its age ends.
func TestAgeBehindADeadTarget(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		const maxAge, each, events = 8 * time.Hour, 20 * time.Second, 3000
		w := newWorld(t, store, map[string]target.Target{"x": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			return target.Response{}, errors.New("down")
		})})
		w.q.Set(q1("a"), Policy{ARN: "x", MaxAge: maxAge})
		stop := w.run()
		redriven := map[uint64]bool{}
		for n := range events {
			if n == 2000 { // what is young again stands before what is not
				stop() // so that none dies while they are redriven
				for _, d := range w.dead() {
					redriven[d.Seq] = true
				}
				if out, err := w.q.Redrive(t.Context(), DeadFilter{}, func(RedriveResult) {}); err != nil || out.Events < pageRows {
					t.Fatal(out, err)
				}
				stop = w.run()
			}
			w.put([]QueueID{q1("a")}, "")
			after(each)
		}
		after(maxAge + 2*breakMax)
		stop()
		w.check(q1("a"))
		tried := 0
		for _, d := range w.dead() {
			if age := d.Last.Sub(d.First); !redriven[d.Seq] && (age < maxAge || age > maxAge+2*breakMax) {
				t.Fatalf("a dead letter after %v, with %d attempts", age, d.Attempts)
			}
			if d.Attempts > 0 {
				tried++
			}
		}
		if n := len(w.dead()); n != events || tried < 200 || tried > events-200 {
			t.Errorf("%d dead letters, %d of them tried", n, tried)
		}
	})
}

// No more calls start in a second than the rate permits, and no fewer if there
// is work.
func TestRate(t *testing.T) {
	bubble(t, func(t *testing.T, store *kv.Store) {
		var mu sync.Mutex
		var starts []time.Time
		w := newWorld(t, store, map[string]target.Target{"x": target.Func(func(context.Context, *target.Delivery) (target.Response, error) {
			mu.Lock()
			starts = append(starts, time.Now())
			mu.Unlock()
			return target.Response{}, nil
		})})
		w.q.Set(q1("a"), Policy{ARN: "x", Rate: 20})
		stop := w.run()
		w.put([]QueueID{q1("a")}, make([]string, 200)...)
		after(9900 * time.Millisecond)
		mu.Lock()
		if n := len(starts); n < 198 || n > 200 {
			t.Errorf("%d calls in 9.9 s", n)
		}
		for i := range starts {
			if i >= 21 && starts[i].Sub(starts[i-21]) < time.Second {
				t.Fatalf("calls %d to %d start within %v", i-21, i, starts[i].Sub(starts[i-21]))
			}
		}
		mu.Unlock()
		after(time.Second)
		stop()
		w.check(q1("a"))
	})
}

// Of many attempts the first and the last are remembered.
func TestHistory(t *testing.T) {
	var h History
	for i := range 30 {
		h = h.with(FailedAttempt{Code: fmt.Sprint(i), Msg: string(make([]byte, 1000)), Start: time.Unix(int64(i), 0).UTC(), Millis: int64(i)})
	}
	if len(h) != maxHistory || h[0].Code != "0" || h[1].Code != "21" || h[9].Code != "29" || len(h[9].Msg) > 3*maxTryMsg {
		t.Errorf("%+v", h)
	}
	r := wire.NewReader(h.append(nil))
	if got, ok := readHistory(&r); !ok || !r.Done() || fmt.Sprint(got) != fmt.Sprint(h) {
		t.Errorf("read back %+v", got)
	}
}
