package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/attempt"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// Values of Attempt.Outcome, for observers: the event was delivered, waits for
// another attempt, or became a dead letter.
const (
	Delivered    = "delivered"
	Retry        = "retry"
	DeadLettered = "dead-lettered"
)

// Error codes of failures before a target is called, beside those of package
// target. Dead letters show them.
const (
	CodeEventMissing = "EVENT_MISSING" // the bus no longer has the event
	CodeInput        = "INVALID_INPUT" // the rule's input cannot be made of the event
)

// An Attempt is one attempt that has ended, for observers.
type Attempt struct {
	Queue QueueID
	Seq   uint64
	// Event is nil if the bus no longer has it or it cannot be read.
	Event *event.Event
	// Number is 1 for the first attempt.
	Number int
	// Queued is when the event was accepted.
	Queued time.Time
	// ARN is the target's.
	ARN string
	// Start is when the attempt started, Took how long it ran.
	Start time.Time
	Took  time.Duration
	// Response is what the target answered. Err is why the call failed; nil if
	// it succeeded.
	Response target.Response
	Err      error
	// Outcome is Delivered, Retry or DeadLettered. Next is when the retry is
	// due; zero unless Outcome is Retry.
	Outcome string
	Next    time.Time
}

// attempt makes one attempt and hands its transition to the settler. An attempt
// that was cancelled by the end of Run or of the queue has none: its row stays
// stored as it was, and the next Run makes the attempt again (invariant 4).
func (w *queue) attempt(ctx context.Context, r *row, b *binding, notes *attempt.Worker, results chan<- transition) {
	a := Attempt{Queue: w.id, Seq: r.seq, Number: r.attempts + 1, Queued: r.queuedAt, ARN: b.policy.ARN, Start: w.q.now()}
	a.Event, a.Response, a.Err = w.call(ctx, r, b, notes)
	a.Took = w.q.now().Sub(a.Start)
	cancelled := a.Err != nil && ctx.Err() != nil
	if !cancelled {
		t := w.decide(r, &a, b.policy)
		w.q.opts.OnAttempt(a)
		results <- t
	}
	// After the transition: the loop counts this caller as idle from here on, and
	// may send it the next job.
	w.mu.Lock()
	if cancelled {
		w.ended = append(w.ended, callResult{})
	} else {
		w.ended = append(w.ended, resultOf(a.Err))
		w.state.record(&a)
	}
	w.mu.Unlock()
	w.wakeup.Set()
}

// call looks the event up, makes the body and delivers it. A target that panics
// has failed.
func (w *queue) call(ctx context.Context, r *row, b *binding, notes *attempt.Worker) (e *event.Event, out target.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.q.opts.Logger.Error("delivery: target panicked", "rule", w.id.Rule, "target", w.id.Target, "panic", p)
			err = &target.Error{Code: target.CodeInternal, Msg: fmt.Sprintf("panic: %v", p)}
		}
	}()
	e, err = w.q.opts.Events(w.id.Bus, r.seq)
	if errors.Is(err, kv.ErrNotFound) {
		return nil, out, &target.Error{Code: CodeEventMissing, Msg: err.Error(), Permanent: true}
	} else if err != nil {
		return nil, out, &target.Error{Code: target.CodeInternal, Msg: err.Error()}
	}
	call := &target.Delivery{Event: e, Bus: w.id.Bus, Rule: w.id.Rule, TargetID: w.id.Target, Attempt: r.attempts + 1}
	if err := w.fill(call, r, &b.policy, notes); err != nil {
		return e, out, &target.Error{Code: CodeInput, Msg: err.Error(), Permanent: true}
	}
	out, err = b.target.Deliver(ctx, call)
	return e, out, err
}

// errEnds is why an event is given up at which processes ended.
var errEnds = fmt.Errorf("%d processes ended while they made the input of the event; redrive it once the rule's target is changed", attempt.Limit)

// inputName names the making of the input of an event for a target.
func (id QueueID) inputName(seq uint64) string {
	return attempt.Name("input", id.Bus, id.Rule, id.Target, strconv.FormatUint(seq, 10))
}

// fill makes what the target is sent. Only that is noted, not the call of the target,
// which may take long: a process that is killed meanwhile did not end at the event.
func (w *queue) fill(call *target.Delivery, r *row, p *Policy, notes *attempt.Worker) (err error) {
	if p.Input == nil {
		call.Body = call.Event.AppendJSON(nil)
		if p.Params == nil {
			return nil
		}
	}
	what := ""
	if log := w.q.opts.Attempts; log != nil {
		what = w.id.inputName(r.seq)
		if log.Ended(what) {
			return errEnds // forgotten once the dead letter is durable, see commit
		}
		defer log.Passed(what)
	}
	notes.Begin(what)
	defer notes.End()
	if p.Input != nil {
		if call.Body, err = p.Input(call.Event); err != nil {
			return err
		}
	}
	if p.Params != nil {
		call.Params, err = p.Params(call.Event)
	}
	return err
}

// decide says how an attempt changes its row, and sets a.Outcome and a.Next. It is
// the only place that decides between retry and dead letter.
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
		backoff := wait.Backoff{Least: p.minBackoff, Most: p.maxBackoff}
		pause := max(backoff.After(n.attempts), failure.RetryAfter)
		n.due = w.q.now().Add(min(pause, p.MaxAge-n.age))
		a.Outcome, a.Next = Retry, n.due
		return transition{queue: w, from: r, retry: n}
	}
	a.Outcome = DeadLettered
	return transition{queue: w, from: r, dead: w.deadLetter(n, a, condition)}
}

// findExpired returns the index in ready of a row that is past its maximal age
// while the breaker is open; -1 if there is none. Once in breakMax it also loads
// such rows from the store.
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

// expire makes a dead letter of a row that is past its maximal age while its
// target fails for other events.
func (w *queue) expire(r *row, b *binding) transition {
	n := w.q.withAge(r)
	a := Attempt{Queue: w.id, Seq: r.seq, ARN: b.policy.ARN, Number: r.attempts}
	a.Event, _ = w.q.opts.Events(w.id.Bus, r.seq)
	if n.code == "" {
		w.mu.Lock()
		n.code, n.msg = target.CodeUnavailable, truncate("the target failed for other events: "+w.state.lastError)
		w.mu.Unlock()
	}
	return transition{queue: w, from: r, dead: w.deadLetter(n, &a, ConditionAge)}
}

// withAge returns a copy of r whose age includes the time since it was measured, or
// since Open if another process measured it.
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

// targetError returns an error of a target as a *target.Error.
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

// CodeOf returns the error code of Attempt.Err, as a dead letter shows it.
func CodeOf(err error) string { return targetError(err).Code }

// truncate cuts a message to maxMsg bytes of valid UTF-8.
func truncate(s string) string {
	if len(s) > maxMsg {
		s = s[:maxMsg]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// An unopened target is one that could not be opened; each attempt fails.
type unopened struct{ err error }

// Deliver implements target.Target.
func (b unopened) Deliver(context.Context, *target.Delivery) (target.Response, error) {
	return target.Response{}, &target.Error{Code: target.CodeNoResource, Msg: b.err.Error()}
}
