// Package wait holds the ways in which a goroutine waits for something else: for
// a time, for the next try, for a word from another goroutine.
//
// All of it is over package time, so that tests run it in a testing/synctest
// bubble. Everything that waits ends with its context.
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

// Jitter returns a random time from d/2 to d, so that those who failed together
// do not try again together.
func Jitter(d time.Duration) time.Duration {
	if d < 2 {
		return d
	}
	return d - rand.N(d/2+1)
}

// A Backoff spaces the tries of one thing that fails: pauses with jitter that
// double from Least to Most. It belongs to one goroutine.
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

// After returns the pause after a number of failures in a row, the first being
// 1. It counts nothing.
func (b *Backoff) After(failures int) time.Duration {
	d := b.Least
	for ; failures > 1 && d < b.Most; failures-- {
		d *= 2
	}
	return Jitter(min(d, b.Most))
}

// A Signal wakes one goroutine. Setting it several times before it is received
// wakes it once, so nothing that was set before a receive is missed by what is
// done after it.
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
