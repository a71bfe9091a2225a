package event

import (
	"errors"
	"time"
)

// Limits of EventBridge's PutEvents (API reference and quotas), which the buses
// of a node keep.
const (
	// MaxPutEntries is how many events one request may hold.
	MaxPutEntries = 10
	// MaxPutSize is how many bytes the events of one request may have together,
	// as Size counts them; EventBridge raised it from 256 KiB in January 2026.
	MaxPutSize = 1 << 20
	// MaxSource is how many characters a source may have.
	MaxSource = 256
	// MaxDetailType is how many characters a detail type may have.
	MaxDetailType = 128
	// MaxDetailDepth is how deep objects and arrays in a detail may nest, the
	// detail itself included. It is for producers that build deep details.
	MaxDetailDepth = 1000

	timeBytes = 14 // what Size counts for a time that the producer gave
)

// Errors of Parse, CheckDetail and DecodeBinary.
var (
	// ErrEnvelope means that bytes are not an event envelope: malformed JSON, a
	// member of the wrong type, or one of id, detail-type, source, account,
	// time and region missing.
	ErrEnvelope = errors.New("event: not an event envelope")
	// ErrDetail means that a detail is not a JSON object within MaxDetailDepth.
	ErrDetail = errors.New("event: detail is not a JSON object")
	// ErrCorrupt means that stored bytes are not an event; for programs that
	// check a store.
	ErrCorrupt = errors.New("event: corrupt stored event")
)

// An Event is one event of a bus. It is plain data; code that shares one with
// others, as targets and observers do, must not change it.
type Event struct {
	// ID is a UUID that the bus gives. It stays the same over all attempts and
	// targets, so that consumers can tell a duplicate.
	ID string
	// Source names the producer, as in myapp.orders; DetailType names what
	// happened, as in OrderPlaced.
	Source, DetailType string
	// Account and Region are those of the bus that first accepted the event.
	Account, Region string
	// Time is when the event happened, as its producer says.
	Time time.Time
	// Resources are the ARNs of what the event is about; may be nil.
	Resources []string
	// Detail is a JSON object.
	Detail []byte
	// ReplayName names the replay that sent the event again; empty for others.
	ReplayName string
	// Group is the ordering key, like the message group of an SQS FIFO queue:
	// an ordered target gets the events of one group one after the other. Empty
	// means no order. Not in the envelope.
	Group string
	// Forwarded says that the event came to its bus from another bus. Not in
	// the envelope.
	Forwarded bool
	// Trace is the trace header that the producer sent, in the form of
	// X-Amzn-Trace-Id. Not in the envelope.
	Trace string
	// Cause is the change of a table that raised the event; zero for events of
	// other producers. Not in the envelope.
	Cause Cause
}

// A Cause names the change of a table and the definition that raised an event.
// Sequence is the change's sequence number, as DynamoDB Streams writes it.
type Cause struct {
	Table, Sequence, Definition string
}

// Size returns how many bytes the event counts for in a PutEvents request: its
// source, detail type, detail and resources, and 14 more if timed says that the
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
