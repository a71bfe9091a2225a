package streams

import (
	"context"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

const (
	leastGap = 250 * time.Millisecond // between calls, after the first throttling
	mostGap  = 10 * time.Second
)

// A pacer spaces calls: at most perSecond in any second, further apart after
// throttling until that passes. It belongs to one goroutine.
type pacer struct {
	now  func() time.Time
	sent []time.Time   // the last calls, as many as a second may have; empty: no bound
	next int           // the oldest of sent
	last time.Time     // of the last call
	gap  time.Duration // between calls, adapted
}

// newPacer returns a pacer; perSecond below 0 is no bound.
func newPacer(perSecond int, now func() time.Time) *pacer {
	return &pacer{now: now, sent: make([]time.Time, max(perSecond, 0))}
}

// wait returns when the next call may be made.
func (p *pacer) wait(ctx context.Context) error {
	at := p.last.Add(wait.Jitter(p.gap))
	if len(p.sent) > 0 {
		if second := p.sent[p.next].Add(time.Second); second.After(at) {
			at = second
		}
	}
	return wait.Sleep(ctx, at.Sub(p.now()))
}

// count notes that a call is made now.
func (p *pacer) count() {
	p.last = p.now()
	if len(p.sent) > 0 {
		p.sent[p.next] = p.last
		p.next = (p.next + 1) % len(p.sent)
	}
}

// slower widens the gap, because the server throttled.
func (p *pacer) slower() { p.gap = min(max(2*p.gap, leastGap), mostGap) }

// faster narrows the gap, because the server answered.
func (p *pacer) faster() {
	if p.gap /= 2; p.gap < leastGap/4 {
		p.gap = 0
	}
}
