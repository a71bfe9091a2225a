package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// What became of an event after an attempt.
const (
	Delivered    = "delivered"
	Retry        = "retry"
	DeadLettered = "dead-lettered"
)

// Codes of failures on this side of a target.
const (
	CodeEventMissing = "EVENT_MISSING" // the bus no longer has the event
	CodeInput        = "INVALID_INPUT" // the rule's input cannot be made of the event
)

// An Attempt is one finished call, for those who watch.
type Attempt struct {
	Queue QueueID
	Seq   uint64
	// Event is nil if the bus no longer has it.
	Event *event.Event
	// Number counts from 1.
	Number int
	// Queued is when the event was accepted.
	Queued time.Time
	// ARN is where the call went.
	ARN string
	// Start and Took say when and how long.
	Start time.Time
	Took  time.Duration
	// Response is what the target answered. Err is why the call failed; nil if
	// it succeeded.
	Response target.Response
	Err      error
	// Outcome is Delivered, Retry or DeadLettered; Next is when the retry is
	// due.
	Outcome string
	Next    time.Time
}

// attempt makes one call and hands its outcome to the settler. A call that was
// cancelled from here has none.
func (w *queue) attempt(ctx context.Context, r *row, d *binding, results chan<- transition) {
	a := Attempt{Queue: w.id, Seq: r.seq, Number: r.attempts + 1, Queued: r.queuedAt, ARN: d.policy.ARN, Start: w.q.now()}
	a.Event, a.Response, a.Err = w.call(ctx, r, d)
	a.Took = w.q.now().Sub(a.Start)
	cancelled := a.Err != nil && ctx.Err() != nil
	if !cancelled {
		o := w.decide(r, &a, d.policy)
		w.q.opts.OnAttempt(a)
		results <- o
	}
	w.mu.Lock()
	if cancelled {
		w.ended = append(w.ended, callResult{})
	} else {
		w.ended = append(w.ended, resultOf(a.Err))
		w.state.record(&a)
	}
	w.mu.Unlock()
	signal(w.wakeup)
}

// call looks the event up, makes the body and delivers it.
func (w *queue) call(ctx context.Context, r *row, d *binding) (e *event.Event, a target.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.q.opts.Logger.Error("delivery: target panicked", "rule", w.id.Rule, "target", w.id.Target, "panic", p)
			err = &target.Error{Code: target.CodeInternal, Msg: fmt.Sprintf("panic: %v", p)}
		}
	}()
	e, err = w.q.opts.Events(w.id.Bus, r.seq)
	if errors.Is(err, kv.ErrNotFound) {
		return nil, a, &target.Error{Code: CodeEventMissing, Msg: err.Error(), Permanent: true}
	} else if err != nil {
		return nil, a, &target.Error{Code: target.CodeInternal, Msg: err.Error()}
	}
	var body []byte
	if d.policy.Input == nil {
		body = e.AppendJSON(nil)
	} else if body, err = d.policy.Input(e); err != nil {
		return e, a, &target.Error{Code: CodeInput, Msg: err.Error(), Permanent: true}
	}
	call := &target.Delivery{Event: e, Body: body, Bus: w.id.Bus, Rule: w.id.Rule, TargetID: w.id.Target, Attempt: r.attempts + 1}
	if d.policy.Params != nil {
		call.Params = d.policy.Params(e)
	}
	a, err = d.target.Deliver(ctx, call)
	return e, a, err
}

// judge decides what becomes of the row and fills in a's Outcome and Next.
func (w *queue) decide(r *row, a *Attempt, p Policy) transition {
	if a.Err == nil {
		a.Outcome = Delivered
		return transition{queue: w, from: r}
	}
	failure := targetError(a.Err)
	n := w.q.withAge(r)
	n.attempts++
	n.code, n.msg = failure.Code, truncate(failure.Msg)
	n.history = n.history.with(FailedAttempt{Start: a.Start.UTC(), Millis: a.Took.Milliseconds(), Code: n.code, Msg: n.msg})
	condition := ""
	switch {
	case failure.Permanent:
	case n.attempts >= p.MaxAttempts:
		condition = ConditionAttempts
	case n.age >= p.MaxAge:
		condition = ConditionAge
	default:
		pause := max(w.q.backoff(n.attempts, p), failure.RetryAfter)
		n.due = w.q.now().Add(min(pause, p.MaxAge-n.age))
		a.Outcome, a.Next = Retry, n.due
		return transition{queue: w, from: r, retry: n}
	}
	a.Outcome = DeadLettered
	return transition{queue: w, from: r, dead: w.deadLetter(n, a, condition)}
}

// outlived returns the place in ready of a row that need not wait for its target,
// which fails, any longer; -1 if there is none. Now and then it looks for such
// rows on the disk, too.
func (w *queue) findExpired(p Policy) (int, error) {
	if !w.breaker.open {
		return -1, nil
	}
	elapsed, now := w.q.elapsed(), w.q.now()
	old := func(r *row) bool { return w.q.ageAt(r, elapsed) >= p.MaxAge }
	if i := slices.IndexFunc(w.ready, old); i >= 0 || now.Before(w.nextExpiryScan) {
		return i, nil
	}
	n := len(w.ready)
	if err := w.loadExpired(now, old); err != nil {
		return -1, err
	}
	if len(w.ready) > n {
		return n, nil
	}
	w.nextExpiryScan = now.Add(breakMax)
	return -1, nil
}

// giveUp makes a dead letter of a row that outlived its maximal age while its
// target failed for others.
func (w *queue) expire(r *row, d *binding) transition {
	n := w.q.withAge(r)
	a := Attempt{Queue: w.id, Seq: r.seq, ARN: d.policy.ARN, Number: r.attempts}
	a.Event, _ = w.q.opts.Events(w.id.Bus, r.seq)
	if n.code == "" {
		w.mu.Lock()
		n.code, n.msg = target.CodeUnavailable, truncate("the target failed for other events: "+w.state.lastError)
		w.mu.Unlock()
	}
	return transition{queue: w, from: r, dead: w.deadLetter(n, &a, ConditionAge)}
}

// aged returns a copy of r with the time added that passed since its stamp, or
// since Open if another process stamped it.
func (q *Queues) withAge(r *row) *row {
	n, now := *r, q.elapsed()
	n.age, n.process, n.measuredAt = q.ageAt(r, now), q.process, now
	return &n
}

// ageAt returns the age of a row when elapsed shows now.
func (q *Queues) ageAt(r *row, now time.Duration) time.Duration {
	if r.process == q.process {
		return r.age + now - r.measuredAt
	}
	return r.age + now
}

// backoff is the pause after the given number of failed attempts: a random
// part of an exponentially growing bound.
func (q *Queues) backoff(attempts int, p Policy) time.Duration {
	bound := p.minBackoff
	for i := 1; i < attempts && bound < p.maxBackoff; i++ {
		bound *= 2
	}
	return time.Duration(q.opts.Rand() * float64(min(bound, p.maxBackoff)))
}

// asError gives any error of a target the form of a target.Error.
func targetError(err error) *target.Error {
	var e *target.Error
	if errors.As(err, &e) {
		return e
	}
	code := target.CodeUnavailable
	if errors.Is(err, context.DeadlineExceeded) {
		code = target.CodeTimeout
	}
	return &target.Error{Code: code, Msg: err.Error()}
}

// CodeOf returns the code of the error of an attempt, as a dead letter has it.
func CodeOf(err error) string { return targetError(err).Code }

// clip bounds a message.
func truncate(s string) string {
	if len(s) > maxMsg {
		s = s[:maxMsg]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// broken stands for a target that could not be opened.
type unopened struct{ err error }

// Deliver implements target.Target.
func (b unopened) Deliver(context.Context, *target.Delivery) (target.Response, error) {
	return target.Response{}, &target.Error{Code: target.CodeNoResource, Msg: b.err.Error()}
}
