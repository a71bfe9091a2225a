package delivery

import (
	"time"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/target"
)

const (
	// breakAfter is how many failures in a row open a circuit breaker.
	breakAfter = 10
	// breakMin and breakMax bound the pause before a probe.
	breakMin = time.Second
	breakMax = time.Minute
	// rateSlack is how late a call may start without delaying the calls after
	// it: timers are not exact.
	rateSlack = 10 * time.Millisecond
)

// A callResult is what the end of a call says about the health of the target.
type callResult struct {
	kind       resultKind
	retryAfter time.Duration // what a target that fails asked for
}

type resultKind byte

const (
	callInconclusive resultKind = iota // the target was not called, or not to the end
	callSucceeded
	callFailed
)

// resultOf returns the result of a call that ended with err. A target that
// rejects an event works.
func resultOf(err error) callResult {
	if err == nil {
		return callResult{kind: callSucceeded}
	}
	switch e := targetError(err); {
	case e.Code == CodeInput || e.Code == CodeEventMissing || e.Code == target.CodeInternal:
		return callResult{}
	case e.Permanent:
		return callResult{kind: callSucceeded}
	default:
		return callResult{callFailed, e.RetryAfter}
	}
}

// A breaker is the circuit breaker of a queue. It opens after breakAfter failures
// in a row. While it is open no calls start but single probes, with growing
// pauses between them; a call that succeeds closes it. The queue's loop owns it.
type breaker struct {
	failures int
	open     bool
	halfOpen bool      // a probe is running
	probeAt  time.Time // when the next probe may start, while open
	pauses   wait.Backoff
}

func newBreaker() breaker {
	return breaker{pauses: wait.Backoff{Least: breakMin, Most: breakMax}}
}

// allows reports whether a call may start.
func (b *breaker) allows(now time.Time) bool {
	return !b.open || !b.halfOpen && !now.Before(b.probeAt)
}

// started notes that a call starts, which allows has permitted.
func (b *breaker) started() { b.halfOpen = b.open }

// ended notes the result of a call.
func (b *breaker) ended(r callResult, now time.Time) {
	switch r.kind {
	case callSucceeded:
		b.failures, b.open, b.halfOpen = 0, false, false
		b.pauses.Reset()
		return
	case callInconclusive:
		b.halfOpen = false
		return
	}
	b.failures++
	// Calls that started before the breaker opened end while it is open; only
	// the failure of a probe moves the next one.
	if b.open && !b.halfOpen || b.failures < breakAfter {
		return
	}
	pause := max(b.pauses.Next(), min(r.retryAfter, breakMax))
	b.open, b.halfOpen, b.probeAt = true, false, now.Add(pause)
}

// A limiter spaces the starts of a queue's calls. The queue's loop owns it.
type limiter struct {
	next time.Time // no call may start earlier
}

// allows reports whether a call may start at a rate of calls a second; 0 is no
// limit.
func (l *limiter) allows(now time.Time, rate int) bool {
	return rate == 0 || !now.Before(l.next)
}

// started notes that a call starts.
func (l *limiter) started(now time.Time, rate int) {
	if rate == 0 {
		return
	}
	if earliest := now.Add(-rateSlack); l.next.Before(earliest) {
		l.next = earliest
	}
	l.next = l.next.Add(time.Second / time.Duration(rate))
}

// admit reports whether breaker and limiter let a call start, which the caller
// then starts.
func (w *queue) admit(rate int) bool {
	if !w.breaker.open && rate == 0 {
		return true // without reading the clock
	}
	now := w.q.now()
	if !w.breaker.allows(now) || !w.limiter.allows(now, rate) {
		return false
	}
	w.breaker.started()
	w.limiter.started(now, rate)
	return true
}

// nextAdmission returns when admit may say yes again after it has said no; zero
// if that depends on the probe that is running.
func (w *queue) nextAdmission() time.Time {
	switch {
	case w.breaker.halfOpen:
		return time.Time{}
	case w.breaker.open && w.breaker.probeAt.After(w.limiter.next):
		return w.breaker.probeAt
	default:
		return w.limiter.next
	}
}
