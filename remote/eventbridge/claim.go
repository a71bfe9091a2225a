package eventbridge

import (
	"context"
	"fmt"

	"github.com/tablecast/tablecast/target/claim"
)

// tooLarge reports whether an event must not be sent as it is.
func (p *Publisher) tooLarge(s *pendingEvent) bool {
	size := s.event.Size(true)
	return size > p.opts.MaxBytes || p.opts.Claims != nil && !s.claimed && size > p.opts.ClaimAbove
}

// check puts the detail of an event that is too large into the claim check's
// store, and in its place what refers to it. Errors are of type *RejectedError
// or those of the store, which may pass.
func (p *Publisher) check(ctx context.Context, s *pendingEvent) error {
	size := s.event.Size(true)
	if p.opts.Claims == nil || s.claimed {
		return &RejectedError{"TooLarge", fmt.Sprintf("the event has %d bytes, and a request takes %d; set mapping.claim-check", size, p.opts.MaxBytes)}
	}
	detail, err := claim.Check(ctx, p.opts.Claims, s.event.ID, s.event.Detail)
	if err != nil {
		return fmt.Errorf("eventbridge: claim check: %w", err)
	}
	s.event.Detail, s.claimed = detail, true
	return nil
}
