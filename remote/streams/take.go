package streams

import (
	"context"
	"errors"
)

// take makes the lease of a row this worker's, if the row still has the owner and
// the counter that were seen; else it returns nil.
func (s *session) take(ctx context.Context, seen row) (*lease, error) {
	next := seen
	next.Owner, next.Counter = s.o.Worker, seen.Counter+1
	sent := s.o.Now()
	there, err := s.rows.swap(ctx, seen, next)
	switch {
	case errors.Is(err, errLost):
		return nil, nil // who gets it by a lost reply sees it in the next scan as its own
	case err != nil:
		return nil, err
	}
	return held(s.rows, s.o, there, sent), nil
}
