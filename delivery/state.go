package delivery

import (
	"cmp"
	"slices"
	"time"
)

// A QueueState shows what a queue is doing, for operators and metrics.
type QueueState struct {
	ID  QueueID
	ARN string
	Counts
	// InFlight is how many attempts are running.
	InFlight int
	// Failures is how many attempts have failed since the last success.
	Failures int
	// LastError and LastErrorAt describe the latest failure since the node was
	// started; empty if there was none.
	LastError   string
	LastErrorAt time.Time
	// NextProbe is when the circuit breaker lets the next probe start; zero
	// while the breaker is closed.
	NextProbe time.Time
}

// record notes an attempt that has ended. The caller holds the queue's mu.
func (s *state) record(a *Attempt) {
	if a.Err == nil {
		s.failures = 0
		return
	}
	s.failures++
	s.lastError, s.errorAt = truncate(a.Err.Error()), a.Start.Add(a.Took)
}

// States returns the state of each queue, sorted by ID.
func (q *Queues) States() []QueueState {
	q.mu.Lock()
	queues := make([]*queue, 0, len(q.queues))
	out := make([]QueueState, 0, len(q.queues))
	for id, w := range q.queues {
		queues = append(queues, w)
		out = append(out, QueueState{ID: id, Counts: *q.counts[id]})
	}
	q.mu.Unlock()
	for i, w := range queues {
		w.mu.Lock()
		out[i].InFlight, out[i].Failures = w.state.calls, w.state.failures
		out[i].NextProbe = w.state.probeAt
		out[i].LastError, out[i].LastErrorAt = w.state.lastError, w.state.errorAt
		w.mu.Unlock()
		if d := w.binding.Load(); d != nil {
			out[i].ARN = d.policy.ARN
		}
	}
	slices.SortFunc(out, func(a, b QueueState) int {
		return cmp.Or(cmp.Compare(a.ID.Bus, b.ID.Bus), cmp.Compare(a.ID.Rule, b.ID.Rule), cmp.Compare(a.ID.Target, b.ID.Target))
	})
	return out
}
