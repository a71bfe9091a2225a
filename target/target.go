package target

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
)

// MaxResponseBytes is how many bytes of a response body are kept.
const MaxResponseBytes = 64 << 10

// A Target hands events to someone outside. Deliver may be called from several
// goroutines at once. A nil error means that the event was taken. An *Error
// says how it failed; any other error means that the call is worth repeating,
// except that a call whose context was cancelled has no outcome.
type Target interface {
	Deliver(ctx context.Context, d *Delivery) (Response, error)
}

// A Delivery is one attempt to hand over one event. The target changes nothing
// in it and keeps nothing of it.
type Delivery struct {
	Event *event.Event
	// Body is what to send: the envelope, unless the rule makes another input.
	Body []byte
	// Bus, Rule and TargetID say on whose behalf.
	Bus, Rule, TargetID string
	// Params are the parameter blocks of the target, by their names in AWS's
	// API; may be nil.
	Params map[string]jsontext.Value
	// Attempt counts from 1.
	Attempt int
}

// A Response is what the called side answered.
type Response struct {
	// Status is one line: "200 OK", "exit status 0".
	Status string
	// Body is at most MaxResponseBytes; may be nil.
	Body []byte
}

// Codes of an Error; what a dead letter's error code says.
const (
	CodeTimeout       = "TIMEOUT"          // no whole answer within the deadline
	CodeThrottling    = "THROTTLING"       // told to come back
	CodeClientError   = "SDK_CLIENT_ERROR" // the other side rejects this event
	CodeNoPermissions = "NO_PERMISSIONS"   // not allowed to call
	CodeNoResource    = "NO_RESOURCE"      // nobody there to call, and nobody will be
	CodeUnavailable   = "UNAVAILABLE"      // cannot be reached, or fails by itself
	CodeInternal      = "INTERNAL_ERROR"   // this side failed
)

// An Error says why a call failed and whether to repeat it.
type Error struct {
	// Code is one of the Code constants.
	Code string
	// Msg is one line for humans.
	Msg string
	// Permanent means that repeating the call cannot help.
	Permanent bool
	// RetryAfter is how long the other side asks to be left alone; 0 if it did
	// not ask.
	RetryAfter time.Duration
}

// Error returns the message.
func (e *Error) Error() string { return e.Msg }
