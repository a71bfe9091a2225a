package event

import (
	"errors"
	"time"
)

// Limits of EventBridge's PutEvents (API reference and quotas), which our bus
// keeps.
const (
	// MaxPutEntries is the most events in one request.
	MaxPutEntries = 10
	// MaxPutSize is the most that the Size of a request's events may add up
	// to; EventBridge raised it from 256 KiB in January 2026.
	MaxPutSize = 1 << 20
	// MaxSource is the most characters of a source.
	MaxSource = 256
	// MaxDetailType is the most characters of a detail type.
	MaxDetailType = 128
	// MaxDetailDepth is how deep objects and arrays in a detail may nest, the
	// detail itself included.
	MaxDetailDepth = 1000

	timeBytes = 14 // what a given time counts for in Size
)

// Errors of this package.
var (
	// ErrEnvelope means that bytes are not an event envelope: malformed JSON, a
	// member of the wrong type, or one of id, detail-type, source, account,
	// time and region missing.
	ErrEnvelope = errors.New("event: not an event envelope")
	// ErrDetail means that a detail is not a JSON object within MaxDetailDepth.
	ErrDetail = errors.New("event: detail is not a JSON object")
	// ErrCorrupt means that stored bytes are not an event.
	ErrCorrupt = errors.New("event: corrupt stored event")
)

// An Event is plain data. Whoever shares one does not change it.
type Event struct {
	// ID identifies the event for every rule and target; a UUID.
	ID string
	// Source and DetailType say who raised it and what happened.
	Source, DetailType string
	// Account and Region are those of the bus that first accepted it.
	Account, Region string
	// Time is when it happened, as its producer says.
	Time time.Time
	// Resources name what it is about; may be nil.
	Resources []string
	// Detail is a JSON object.
	Detail []byte
	// ReplayName names the replay that sent it again, or is empty.
	ReplayName string
	// Group orders it among events of the same group for targets that ask for
	// order. Events without a group are not ordered. Not in the envelope.
	Group string
	// Forwarded says that it came to its bus from another bus. Not in the
	// envelope.
	Forwarded bool
	// Trace is the trace header it came with, as X-Amzn-Trace-Id has it. Not in
	// the envelope.
	Trace string
	// Cause is the change that raised it; zero for events of other producers.
	// Not in the envelope.
	Cause Cause
}

// A Cause is a change of a table and the definition that made an event of it.
type Cause struct {
	Table, Sequence, Definition string
}

// Size returns the bytes that the event counts for in a request: its source,
// detail type, detail and resources, and 14 more if timed says that its
// producer gave a time.
func (e *Event) Size(timed bool) int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if timed {
		n += timeBytes
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}
