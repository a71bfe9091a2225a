package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// errBehind is why records are parked of whose item an earlier one is.
var errBehind = errors.New("an earlier change of the item is parked")

// A Parked record was put aside: the whole change, and why.
type Parked struct {
	Table  string `json:"table"`
	Stream string `json:"stream"`         // ARN
	Label  string `json:"label"`          // of the stream
	Seq    string `json:"sequenceNumber"` // as the wire has it
	// Backfill names the backfill that an item is from; empty for changes.
	Backfill string `json:"backfill,omitzero"`
	N        uint64 `json:"n,omitzero"` // of the item in the backfill's page, from 1
	Group    string `json:"group"`      // the item
	// Definition could not be applied; empty if the sink rejected the events, or
	// Behind.
	Definition string    `json:"definition,omitzero"`
	Error      string    `json:"error"`
	Behind     bool      `json:"behind,omitzero"`  // nothing is wrong but an earlier record of the item
	Version    string    `json:"version,omitzero"` // of the mapping
	At         time.Time `json:"parkedAt"`
	Tries      int       `json:"tries,omitzero"` // redrives that failed
	// Op, Expired, Time, Keys, New and Old are the record's; the images are
	// items in wire JSON.
	Op      string         `json:"op"`
	Expired bool           `json:"expired,omitzero"`
	Time    time.Time      `json:"time"`
	Keys    jsontext.Value `json:"keys"`
	New     jsontext.Value `json:"new,omitzero"`
	Old     jsontext.Value `json:"old,omitzero"`
}

func (r *Relay) newParked(m *mapped) *Parked {
	rec := m.record
	p := &Parked{
		Table: r.opts.Table, Stream: rec.Stream.ARN(), Label: rec.Stream.Label(), Seq: stream.FormatSeq(rec.Seq),
		Backfill: m.backfill, N: m.n, Group: m.group(), Version: r.opts.Set.Version(), At: r.opts.Now().UTC(),
		Op: rec.Op.String(), Expired: rec.Expired, Time: rec.Time,
		Keys: wire(rec.Keys), New: wire(rec.New), Old: wire(rec.Old),
	}
	p.blame(m.err)
	return p
}

// blame sets why the record is parked.
func (p *Parked) blame(err error) {
	p.Error, p.Definition, p.Behind = err.Error(), "", errors.Is(err, errBehind)
	var unmapped *mapping.Error
	if errors.As(err, &unmapped) {
		p.Definition = unmapped.Definition
	}
}

func (p *Parked) key() (kv.Key, error) {
	seq, err := stream.ParseSeq(p.Seq)
	return kv.NewKey('p').String(p.Table).Uint64(seq).Uint64(p.N), err
}

// put keeps the record as it is.
func (p *Parked) put(b *kv.Batch) {
	key, err := p.key()
	v, bad := json.Marshal(p)
	if err = errors.Join(err, bad); err != nil {
		panic(fmt.Sprintf("relay: parked record: %v", err)) // plain data always marshals
	}
	b.Set(key, v)
}

func wire(image item.Item) jsontext.Value {
	if image == nil {
		return nil
	}
	return item.AppendJSON(nil, image)
}

// record returns the change.
func (p *Parked) record(streams *stream.Streams) (*stream.Record, error) {
	seq, err := stream.ParseSeq(p.Seq)
	r := &stream.Record{Stream: streams.Former(p.Table, p.Label), Seq: seq, Time: p.Time, Expired: p.Expired}
	for op := stream.Insert; op <= stream.Remove; op++ {
		if op.String() == p.Op {
			r.Op = op
		}
	}
	for _, image := range []struct {
		text jsontext.Value
		to   *item.Item
	}{{p.Keys, &r.Keys}, {p.New, &r.New}, {p.Old, &r.Old}} {
		if image.text != nil {
			err = errors.Join(err, json.Unmarshal(image.text, image.to))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("relay: parked record %s of %s: %w", p.Seq, p.Table, err)
	}
	return r, nil
}

// ParkedRecords calls fn for the parked records of a table, oldest first, until
// fn returns false.
func ParkedRecords(store kv.Reader, table string, fn func(*Parked) bool) error {
	return parkedAfter(store, table, nil, fn)
}

// parkedAfter is ParkedRecords, for those behind a key.
func parkedAfter(store kv.Reader, table string, after kv.Key, fn func(*Parked) bool) error {
	all := kv.Prefix(kv.NewKey('p').String(table))
	if after != nil {
		all.Lower = append(slices.Clone(after), 0)
	}
	it := store.Scan(all)
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

func heldKey(table, group string) kv.Key { return kv.NewKey('q').String(table).String(group) }

// held returns how many records of an item are parked.
func (r *Relay) held(group string) (n uint64, err error) {
	if r.cursor.held() == 0 {
		return 0, nil
	}
	err = r.opts.Store.View(heldKey(r.opts.Table, group), func(v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("%w: the count of parked records has %d bytes", kv.ErrCorrupt, len(v))
		}
		n = binary.BigEndian.Uint64(v)
		return nil
	})
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// setHeld keeps how many records of an item are parked.
func (r *Relay) setHeld(b *kv.Batch, group string, n uint64) {
	key := heldKey(r.opts.Table, group)
	if n == 0 {
		b.Delete(key)
		return
	}
	b.Set(key, binary.BigEndian.AppendUint64(nil, n))
}
