package relay

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// A Parked record was put aside: the whole change, and why.
type Parked struct {
	Table  string `json:"table"`
	Stream string `json:"stream"`         // ARN
	Label  string `json:"label"`          // of the stream
	Seq    string `json:"sequenceNumber"` // as the wire has it
	// Definition could not be applied; empty if the sink rejected the events.
	Definition string    `json:"definition,omitzero"`
	Error      string    `json:"error"`
	At         time.Time `json:"parkedAt"`
	// Op, Expired, Time, Keys, New and Old are the record's; the images are
	// items in wire JSON.
	Op      string         `json:"op"`
	Expired bool           `json:"expired,omitzero"`
	Time    time.Time      `json:"time"`
	Keys    jsontext.Value `json:"keys"`
	New     jsontext.Value `json:"new,omitzero"`
	Old     jsontext.Value `json:"old,omitzero"`

	seq uint64
}

func newParked(m *mapped, at time.Time) *Parked {
	rec := m.record
	p := &Parked{
		Table: rec.Stream.Table(), Stream: rec.Stream.ARN(), Label: rec.Stream.Label(), Seq: stream.FormatSeq(rec.Seq),
		Error: m.err.Error(), At: at.UTC(),
		Op: rec.Op.String(), Expired: rec.Expired, Time: rec.Time,
		Keys: wire(rec.Keys), New: wire(rec.New), Old: wire(rec.Old), seq: rec.Seq,
	}
	var unmapped *mapping.Error
	if errors.As(m.err, &unmapped) {
		p.Definition = unmapped.Definition
	}
	return p
}

// add puts the parked record into the batch.
func (p *Parked) add(b *kv.Batch) {
	v, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("relay: parked record: %v", err)) // plain data always marshals
	}
	b.Set(kv.NewKey('p').String(p.Table).String(p.Label).Uint64(p.seq), v)
}

func wire(image item.Item) jsontext.Value {
	if image == nil {
		return nil
	}
	return item.AppendJSON(nil, image)
}

// ParkedRecords calls fn for the parked records of a table, oldest first, until
// fn returns false.
func ParkedRecords(store kv.Reader, table string, fn func(*Parked) bool) error {
	it := store.Scan(kv.Prefix(kv.NewKey('p').String(table)))
	for it.Next() {
		p := &Parked{}
		if err := json.Unmarshal(it.Value(), p); err != nil {
			return errors.Join(fmt.Errorf("relay: parked record of %s: %w", table, err), it.Close())
		}
		if !fn(p) {
			break
		}
	}
	return it.Close()
}
