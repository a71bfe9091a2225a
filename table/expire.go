package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

func (t *tableState) sweep(ctx context.Context, now time.Time) error {
	for ctx.Err() == nil {
		due, err := t.due(now, sweepStep)
		if err != nil || len(due) == 0 {
			return err
		}
		// All of them may have changed since they were found, and then the same ones
		// could be found for ever: the next sweep looks again.
		if seq, err := t.ts.commit(ctx, due, commitOptions{}); err != nil || seq == 0 {
			return err
		}
	}
	return nil
}

// due returns removals of up to n items whose time to live has ended. The expiry
// index is read without locks, so each removal decides again, on the item as it
// is once it is locked: one that was renewed meanwhile stays.
func (t *tableState) due(now time.Time, n int) ([]*write, error) {
	t.writes.RLock()
	var x *index
	for _, have := range t.indexes {
		if have.expiry {
			x = have
		}
	}
	t.writes.RUnlock()
	if x == nil {
		return nil, nil
	}
	keys, err := t.dueKeys(x, now, n)
	writes := make([]*write, len(keys))
	for i, key := range keys {
		writes[i] = &write{table: t, key: key, expired: true, decide: func(old item.Item) (item.Item, error) {
			if x.ended(old, now) {
				return nil, nil
			}
			return old, nil
		}}
	}
	return writes, err
}

// dueKeys returns the keys of up to n items from the expiry index.
func (t *tableState) dueKeys(x *index, now time.Time, n int) (keys []item.Item, err error) {
	at := func(when time.Time) []byte {
		return item.AppendKey(itemsPrefix(x.d.ID), item.NumOf(when.Unix()).Value())
	}
	it := t.ts.store.Scan(kv.Range{Lower: at(now.Add(-maxLate)), Upper: tuple.PrefixEnd(at(now))})
	for len(keys) < n && it.Next() {
		_, rest, err := item.DecodeKey(bytes.Clone(it.Key()[prefixLength:]), item.Number)
		var key item.Item
		for _, a := range t.schema.Attrs() {
			var v item.Value
			if err == nil {
				v, rest, err = item.DecodeKey(rest, a.Kind)
				key = key.With(a.Name, v)
			}
		}
		if err != nil {
			it.Close()
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, it.Close()
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
