package kv

import (
	"container/heap"
	"context"
	"math"
	"sync"
	"sync/atomic"
)

// WaitDurable returns nil once sequence number n is durable, or the error of ctx
// once that ends. n may be a number that no commit has taken yet.
func (s *Store) WaitDurable(ctx context.Context, n uint64) error {
	if s.durable.Load() >= n {
		return nil
	}
	w := s.waiters.add(n)
	// A commit that became durable between the check and add did not see this
	// waiter. From here on every commit does: add has lowered lowest, and advance
	// reads it after it raised durable.
	s.waiters.wake(&s.durable)
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		s.waiters.remove(w)
		return ctx.Err()
	}
}

// waiters are the callers of WaitDurable, lowest number first. A commit without a
// waiter costs one atomic load.
type waiters struct {
	lowest atomic.Uint64 // the first waiter's number, or noWaiter

	mu   sync.Mutex
	heap waiterHeap // guarded by mu
}

const noWaiter = math.MaxUint64

// A waiter waits for n to be durable; done is closed then.
type waiter struct {
	n     uint64
	done  chan struct{}
	index int // in the heap; -1 once removed
}

func (w *waiters) add(n uint64) *waiter {
	it := &waiter{n: n, done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	heap.Push(&w.heap, it)
	w.setLowestLocked()
	return it
}

func (w *waiters) remove(it *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if it.index >= 0 {
		heap.Remove(&w.heap, it.index)
		w.setLowestLocked()
	}
}

// wake closes done of the waiters whose number is durable.
func (w *waiters) wake(durable *atomic.Uint64) {
	if durable.Load() < w.lowest.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := durable.Load() // may have risen since; what it covers is woken, too
	for len(w.heap) > 0 && w.heap[0].n <= now {
		close(heap.Pop(&w.heap).(*waiter).done)
	}
	w.setLowestLocked()
}

func (w *waiters) setLowestLocked() {
	if len(w.heap) == 0 {
		w.lowest.Store(noWaiter)
		return
	}
	w.lowest.Store(w.heap[0].n)
}

// waiterHeap implements heap.Interface.
type waiterHeap []*waiter

func (h waiterHeap) Len() int           { return len(h) }
func (h waiterHeap) Less(i, j int) bool { return h[i].n < h[j].n }
func (h waiterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *waiterHeap) Push(x any) {
	w := x.(*waiter)
	w.index = len(*h)
	*h = append(*h, w)
}

func (h *waiterHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h, w.index = old[:len(old)-1], -1
	return w
}
