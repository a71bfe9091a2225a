package relay

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
)

// ErrRejected marks an error of a Sink that will never take these events. The
// sink wraps it together with the cause. Every other error of a sink means
// that the same events are worth another try.
var ErrRejected = errors.New("relay: the sink rejects the events")

// A Decision says what becomes of records that could not be handed over.
type Decision int

// The decisions.
const (
	Retry Decision = iota // the same page again, after a pause
	Park                  // keep the record aside and go on
	Halt                  // end the relay; going on would hide damage
)

// String returns the decision's name.
func (d Decision) String() string { return [...]string{"retry", "park", "halt"}[d] }

// decide says what to do about an error, and why. It is the only place that
// does.
func decide(err error) (Decision, string) {
	var unmapped *mapping.Error
	switch {
	case errors.Is(err, mapping.ErrUnavailable):
		return Retry, "what maps the record is not available"
	case errors.As(err, &unmapped):
		return Park, "the record cannot be mapped"
	case errors.Is(err, ErrRejected):
		return Park, "the bus rejects the event"
	case errors.Is(err, kv.ErrCorrupt), errors.Is(err, item.ErrBinary):
		return Halt, "stored bytes are damaged"
	case errors.Is(err, kv.ErrClosed):
		return Halt, "the store is closed"
	case errors.Is(err, kv.ErrDiskFull):
		return Retry, "the disk is full"
	}
	return Retry, "it may pass"
}

// Bounds of the pause between two tries.
const (
	minPause = 10 * time.Millisecond
	maxPause = 5 * time.Second
)

// A backoff is a pause that grows.
type backoff struct{ last time.Duration }

func (b *backoff) wait(ctx context.Context) {
	b.last = min(max(2*b.last, minPause), maxPause)
	pause(ctx, b.last)
}
