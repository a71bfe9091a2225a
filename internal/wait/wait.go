// Package wait holds the ways in which a goroutine waits: for some time, until it
// may retry, or until another goroutine wakes it.
//
// It keeps time by package time alone, so that tests run it in a testing/synctest
// bubble. Sleep and Backoff.Wait end with their context.
package wait

import (
	"context"
	"math/rand/v2"
	"time"
)

// Sleep returns nil after d, or the error of ctx once that ends. If d is not
// positive it returns at once, with the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
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

// Jitter returns a random time from d/2 to d, so that clients which failed at the
// same time do not retry at the same time.
func Jitter(d time.Duration) time.Duration {
	if d < 2 {
		return d
	}
	return d - rand.N(d/2+1)
}

// A Backoff gives the pauses between the retries of one operation. They double from
// Least to Most and have jitter. It belongs to one goroutine.
type Backoff struct {
	Least, Most time.Duration
	failures    int
}

// Next counts a failure and returns the pause before the next try.
func (b *Backoff) Next() time.Duration {
	b.failures++
	return b.After(b.failures)
}

// Wait counts a failure and sleeps until the next try.
func (b *Backoff) Wait(ctx context.Context) error { return Sleep(ctx, b.Next()) }

// Reset forgets all failures: the next pause is the shortest again.
func (b *Backoff) Reset() { b.failures = 0 }

// After returns the pause after this number of failures in a row, from 1. It
// leaves the count of Next as it is.
func (b *Backoff) After(failures int) time.Duration {
	d := b.Least
	for ; failures > 1 && d < b.Most; failures-- {
		d *= 2
	}
	return Jitter(min(d, b.Most))
}

// A Signal wakes one goroutine, which receives from it. Several calls of Set before
// a receive wake it once: after a receive, the goroutine must look at all that may
// have been reported.
type Signal chan struct{}

// NewSignal returns a signal that is not set. Waiting is receiving from it.
func NewSignal() Signal { return make(Signal, 1) }

// Set sets the signal. Any goroutine may call it; it never blocks.
func (s Signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}
