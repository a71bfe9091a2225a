package delivery

import (
	"time"

	"github.com/tablecast/tablecast/target"
)

const (
	// breakAfter is how many failures in a row shut a gate.
	breakAfter = 10
	// breakMin and breakMax bound how long a gate stays shut before a probe;
	// the time doubles with each probe that fails.
	breakMin = time.Second
	breakMax = time.Minute
	// rateSlack is how late a call may be without costing the calls after it
	// their time: timers are not exact.
	rateSlack = 10 * time.Millisecond
)

// A verdict is what the end of a call tells of the other side.
type callResult struct {
	kind       resultKind
	retryAfter time.Duration // what a failing other side asked for
}

type resultKind byte

const (
	inconclusive resultKind = iota // nothing: it was not called, or not to the end
	succeeded
	failed
)

// verdictOf reads a verdict off the error of a call. A refusal shows that
// somebody is there.
func resultOf(err error) callResult {
	if err == nil {
		return callResult{kind: succeeded}
	}
	switch e := targetError(err); {
	case e.Code == CodeInput || e.Code == CodeEventMissing || e.Code == target.CodeInternal:
		return callResult{}
	case e.Permanent:
		return callResult{kind: succeeded}
	default:
		return callResult{failed, e.RetryAfter}
	}
}

// A gate is a queue's circuit breaker and rate limit: it says when the next
// call may start. After breakAfter failures in a row it is shut; then, now and
// then, one call probes the other side, and its success opens the gate. It is
// owned by the queue's loop.
type breaker struct {
	failures int
	open     bool
	probeAt  time.Time     // of the next probe, while shut
	pause    time.Duration // before it
	halfOpen bool          // a probe is under way
	nextSlot time.Time     // the rate permits no call before
}

// admit reports whether a call may start, which it then must. It reads the clock
// only if that depends on the time.
func (g *breaker) admit(clock func() time.Time, rate int) bool {
	if !g.open && rate == 0 {
		return true
	}
	now := clock()
	switch {
	case g.open && (g.halfOpen || now.Before(g.probeAt)), rate > 0 && now.Before(g.nextSlot):
		return false
	}
	g.halfOpen = g.open
	if rate > 0 {
		if earliest := now.Add(-rateSlack); g.nextSlot.Before(earliest) {
			g.nextSlot = earliest
		}
		g.nextSlot = g.nextSlot.Add(time.Second / time.Duration(rate))
	}
	return true
}

// take takes in the verdict of a call that ended.
func (g *breaker) record(v callResult, now time.Time) {
	switch v.kind {
	case succeeded:
		g.failures, g.open, g.pause, g.halfOpen = 0, false, 0, false
		return
	case inconclusive:
		g.halfOpen = false
		return
	}
	g.failures++
	if g.open && !g.halfOpen || g.failures < breakAfter {
		return
	}
	g.pause = min(max(2*g.pause, breakMin), breakMax)
	g.open, g.halfOpen, g.probeAt = true, false, now.Add(max(g.pause, min(v.retryAfter, breakMax)))
}

// next returns when a call may start that may not start now; zero if that
// depends on a call that is under way, or none has to wait.
func (g *breaker) next() time.Time {
	switch {
	case g.open && g.halfOpen:
		return time.Time{}
	case g.open && g.probeAt.After(g.nextSlot):
		return g.probeAt
	default:
		return g.nextSlot
	}
}
