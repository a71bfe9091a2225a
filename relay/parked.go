package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// parked is the parked records of one table, and how many each item has. It
// implements parking.Store. The goroutine of Run alone writes; anyone may read.
type parked struct {
	parking.Rows
	table string
}

func newParked(store *kv.Store, table string) *parked {
	prefix := kv.NewKey('p').String(table)
	return &parked{table: table, Rows: parking.Rows{Store: store, Prefix: prefix, Key: func(r *parking.Record) (kv.Key, error) {
		seq, err := stream.ParseSeq(r.Seq)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
		}
		return kv.NewKey('p').String(table).Uint64(seq).Uint64(r.N), nil
	}}}
}

// ListParked calls fn for the parked records of a selection of a table, in the
// order in which the changes were made, until fn returns false. The table need
// not have a relay. Errors: parking.ErrNoMatch, parking.ErrDamaged, those of the
// store.
func ListParked(ctx context.Context, store *kv.Store, table string, sel parking.Selection, fn func(*parking.Record) bool) error {
	return parking.List(ctx, newParked(store, table), sel, fn)
}

func (s *parked) heldKey(group string) kv.Key { return kv.NewKey('q').String(s.table).String(group) }

// park adds to a batch that changes are parked, and how many of each item are
// parked afterwards.
func (s *parked) park(b *kv.Batch, records []*parking.Record, held map[string]uint64) {
	s.Put(b, records)
	for group, n := range held {
		s.setHeld(b, group, n)
	}
}

// held returns how many records of an item are parked.
func (s *parked) held(group string) (n uint64, err error) {
	err = s.Store.View(s.heldKey(group), func(v []byte) error {
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

func (s *parked) setHeld(b *kv.Batch, group string, n uint64) {
	key := s.heldKey(group)
	if n == 0 {
		b.Delete(key)
		return
	}
	b.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// Release implements parking.Store. A batch takes at most one record of an item:
// the count of the item is read before the batch is written.
func (s *parked) Release(b *kv.Batch, r *parking.Record) error {
	key, there, err := s.Find(r)
	if err != nil || !there {
		return err
	}
	n, err := s.held(r.Group)
	if err != nil {
		return err
	}
	b.Delete(key)
	s.setHeld(b, r.Group, max(n, 1)-1)
	return nil
}
