package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tablecast/tablecast/internal/tuple"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// maxLate is how long ago a time to live may have ended. DynamoDB keeps items with
// an earlier time: it is taken for a mistake.
const maxLate = 5 * 365 * 24 * time.Hour

// sweepStep is how many items one commit of a sweep removes.
const sweepStep = 25

// sweep removes the items whose time to live has ended. A table whose items
// cannot be read does not hold up the others.
func (ts *Tables) sweep(ctx context.Context, now time.Time) error {
	var errs []error
	for _, t := range ts.all() {
		if err := t.sweep(ctx, now); err != nil {
			errs = append(errs, fmt.Errorf("table %s: expire items: %w", t.name, err))
		}
	}
	return errors.Join(errs...)
}

// sweep removes the items of one table. An item that cannot be read stays, as does
// one whose entry cannot be, and the others go.
func (t *tableState) sweep(ctx context.Context, now time.Time) (err error) {
	var after []byte
	step := sweepStep
	for ctx.Err() == nil {
		due, last, dueErr := t.due(now, after, step)
		switch {
		case last == nil || dueErr != nil && !isDamaged(dueErr):
			return errors.Join(err, dueErr)
		case dueErr != nil:
			err = dueErr
		}
		if len(due) == 0 {
			after = last
			continue
		}
		_, commitErr := t.ts.commit(ctx, due, commitOptions{})
		switch {
		case commitErr == nil:
			after = last
		case !isDamaged(commitErr):
			return errors.Join(err, commitErr)
		case step > 1:
			step = 1 // the same items one by one, up to the damaged one
		default:
			err = fmt.Errorf("item %s: %w", item.AppendJSON(nil, due[0].key), commitErr)
			after, step = last, sweepStep
		}
	}
	return err
}

// isDamaged reports whether the error says that something stored cannot be read.
func isDamaged(err error) bool {
	return errors.Is(err, item.ErrBinary) || errors.Is(err, kv.ErrCorrupt)
}

// due returns removals of up to n items whose time to live has ended, from the
// entry after the key after of the expiry index, and the key of their last entry.
// The index is read without locks, so each removal decides again, on the item and the
// table as they are once they are locked: an item that was renewed meanwhile stays, and
// all stay if the time to live was taken away.
func (t *tableState) due(now time.Time, after []byte, n int) (removals []*write, last []byte, err error) {
	t.writes.RLock()
	i := slices.IndexFunc(t.indexes, func(x *index) bool { return x.expiry })
	if i < 0 {
		t.writes.RUnlock()
		return nil, nil, nil
	}
	x := t.indexes[i]
	t.writes.RUnlock()
	keys, last, err := t.dueKeys(x, now, after, n)
	removals = make([]*write, len(keys))
	for i, key := range keys {
		removals[i] = &write{table: t, key: key, expired: true, decide: func(old item.Item) (item.Item, error) {
			if t.expiresBy(x) && x.ended(old, now) {
				return nil, nil
			}
			return old, nil
		}}
	}
	return removals, last, err
}

// expiresBy reports whether the table still has the expiry index. The caller holds
// t.writes, so that SetTTL answers only after the writes that saw it.
func (t *tableState) expiresBy(x *index) bool {
	return slices.ContainsFunc(t.indexes, func(now *index) bool { return now.d.ID == x.d.ID })
}

// dueKeys returns the keys of up to n items from the expiry index, and the key of
// the last entry that it read.
func (t *tableState) dueKeys(x *index, now time.Time, after []byte, n int) (keys []item.Item, last []byte, err error) {
	at := func(when time.Time) []byte {
		return item.AppendKey(itemsPrefix(x.d.ID), item.NumOf(when.Unix()).Value())
	}
	r := kv.Range{Lower: at(now.Add(-maxLate)), Upper: tuple.PrefixEnd(at(now))}
	if after != nil {
		r.Lower = append(bytes.Clone(after), 0)
	}
	it := t.ts.store.Scan(r)
	var damaged error
	for len(keys) < n && it.Next() {
		last = bytes.Clone(it.Key())
		key, err := t.keyOfEntry(last)
		if err != nil {
			// Those behind it expire all the same.
			damaged = fmt.Errorf("entry %x: %w: %w", last, kv.ErrCorrupt, err)
			continue
		}
		keys = append(keys, key)
	}
	return keys, last, errors.Join(damaged, it.Close())
}

// keyOfEntry returns the key attributes of the item that an entry of the expiry index
// is of.
func (t *tableState) keyOfEntry(entry []byte) (key item.Item, err error) {
	_, rest, err := item.DecodeKey(entry[prefixLength:], item.Number)
	for _, a := range t.schema.Attrs() {
		var v item.Value
		if err == nil {
			v, rest, err = item.DecodeKey(rest, a.Kind)
			key = key.With(a.Name, v)
		}
	}
	return key, err
}

// ended reports whether an item's time to live has ended.
func (x *index) ended(it item.Item, now time.Time) bool {
	v, ok := it.Get(x.d.Schema.Hash.Name)
	if !ok || v.Kind() != item.Number {
		return false
	}
	c, ok := item.Compare(v, item.NumOf(now.Unix()).Value())
	if !ok || c > 0 {
		return false
	}
	c, _ = item.Compare(v, item.NumOf(now.Add(-maxLate).Unix()).Value())
	return c >= 0
}
