package streams_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/remote/streams"
)

// A renewal that gets no answer for long does not prolong the lease: the handler's
// context ends before another worker may begin, by a timer, not with the answer.
func TestHangingRenewal(t *testing.T) {
	for name, deaf := range map[string]bool{"until the call's time is up": false, "for long": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				var hang atomic.Bool
				var renewed atomic.Int64
				begun, ended := make(chan struct{}, 1), make(chan time.Time, 1)
				const failover = 10 * time.Second
				a := w.work("a", func(o *streams.Options) {
					take := o.Handle
					o.Failover = failover
					o.Handle = func(ctx context.Context, b streams.Batch) error {
						if hang.Load() {
							return errors.New("of no interest")
						}
						begun <- struct{}{}
						<-ctx.Done()
						ended <- time.Now()
						return take(ctx, b)
					}
				}, func(op, body string, ask func(string) answer) answer {
					sent := time.Now()
					if op != "UpdateItem" {
						return ask(body)
					}
					if hang.Load() {
						if time.Sleep(failover / 4); deaf {
							time.Sleep(failover)
						}
						return answer{err: errors.New("the reply was lost")}
					}
					renewed.Store(sent.UnixNano())
					return ask(body)
				})
				w.put("u0")
				<-begun
				time.Sleep(7 * time.Second)
				hang.Store(true)
				if held := (<-ended).Sub(time.Unix(0, renewed.Load())); held >= failover*11/16 {
					t.Errorf("the handler went on for %s after the last renewal, and another worker may begin after %s", held, failover*11/16)
				}
				hang.Store(false)
				w.quit(a)
			})
		})
	}
}

// A process that was stopped past its lease between reading records and handing them
// over does not hand them over, as its timers may fire later than it goes on.
func TestStoppedPastItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		var armed, stopped atomic.Bool
		var ahead atomic.Int64
		a := w.work("a", func(o *streams.Options) {
			o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		}, func(op, body string, ask func(string) answer) answer {
			if stopped.Load() && op == "UpdateItem" {
				return answer{err: errors.New("the network is down")}
			}
			out := ask(body)
			if op == "GetRecords" && armed.CompareAndSwap(true, false) {
				stopped.Store(true)
				ahead.Store(int64(time.Minute))
			}
			return out
		})
		time.Sleep(5 * time.Second)
		w.put("u0")
		time.Sleep(5 * time.Second)
		if n := len(w.sights()); n != 1 {
			t.Fatalf("%d records were handed over before", n)
		}
		w.put("u0")
		armed.Store(true)
		time.Sleep(30 * time.Second)
		if n := len(w.sights()); !stopped.Load() || n != 1 {
			t.Errorf("%d records were handed over past the lease", n-1)
		}
		stopped.Store(false)
		time.Sleep(30 * time.Second)
		w.quit(a)
		if err := w.check(); err != nil {
			t.Error(err)
		}
	})
}
