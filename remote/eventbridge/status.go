package eventbridge

import (
	"context"
	"errors"
	"time"
)

// A Status is what Publisher.Status returns, for operators and metrics. Counts are
// since New.
type Status struct {
	Published uint64 // events that a bus accepted
	Rejected  uint64 // events that a bus will never take
	Retried   uint64 // entries that failed and are tried again
	Throttled uint64 // calls that were throttled, in whole or in part
	// Gap is the time between two calls, which grows as the service throttles.
	Gap time.Duration
	// Denied says why calls are not allowed, nil if they are. It wraps ErrDenied.
	Denied error
	// Failure is why the last call failed as a whole, nil if it did not.
	Failure error
}

// Status returns the counts and what fails at present.
func (p *Publisher) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status
	s.Gap = p.pace.interval()
	return s
}

// count counts the results of the entries of an answer, and reports whether
// there were too many.
func (p *Publisher) count(errs []error) (slow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, err := range errs {
		switch {
		case err == nil:
			p.status.Published++
		case !isRejected(err):
			p.status.Retried++
			slow = slow || isThrottle(err)
		}
	}
	if slow {
		p.status.Throttled++
	}
	return slow
}

// rejected counts and logs an event that is given up.
func (p *Publisher) rejected(s *pendingEvent, err error) {
	p.mu.Lock()
	p.status.Rejected++
	p.mu.Unlock()
	p.opts.Logger.Error("eventbridge: event rejected", "bus", s.bus, "source", s.event.Source, "detailType", s.event.DetailType,
		"event", s.event.ID, "error", err)
}

// learn takes the outcome of a call as a whole into the status, and logs changes.
func (p *Publisher) learn(ctx context.Context, k kind, err error) {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	p.mu.Lock()
	before := p.status
	p.status.Failure, p.status.Denied = err, nil
	switch k {
	case throttled:
		p.status.Throttled++
	case denied:
		p.status.Denied = k.wrap(err)
	case refused:
		p.status.Failure = before.Failure // it concerns the entries
	}
	now := p.status
	p.mu.Unlock()
	p.tell(before, now, err)
}

// tell logs what an operator has to know, once as long as it does not change.
func (p *Publisher) tell(before, now Status, err error) {
	switch {
	case now.Denied != nil && before.Denied == nil:
		p.opts.Logger.Error("eventbridge: PutEvents is not allowed; trying on", "remedy", hint(err), "error", err)
	case now.Failure != nil && before.Failure == nil:
		p.opts.Logger.Warn("eventbridge: PutEvents failed; trying on", "error", err)
	case now.Failure == nil && before.Failure != nil:
		p.opts.Logger.Info("eventbridge: PutEvents works again")
	}
}
