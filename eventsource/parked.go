package eventsource

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// parked is the parked records of one mapping. It implements parking.Store.
type parked struct {
	parking.Rows
	uuid string
}

func newParked(store *kv.Store, uuid string) *parked {
	return &parked{uuid: uuid, Rows: parking.Rows{
		Store: store, Prefix: kv.NewKey('v').Uint64(2).String(uuid), Decode: decodeParked,
		Key: func(r *parking.Record) (kv.Key, error) {
			seq, err := stream.ParseSeq(r.Seq)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
			}
			return itemPrefix(uuid, string(r.Keys)).Uint64(seq), nil
		},
		Place: func(key []byte) (*parking.Record, error) {
			k := kv.ReadKey(key)
			k.Uint64()
			mapping, item, seq := k.String(), k.String(), k.Uint64()
			return &parking.Record{Mapping: mapping, Keys: []byte(item), Items: []string{item}, Seq: stream.FormatSeq(seq)}, k.Err()
		},
	}}
}

// itemPrefix is what the keys of an item's parked records begin with.
func itemPrefix(uuid, item string) kv.Key { return kv.NewKey('v').Uint64(2).String(uuid).String(item) }

// Release implements parking.Store.
func (s *parked) Release(b *kv.Batch, r *parking.Record) error {
	key, err := s.Key(r)
	if err == nil {
		b.Delete(key)
	}
	return err
}

// holds reports whether an item has parked records.
func (s *parked) holds(item string) (bool, error) {
	it := s.Store.Scan(kv.Prefix(itemPrefix(s.uuid, item)))
	found := it.Next()
	return found, it.Close()
}

// decodeParked reads a parked record. Rows of earlier versions hold the reason,
// the time and the record as the function sees it.
func decodeParked(key, value []byte) (*parking.Record, error) {
	var early struct {
		Reason string         `json:"reason"`
		At     time.Time      `json:"at"`
		Record jsontext.Value `json:"record"`
	}
	if err := json.Unmarshal(value, &early); err != nil {
		return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	if early.Record == nil {
		return parking.Decode(value)
	}
	change, err := parseRecord(early.Record)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	reason := errors.New(early.Reason)
	if early.Reason == parking.ErrBehind.Error() {
		reason = parking.ErrBehind
	}
	k := kv.ReadKey(key)
	k.Uint64()
	r := parking.New(change, mapping.Group(change), early.At, reason)
	r.Mapping = k.String()
	return r, nil
}

// heldItems is the items of a mapping that have parked records, so that batches
// need not ask the store.
//
// mu is held while an item's first record is parked, until it is applied, and
// while the last one is looked for after a release; so a batch that finds an item
// not held knows that nothing of it is parked, and a record that is parked behind
// others is never left alone.
type heldItems struct {
	mu    sync.Mutex
	items map[string]bool // by the items' keys as JSON
}

// load reads which items are held.
func (h *heldItems) load(s *parked) error {
	h.items = map[string]bool{}
	it := s.Store.Scan(kv.Prefix(s.Prefix))
	for it.Next() {
		k := kv.ReadKey(it.Key())
		k.Uint64()
		_ = k.Bytes() // the mapping
		h.items[k.String()] = true
	}
	return it.Close()
}

// released lets an item flow again if none of its records is parked any more.
func (h *heldItems) released(s *parked, item string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	holds, err := s.holds(item)
	if err == nil && !holds {
		delete(h.items, item)
	}
	return err
}
