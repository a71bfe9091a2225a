package delivery

import (
	"context"
	"sync"
	"time"
)

// resultBuffer is how many transitions may wait for the settler.
const resultBuffer = 256

// Run delivers for all queues, including those that Set adds meanwhile, until ctx
// ends. Then it starts no more attempts, lets the running ones go on for
// Options.Grace, cancels the rest, and returns nil. It returns early with the
// error of a store that cannot be read or written. Only one Run may be active.
func (q *Queues) Run(ctx context.Context) error {
	stop, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	// Attempts outlive ctx by the grace.
	calls, cancelCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelCalls()
	results := make(chan transition, resultBuffer)
	var settler, loops sync.WaitGroup
	var unsettled error
	settler.Go(func() { unsettled = q.settle(results, fail) })
	for stop.Err() == nil {
		for _, w := range q.claimIdle() {
			loops.Go(func() {
				if err := w.loop(stop, calls, results); err != nil {
					fail(err)
				}
				q.mu.Lock()
				w.running = false
				q.mu.Unlock()
			})
		}
		select {
		case <-q.queueAdded:
		case <-stop.Done():
		}
	}
	// In this order: loops end with their attempts, whose transitions the settler
	// still takes; it ends when no more can come.
	grace := time.AfterFunc(q.opts.Grace, cancelCalls)
	defer grace.Stop()
	loops.Wait()
	close(results)
	settler.Wait()
	if ctx.Err() == nil {
		return context.Cause(stop)
	}
	return unsettled
}

// claimIdle returns the queues that have no loop and marks them as running.
func (q *Queues) claimIdle() []*queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*queue
	for _, w := range q.queues {
		if !w.running && w.binding.Load() != nil {
			w.running = true
			out = append(out, w)
		}
	}
	return out
}
