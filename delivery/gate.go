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
type verdict struct {
	kind       verdictKind
	retryAfter time.Duration // what a failing other side asked for
}

type verdictKind byte

const (
	silent verdictKind = iota // nothing: it was not called, or not to the end
	alive
	failing
)

// verdictOf reads a verdict off the error of a call. A refusal shows that
// somebody is there.
func verdictOf(err error) verdict {
	if err == nil {
		return verdict{kind: alive}
	}
	switch e := asError(err); {
	case e.Code == CodeInput || e.Code == CodeEventMissing || e.Code == target.CodeInternal:
		return verdict{}
	case e.Permanent:
		return verdict{kind: alive}
	default:
		return verdict{failing, e.RetryAfter}
	}
}

// A gate is a queue's circuit breaker and rate limit: it says when the next
// call may start. After breakAfter failures in a row it is shut; then, now and
// then, one call probes the other side, and its success opens the gate. It is
// owned by the queue's loop.
type gate struct {
	failures int
	shut     bool
	until    time.Time     // of the next probe, while shut
	pause    time.Duration // before it
	probing  bool          // a probe is under way
	free     time.Time     // the rate permits no call before
}

// admit reports whether a call may start, which it then must. It reads the clock
// only if that depends on the time.
func (g *gate) admit(clock func() time.Time, rate int) bool {
	if !g.shut && rate == 0 {
		return true
	}
	now := clock()
	switch {
	case g.shut && (g.probing || now.Before(g.until)), rate > 0 && now.Before(g.free):
		return false
	}
	g.probing = g.shut
	if rate > 0 {
		if earliest := now.Add(-rateSlack); g.free.Before(earliest) {
			g.free = earliest
		}
		g.free = g.free.Add(time.Second / time.Duration(rate))
	}
	return true
}

// take takes in the verdict of a call that ended.
func (g *gate) take(v verdict, now time.Time) {
	switch v.kind {
	case alive:
		g.failures, g.shut, g.pause, g.probing = 0, false, 0, false
		return
	case silent:
		g.probing = false
		return
	}
	g.failures++
	if g.shut && !g.probing || g.failures < breakAfter {
		return
	}
	g.pause = min(max(2*g.pause, breakMin), breakMax)
	g.shut, g.probing, g.until = true, false, now.Add(max(g.pause, min(v.retryAfter, breakMax)))
}

// next returns when a call may start that may not start now; zero if that
// depends on a call that is under way, or none has to wait.
func (g *gate) next() time.Time {
	switch {
	case g.shut && g.probing:
		return time.Time{}
	case g.shut && g.until.After(g.free):
		return g.until
	default:
		return g.free
	}
}
