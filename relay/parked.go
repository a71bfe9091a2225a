package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	}, Place: func(key []byte) (*parking.Record, error) {
		k := kv.ReadKey(key)
		table, seq, n := k.String(), k.Uint64(), k.Uint64()
		return &parking.Record{Table: table, Seq: stream.FormatSeq(seq), N: n}, k.Err()
	}}}
}

// A walk is the parked records for one redrive or drop. Of a damaged record it tells
// the items of which it may be: those of which fewer records can be read than are
// counted.
type walk struct {
	*parked
	items []string // of which a damaged record may be, once one was met
}

// Page implements parking.Store.
func (w *walk) Page(ctx context.Context, after *parking.Record, limit int) ([]*parking.Record, bool, error) {
	if after == nil {
		w.items = nil
	}
	page, more, err := w.parked.Page(ctx, after, limit)
	for _, r := range page {
		if r.Damage != nil && w.items == nil {
			missing, _, err := w.unread()
			if err != nil {
				return nil, false, err
			}
			w.items = slices.Collect(maps.Keys(missing))
		}
		if r.Damage != nil {
			r.Items = w.items
		}
	}
	return page, more, err
}

// unread returns how many records of each item are counted and cannot be read, and
// how many damaged records there are.
func (s *parked) unread() (missing map[string]uint64, damaged int, err error) {
	read := map[string]uint64{}
	for last, more := (*parking.Record)(nil), true; more; {
		var page []*parking.Record
		if page, more, err = s.Page(context.Background(), last, unreadPage); err != nil {
			return nil, 0, err
		}
		for _, r := range page {
			if last = r; r.Damage != nil {
				damaged++
			} else {
				read[r.Group]++
			}
		}
	}
	missing = map[string]uint64{}
	it := s.Store.Scan(kv.Prefix(kv.NewKey('q').String(s.table)))
	for it.Next() {
		k := kv.ReadKey(it.Key())
		_, group := k.String(), k.String()
		if n := it.Value(); len(n) == 8 && binary.BigEndian.Uint64(n) > read[group] {
			missing[group] = binary.BigEndian.Uint64(n) - read[group]
		}
	}
	return missing, damaged, it.Close()
}

// unreadPage is how many records unread reads at a time.
const unreadPage = 256

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
// the count of the item is read before the batch is written. With the last damaged
// record of a table the counts become those of the records that can be read.
func (s *parked) Release(b *kv.Batch, r *parking.Record) error {
	key, there, err := s.Find(r)
	if err != nil || !there {
		return err
	}
	if r.Damage != nil {
		return s.releaseDamaged(b, key)
	}
	n, err := s.held(r.Group)
	if err != nil {
		return err
	}
	b.Delete(key)
	s.setHeld(b, r.Group, max(n, 1)-1)
	return nil
}

func (s *parked) releaseDamaged(b *kv.Batch, key kv.Key) error {
	missing, damaged, err := s.unread()
	if err != nil {
		return err
	}
	b.Delete(key)
	if damaged > 1 {
		return nil
	}
	for group, n := range missing {
		held, err := s.held(group)
		if err != nil {
			return err
		}
		s.setHeld(b, group, held-n)
	}
	return nil
}
