package parking

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// Errors of records.
var (
	// ErrBehind is the reason of a record that is parked only because an earlier
	// one of its item is.
	ErrBehind = errors.New("an earlier change of the item is parked")
	// ErrDamaged says that the stored form of a parked record makes no sense.
	ErrDamaged = errors.New("parking: a parked record is damaged")
)

// A Record is a parked change: where it comes from, why it is parked, and all of
// its content. Its JSON form is what is stored and what commands print.
type Record struct {
	Table  string `json:"table"`
	Stream string `json:"stream"`         // ARN
	Label  string `json:"label"`          // of the stream
	Seq    string `json:"sequenceNumber"` // as the wire has it
	// Backfill names the backfill that an item is from and BackfillOf the event that
	// it raises, N is the item's place in the backfill's page, from 1. All are zero
	// for changes. Earlier versions stored no BackfillOf.
	Backfill   string `json:"backfill,omitzero"`
	BackfillOf string `json:"backfillOf,omitzero"`
	N          uint64 `json:"n,omitzero"`
	Group      string `json:"group"` // the item: the table's name and the key as plain JSON
	// Mapping is the UUID of the event source mapping that parked the record, and
	// Function the name of the function that failed. Both are empty for records
	// of relays and workers.
	Mapping  string `json:"mapping,omitzero"`
	Function string `json:"function,omitzero"`
	// Definition names the event that could not be made. It is empty if the bus
	// or a function refused the record, or if the record is Behind.
	Definition string    `json:"definition,omitzero"`
	Error      string    `json:"error"`
	Behind     bool      `json:"behind,omitzero"`  // nothing is wrong but an earlier record of the item
	Version    string    `json:"version,omitzero"` // of the mapping to events, where there is one
	At         time.Time `json:"parkedAt"`
	Tries      int       `json:"tries,omitzero"` // redrives that failed
	// The change itself. Keys, New and Old are items in DynamoDB's JSON; New and
	// Old are nil where the stream's view or the operation has none.
	Op      string         `json:"op"`
	Expired bool           `json:"expired,omitzero"`
	Time    time.Time      `json:"time"`
	Keys    jsontext.Value `json:"keys"`
	New     jsontext.Value `json:"new,omitzero"`
	Old     jsontext.Value `json:"old,omitzero"`
	View    stream.View    `json:"view,omitzero"`
	EventID string         `json:"eventId,omitzero"` // of the change, not of an event
	Size    int            `json:"sizeBytes,omitzero"`

	// Damage is why the stored form cannot be read; nil of all other records. Of a
	// damaged record only what its key tells is set, and Items has the groups, or the
	// keys as JSON, of all items of which it may be.
	Damage error    `json:"-"`
	Items  []string `json:"-"`
}

// Bytes returns about how many bytes the record takes in memory.
func (r *Record) Bytes() int {
	return 512 + len(r.Group) + len(r.Error) + len(r.Keys) + len(r.New) + len(r.Old)
}

// New returns the record of a change of an item, which group names, parked at a
// time for a reason; see Blame.
func New(r *stream.Record, group string, at time.Time, reason error) *Record {
	p := &Record{
		Table: r.Table(), Stream: r.ARN(), Label: label(r.ARN()), Seq: r.Sequence(), Group: group, At: at.UTC(),
		Op: r.Op.String(), Expired: r.Expired, Time: r.Time, Keys: wire(r.Keys), New: wire(r.New), Old: wire(r.Old),
		View: r.View(), EventID: r.EventID(), Size: r.Size,
	}
	p.Blame(reason)
	return p
}

// maxReason is the most bytes of a reason that are stored: a row of a worker's state
// table has no room for more beside the record.
const maxReason = 8 << 10

// Blame sets why the record is parked: at most 8 KiB of the reason, as valid UTF-8,
// since functions answer what they like. A reason that wraps ErrBehind makes it
// Behind; one that wraps an error with a method EventName() string sets the
// Definition.
func (r *Record) Blame(reason error) {
	text := reason.Error()
	r.Error = strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
	r.Definition, r.Behind = "", errors.Is(reason, ErrBehind)
	var of interface{ EventName() string }
	if errors.As(reason, &of) {
		r.Definition = of.EventName()
	}
}

// Change returns the parked change, with an Origin in place of a stream.
// Errors: ErrDamaged.
func (r *Record) Change() (*stream.Record, error) {
	out := &stream.Record{Time: r.Time, Expired: r.Expired, Size: r.Size, Origin: &stream.Origin{
		ARN: r.Stream, Table: r.Table, View: r.View, Sequence: r.Seq, EventID: r.EventID,
	}}
	for op := stream.Insert; op <= stream.Remove; op++ {
		if op.String() == r.Op {
			out.Op = op
		}
	}
	var err error
	for _, image := range []struct {
		text jsontext.Value
		to   *item.Item
	}{{r.Keys, &out.Keys}, {r.New, &out.New}, {r.Old, &out.Old}} {
		if image.text != nil {
			err = errors.Join(err, json.Unmarshal(image.text, image.to))
		}
	}
	if err == nil && (out.Op == 0 || out.Keys == nil) {
		err = errors.New("it has no operation or no key")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", ErrDamaged, r.Seq, r.Table, err)
	}
	return out, nil
}

// Encode returns the stored form.
func (r *Record) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("parking: record: %v", err)) // plain data always marshals
	}
	return b
}

// Decode is the inverse of Encode. Errors: ErrDamaged.
func Decode(b []byte) (*Record, error) {
	r := &Record{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return r, nil
}

func wire(image item.Item) jsontext.Value {
	if image == nil {
		return nil
	}
	return item.AppendJSON(nil, image)
}
