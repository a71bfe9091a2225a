package streams_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/remote/streams"
)

// A shard that falls behind is told of in seconds and in hours to its trimming,
// and warned of at 6, 12 and 18 hours, once each.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		var down atomic.Bool
		w.deal = func(sight) error {
			if down.Load() {
				return errors.New("the bus is down")
			}
			return nil
		}
		rare := func(o *streams.Options) { o.Failover = 10 * time.Minute }
		a := w.work("a", rare, nil)
		time.Sleep(5 * time.Minute)
		w.put("u0")
		time.Sleep(5 * time.Minute)
		b := w.work("b", rare, nil)
		time.Sleep(5 * time.Minute)
		for _, k := range []*worker{a, b} {
			sh := k.Status().Shards
			if len(sh) != 1 || sh[0].Lag > 4*time.Minute || !strings.HasPrefix(sh[0].Owner, "a/") || sh[0].Mine != (k == a) || sh[0].Checkpoint != w.sights()[0].sequence {
				t.Errorf("%+v", sh)
			}
		}
		down.Store(true)
		w.put("u0")
		began := time.Now()
		for _, c := range []struct {
			until    time.Duration
			warnings int
		}{{5*time.Hour + 50*time.Minute, 0}, {7 * time.Hour, 1}, {13 * time.Hour, 2}, {19 * time.Hour, 3}} {
			time.Sleep(time.Until(began.Add(c.until)))
			if n := w.log.count("a shard lags"); n != c.warnings {
				t.Errorf("%d warnings after %v", n, c.until)
			}
			for _, k := range []*worker{a, b} {
				sh := k.Status().Shards[0]
				if d := sh.Lag - c.until; d < 0 || d > 12*time.Minute || sh.ToTrim != 24*time.Hour-sh.Lag {
					t.Errorf("%+v after %v", sh, c.until)
				}
			}
		}
		down.Store(false)
		time.Sleep(10 * time.Minute)
		if sh := a.Status().Shards[0]; sh.Lag > 5*time.Minute || sh.Error != "" {
			t.Errorf("%+v", sh)
		}
		w.quit(a, b)
	})
}

// A reader is ready while shards move, whoever reads them, or have nothing
// new; it is not when nothing moves, and says why.
func TestReady(t *testing.T) {
	for name, c := range map[string]struct {
		op  string
		why string
	}{"state": {"UpdateItem Query", "down on purpose"}, "streams": {"GetRecords", "down on purpose"}, "handler": {"", "the bus is down"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				var down atomic.Bool
				w.deal = func(sight) error {
					if down.Load() && c.op == "" {
						return errors.New("the bus is down")
					}
					return nil
				}
				k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
					if down.Load() && c.op != "" && strings.Contains(c.op, op) {
						return answer{err: errors.New("down on purpose")}
					}
					return ask(body)
				})
				ready := func(want bool, after time.Duration) {
					t.Helper()
					time.Sleep(after)
					err := k.Ready()
					if (err == nil) != want || err != nil && (!errors.Is(err, streams.ErrStalled) || !strings.Contains(err.Error(), c.why)) {
						t.Errorf("ready: %v", err)
					}
				}
				ready(true, 5*time.Minute)
				down.Store(true)
				w.put(ids(8)...)
				ready(true, 30*time.Second)
				ready(false, 5*time.Minute)
				down.Store(false)
				ready(true, time.Minute)
				w.quit(k)
				if err := w.check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A reader that is ended before it could begin ends.
func TestEndedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		x := w.wire(func(string, string, func(string) answer) answer { return answer{err: errors.New("no route")} })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		r := streams.New(w.options("a", x))
		go func() {
			time.Sleep(3 * time.Minute)
			if err := r.Ready(); err == nil || !strings.Contains(err.Error(), "no route") {
				t.Error(err)
			}
		}()
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}
