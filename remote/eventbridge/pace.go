package eventbridge

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Bounds of a pace that is slowed down. Below slowest, calls are not held back.
const (
	firstGap = 5 * time.Millisecond
	leastGap = time.Millisecond
)

// A pace holds calls apart. It halves when calls are throttled, and rises by a
// tenth with each that is not, until nothing is held back.
type pace struct {
	most time.Duration // the widest gap

	mu      sync.Mutex
	gap     time.Duration // between two calls; 0 for none. Guarded by mu
	next    time.Time     // when the next call may begin. Guarded by mu
	changed time.Time     // when the gap was last widened. Guarded by mu
}

// wait returns when a call may begin, or with the context's error.
func (p *pace) wait(ctx context.Context, now func() time.Time) error {
	at := now()
	d := p.reserve(at).Sub(at)
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reserve returns when a call may begin that asks now.
func (p *pace) reserve(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gap == 0 {
		return now
	}
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next
	p.next = at.Add(p.gap)
	return at
}

// adapt learns from the answer to a call that began and ended at these times.
// Calls that were under way together slow the pace down once.
func (p *pace) adapt(throttled bool, began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !throttled {
		if p.gap -= p.gap / 10; p.gap < leastGap {
			p.gap = 0
		}
		return
	}
	if began.Before(p.changed) {
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

// pause returns how long to wait after so many failures: half of a span that
// doubles, and a random part of the other half.
func (p *Publisher) pause(tries int) time.Duration {
	d := p.opts.MinPause
	for ; tries > 1 && d < p.opts.MaxPause; tries-- {
		d *= 2
	}
	d = min(d, p.opts.MaxPause)
	return d/2 + rand.N(d/2+1)
}
