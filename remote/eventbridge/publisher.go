package eventbridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tablecast/tablecast/mapping"
)

// A Publisher publishes events to the buses of one endpoint. It may be used by
// many goroutines, which share its rate limit.
type Publisher struct {
	opts  Options
	slots chan struct{} // holds one value for each call under way, of all runs
	pace  pace

	mu     sync.Mutex
	status Status // guarded by mu
}

// New returns a Publisher.
func New(o Options) *Publisher {
	o = o.withDefaults()
	p := &Publisher{opts: o, slots: make(chan struct{}, o.Concurrency), pace: pace{most: o.MaxPause}}
	if names := WithoutID(o.Definitions); len(names) > 0 {
		o.Logger.Warn("eventbridge: details without an envelope lose the event's id, and consumers cannot tell a repeat; set envelope: metadata",
			"definitions", strings.Join(names, ", "))
	}
	return p
}

// Publish sends events and returns one result for each: nil means that the bus
// accepted it. Other results wrap ErrRejected or ErrBehind, or, once ctx has
// ended, its error, and then whether the bus has the event is not known. Publish
// keeps nothing of events.
func (p *Publisher) Publish(ctx context.Context, events []mapping.Raised) []error {
	r := &run{p: p, lanes: newLanes(events), results: make([]error, len(events)), done: make(chan callResult)}
	r.loop(ctx)
	return r.results
}

// A run is one call of Publish. The goroutine of Publish owns all of it. Each
// request has a goroutine of its own, to which the heads of its lanes belong until
// it has sent its callResult: take has removed those lanes from both lists, so
// nothing else touches them meanwhile.
type run struct {
	p       *Publisher
	lanes   lanes
	results []error         // by the index of the event
	done    chan callResult // unbuffered: loop or end receives one of each call
	calls   int             // under way
}

// A callResult is the answer to a request, for the batch that it sent: one error for
// the head of each lane, nil if the bus accepted that.
type callResult struct {
	job     []*lane
	errs    []error
	refused bool // the whole request was refused, whichever entry is to blame
}

// loop sends until each event has a result or ctx has ended.
func (r *run) loop(ctx context.Context) {
	for {
		r.begin(ctx)
		if r.calls == 0 && r.lanes.empty() {
			return
		}
		timer := time.NewTimer(r.wait())
		select {
		case out := <-r.done:
			r.settle(&out)
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			r.end(ctx)
			return
		}
		timer.Stop()
	}
}

// wait returns for how long nothing but the answer to a call changes what can be sent.
func (r *run) wait() time.Duration {
	if r.calls == r.p.opts.Concurrency {
		return forever
	}
	return r.lanes.wait(r.p.opts.Now())
}

// begin starts what can be sent now.
func (r *run) begin(ctx context.Context) {
	for r.calls < r.p.opts.Concurrency && ctx.Err() == nil {
		job := r.lanes.take(r.p.opts.Now(), r.p.opts.MaxBytes, r.p.tooLarge)
		if job == nil {
			return
		}
		r.calls++
		go func() { r.done <- r.p.do(ctx, job) }()
	}
}

// settle takes in the answer to a call. It puts each lane of the batch back into one
// of the lists, or drops it: a lane that was in neither would never get a result.
func (r *run) settle(out *callResult) {
	r.calls--
	var failed []*lane
	for i, l := range out.job {
		err := r.judge(l, out.errs[i])
		switch {
		case out.refused && len(out.job) > 1:
			// Nobody knows which entry is to blame. Each head goes into smaller batches
			// until the one to blame is alone, and rejected (invariant 4).
			l.most = max(len(out.job)/2, 1)
			r.lanes.again(l)
		case err == nil && l.claiming: // its detail is in the store; now the event can be sent
			l.claiming = false
			r.lanes.again(l)
		case err == nil:
			r.lanes.accepted(l)
		case isRejected(err):
			r.reject(l, err)
		default:
			l.last = err
			failed = append(failed, l)
		}
	}
	r.retry(failed)
}

// judge returns the error of the head of a lane: a rejection if the entry has failed
// by itself for GiveUp, else err.
func (r *run) judge(l *lane, err error) error {
	t := (*errTransient)(nil)
	if !errors.As(err, &t) || isThrottle(err) || r.p.opts.GiveUp < 0 {
		return err
	}
	now := r.p.opts.Now()
	if l.blamed.IsZero() {
		l.blamed = now
	}
	if now.Sub(l.blamed) < r.p.opts.GiveUp {
		return err
	}
	return &RejectedError{t.code, t.message + " (the entry alone fails, again and again)"}
}

// retry delays lanes together, so that their heads can share a batch again.
func (r *run) retry(failed []*lane) {
	tries := 0
	for _, l := range failed {
		l.tries++
		tries = max(tries, l.tries)
	}
	due := r.p.opts.Now().Add(r.p.pause(tries))
	for _, l := range failed {
		r.lanes.later(l, due)
	}
}

// reject gives up the event at a lane's head, and with it those behind: sending them
// would break the order of the group (invariant 3).
func (r *run) reject(l *lane, err error) {
	r.p.rejected(l.head(), err)
	for i := range l.rest {
		r.results[l.rest[i].index] = ErrBehind
	}
	r.results[l.rest[0].index] = err
	r.lanes.drop(l)
}

// end waits for the calls under way, whose answers still count, and gives each event
// without a result the context's error.
func (r *run) end(ctx context.Context) {
	for r.calls > 0 {
		out := <-r.done
		r.settle(&out)
	}
	for l := range r.lanes.open {
		for i := range l.rest {
			err := fmt.Errorf("eventbridge: %w", context.Cause(ctx))
			if l.last != nil && !errors.Is(l.last, ctx.Err()) {
				err = fmt.Errorf("%w; the last failure was: %w", err, l.last)
			}
			r.results[l.rest[i].index] = err
		}
	}
}
