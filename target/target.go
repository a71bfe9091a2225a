package target

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
)

// MaxResponseBytes is how many bytes of a response body are kept.
const MaxResponseBytes = 64 << 10

// A Target delivers events to something outside of the bus. A program that embeds
// a node gives its own with tablecast.Options.Targets.
type Target interface {
	// Deliver makes one attempt to deliver one event. It is called from several
	// goroutines at once, and must return soon after ctx has ended, as a node
	// that closes waits for it.
	//
	// A nil error means that the event is delivered. An *Error says whether
	// another attempt can help; any other error is retried by the policy of the
	// rule's target, and so is a panic. An event may be delivered more than once:
	// after a crash, or if an attempt succeeded but its answer was lost.
	Deliver(ctx context.Context, d *Delivery) (Response, error)
}

// Func is a function that is a Target.
type Func func(ctx context.Context, d *Delivery) (Response, error)

// Deliver calls f.
func (f Func) Deliver(ctx context.Context, d *Delivery) (Response, error) { return f(ctx, d) }

// A Delivery is one attempt to deliver one event. A target must not change it, nor
// keep any of it after Deliver has returned.
type Delivery struct {
	Event *event.Event
	// Body is what to send: the envelope as JSON, unless the rule's target has
	// another input.
	Body []byte
	// Bus, Rule and TargetID name the target of the rule that the event is for.
	Bus, Rule, TargetID string
	// Params are the parameter blocks of the target, by their names in AWS's API,
	// as HttpParameters; may be nil.
	Params map[string]jsontext.Value
	// Attempt is 1 for the first attempt.
	Attempt int
}

// A Response is what the called side answered.
type Response struct {
	// Status is one line for people, as "200 OK" or "exit status 0".
	Status string
	// Body has at most MaxResponseBytes; may be nil.
	Body []byte
}

// Values of Error.Code, which dead letters show as ERROR_CODE. They are
// EventBridge's where it has one.
const (
	CodeTimeout       = "TIMEOUT"          // no complete response within the deadline
	CodeThrottling    = "THROTTLING"       // the called side limits the rate
	CodeClientError   = "SDK_CLIENT_ERROR" // the called side rejects this event
	CodeNoPermissions = "NO_PERMISSIONS"   // the call is not authorized
	CodeNoResource    = "NO_RESOURCE"      // what the address names does not exist
	CodeUnavailable   = "UNAVAILABLE"      // the called side cannot be reached, or has failed
	CodeInternal      = "INTERNAL_ERROR"   // the node failed
)

// An Error says why a call failed and whether to retry it.
type Error struct {
	// Code is one of the Code constants, or a code of a target in Go.
	Code string
	// Msg is one line for people.
	Msg string
	// Permanent means that another attempt cannot help: the event becomes a dead
	// letter.
	Permanent bool
	// RetryAfter is the least pause before the next attempt; 0 leaves it to the
	// backoff.
	RetryAfter time.Duration
}

// Error returns the message.
func (e *Error) Error() string { return e.Msg }
