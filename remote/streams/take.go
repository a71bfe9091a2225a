package streams

import (
	"context"
	"errors"
)

// take makes a row this reader's, if it is still as it was seen. It returns nil
// if it is not.
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
