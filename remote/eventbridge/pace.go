package eventbridge

import (
	"context"
	"sync"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// firstGap is the gap after the first throttling. One that shrinks below leastGap is
// no gap any more.
const (
	firstGap = 5 * time.Millisecond
	leastGap = time.Millisecond
)

// A pace is the rate limit of PutEvents calls, adapted to throttling: the gap between
// two calls doubles when one is throttled, and shrinks by a tenth with each that is
// not, until there is none. All calls of a Publisher share it.
type pace struct {
	most time.Duration // the widest gap

	mu      sync.Mutex
	gap     time.Duration // between two calls; 0 for none. Guarded by mu
	next    time.Time     // when the next call may begin. Guarded by mu
	changed time.Time     // when the gap was last widened. Guarded by mu
}

// wait returns nil when a call may begin, or the context's error.
func (p *pace) wait(ctx context.Context, now func() time.Time) error {
	at := now()
	return wait.Sleep(ctx, p.reserve(at).Sub(at))
}

// reserve returns when a call may begin that asks now.
func (p *pace) reserve(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap == 0 {
		return now
	}
	// Each caller takes the next free moment and moves next on, under the lock: callers
	// that wait at once wait for different moments.
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next
	p.next = at.Add(p.gap)
	return at
}

// adapt adapts the gap to the answer to a call that began and ended at these times.
// Calls that were under way together widen it once.
func (p *pace) adapt(throttled bool, began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !throttled {
		if p.gap -= p.gap / 10; p.gap < leastGap {
			p.gap = 0
		}
		return
	}
	if began.Before(p.changed) { // it was sent at the rate that was too high, which is known
		return
	}
	p.gap = min(max(2*p.gap, firstGap), p.most)
	p.changed = now
}

// interval returns the gap between calls.
func (p *pace) interval() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gap
}

// pause returns how long to wait after so many failures.
func (p *Publisher) pause(tries int) time.Duration {
	return (&wait.Backoff{Least: p.opts.MinPause, Most: p.opts.MaxPause}).After(tries)
}
