package worker

import (
	"errors"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/remote/eventbridge"
)

// decide says what to do about a record that failed, and why. It is the only
// place that does. The publisher itself tries on what may pass.
func decide(err error) (parking.Decision, string) {
	var unmapped *mapping.Error
	switch {
	case errors.Is(err, mapping.ErrUnavailable):
		return parking.Retry, "what maps the record is not available"
	case errors.Is(err, parking.ErrBehind):
		return parking.Park, "an earlier record of the item is parked"
	case errors.As(err, &unmapped):
		return parking.Park, "the record cannot be mapped"
	case errors.Is(err, eventbridge.ErrRejected):
		return parking.Park, "the bus refuses the event"
	case errors.Is(err, parking.ErrDamaged):
		return parking.Halt, "a row of the state table is damaged"
	}
	return parking.Retry, "it may pass"
}
