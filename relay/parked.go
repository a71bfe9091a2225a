package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// parked is the parked records of one table. It implements parking.Store. The
// goroutine of Run alone writes; anyone may read.
type parked struct {
	store *kv.Store
	table string
}

// ListParked calls fn for the parked records of a selection of a table, in the
// order in which the changes were made, until fn returns false. The table need
// not have a relay. Errors: parking.ErrDamaged, those of the store.
func ListParked(ctx context.Context, store *kv.Store, table string, sel parking.Selection, fn func(*parking.Record) bool) error {
	return parking.List(ctx, &parked{store, table}, sel, fn)
}

func (s *parked) prefix() kv.Key { return kv.NewKey('p').String(s.table) }

// key returns the key of a record. Errors: parking.ErrDamaged.
func (s *parked) key(r *parking.Record) (kv.Key, error) {
	seq, err := stream.ParseSeq(r.Seq)
	if err != nil {
		err = fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	return s.prefix().Uint64(seq).Uint64(r.N), err
}

func (s *parked) heldKey(group string) kv.Key { return kv.NewKey('q').String(s.table).String(group) }

// park adds to a batch that changes are parked, and how many of each item are
// parked afterwards.
func (s *parked) park(b *kv.Batch, records []*parking.Record, held map[string]uint64) {
	for _, r := range records {
		key, err := s.key(r)
		if err != nil {
			panic(fmt.Sprintf("relay: parking a record: %v", err)) // it was just read from a stream
		}
		b.Set(key, r.Encode())
	}
	for group, n := range held {
		s.setHeld(b, group, n)
	}
}

// held returns how many records of an item are parked.
func (s *parked) held(group string) (n uint64, err error) {
	err = s.store.View(s.heldKey(group), func(v []byte) error {
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

// Page implements parking.Store.
func (s *parked) Page(_ context.Context, after *parking.Record, limit int) (out []*parking.Record, err error) {
	all := kv.Prefix(s.prefix())
	if after != nil {
		key, err := s.key(after)
		if err != nil {
			return nil, err
		}
		all.Lower = append(slices.Clone(key), 0)
	}
	it := s.store.Scan(all)
	for len(out) < limit && it.Next() {
		r, err := parking.Decode(it.Value())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("relay: table %s: %w", s.table, err), it.Close())
		}
		out = append(out, r)
	}
	return out, it.Close()
}

// there reports whether a record is parked, and returns its key.
func (s *parked) there(r *parking.Record) (kv.Key, bool, error) {
	key, err := s.key(r)
	if err != nil {
		return nil, false, err
	}
	err = s.store.View(key, func([]byte) error { return nil })
	if errors.Is(err, kv.ErrNotFound) {
		return key, false, nil
	}
	return key, err == nil, err
}

// Keep implements parking.Store.
func (s *parked) Keep(_ context.Context, r *parking.Record) error {
	key, ok, err := s.there(r)
	if err != nil || !ok {
		return err
	}
	b := s.store.NewBatch()
	b.UseReserve()
	b.Set(key, r.Encode())
	_, err = s.store.Commit(b)
	return err
}

// Release implements parking.Store. A batch takes at most one record of an item:
// the count of the item is read before the batch is written.
func (s *parked) Release(b *kv.Batch, r *parking.Record) error {
	key, ok, err := s.there(r)
	if err != nil || !ok {
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
