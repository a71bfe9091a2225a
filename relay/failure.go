package relay

import (
	"errors"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
)

// ErrRejected marks an error of a Sink that will never take these events. The
// sink wraps it together with the cause. Every other error of a sink means
// that the same events are worth another try.
var ErrRejected = errors.New("relay: the sink rejects the events")

// decide says what to do about an error, and why. It is the only place that
// does.
func decide(err error) (parking.Decision, string) {
	var unmapped *mapping.Error
	switch {
	case errors.Is(err, mapping.ErrUnavailable):
		return parking.Retry, "what maps the record is not available"
	case errors.As(err, &unmapped):
		return parking.Park, "the record cannot be mapped"
	case errors.Is(err, ErrRejected):
		return parking.Park, "the bus rejects the event"
	case errors.Is(err, kv.ErrCorrupt), errors.Is(err, item.ErrBinary), errors.Is(err, parking.ErrDamaged):
		return parking.Halt, "stored bytes are damaged"
	case errors.Is(err, kv.ErrClosed):
		return parking.Halt, "the store is closed"
	case errors.Is(err, kv.ErrDiskFull):
		return parking.Retry, "the disk is full"
	}
	return parking.Retry, "it may pass"
}

// Bounds of the pause between two tries.
const (
	minPause = 10 * time.Millisecond
	maxPause = 5 * time.Second
)
