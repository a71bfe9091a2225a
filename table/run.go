package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// Pauses of Run.
const (
	sweepEvery  = time.Second      // between two looks for expired items
	forgetEvery = time.Minute      // between two rounds of forgetting tokens
	settle      = 10 * time.Second // before a clock is trusted
)

// Run fills new indexes, removes items whose time to live has ended, and
// forgets spent tokens, until ctx ends. What fails is tried again.
func (ts *Tables) Run(ctx context.Context) error {
	now := kv.SteadyClock(ts.opts.Now)
	began := time.Now()
	sweep, forget := time.NewTicker(sweepEvery), time.NewTicker(forgetEvery)
	defer sweep.Stop()
	defer forget.Stop()
	ts.wake()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-ts.work:
			err = ts.fillAll(ctx)
		case <-sweep.C:
			if err = ts.fillAll(ctx); err == nil && time.Since(began) >= settle {
				err = ts.sweep(ctx, now())
			}
		case <-forget.C:
			for more := true; more && err == nil; {
				more, err = ts.forget(now().Add(-tokenLifetime))
			}
		}
		if err != nil && ctx.Err() == nil {
			ts.opts.Logger.Warn("table: work in the background", "error", err)
		}
	}
}

// wake tells Run that there may be an index to fill.
func (ts *Tables) wake() {
	select {
	case ts.work <- struct{}{}:
	default:
	}
}

// all returns the tables in the order of their names.
func (ts *Tables) all() []*tableState {
	names, _ := ts.List("", int(^uint(0)>>1))
	out := make([]*tableState, 0, len(names))
	for _, name := range names {
		if t, err := ts.get(name); err == nil {
			out = append(out, t)
		}
	}
	return out
}

// fillAll fills the indexes that are not whole.
func (ts *Tables) fillAll(ctx context.Context) error {
	for _, t := range ts.all() {
		for _, x := range t.unfilled() {
			if err := t.fill(ctx, x.d.ID); err != nil {
				return fmt.Errorf("table %s: fill index %s: %w", t.name, x.d.Name, err)
			}
		}
	}
	return nil
}

func (t *tableState) unfilled() []*index {
	t.writes.RLock()
	defer t.writes.RUnlock()
	var out []*index
	for _, x := range t.indexes {
		if x.d.Fill {
			out = append(out, x)
		}
	}
	return out
}

// filledKey holds the key of the last item that an index was given.
func filledKey(id uint64) kv.Key { return kv.NewKey('t').Uint64(4).Uint64(id) }

// fillStep is how many items one commit adds to an index.
const fillStep = 64

// fill adds all items to an index, some at a time under their locks, from where
// it was left. Writes keep the entries of their items meanwhile, so that it
// does not matter which of the two comes first to an item.
func (t *tableState) fill(ctx context.Context, id uint64) error {
	after, err := t.ts.store.Get(filledKey(id))
	if err != nil && !isNotFound(err) {
		return err
	}
	for ctx.Err() == nil {
		keys, err := t.keysAfter(after, fillStep)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return t.whole(id)
		}
		more, err := t.fillItems(id, keys)
		if err != nil || !more {
			return err
		}
		after = keys[len(keys)-1]
	}
	return ctx.Err()
}

// keysAfter returns the next n keys of items.
func (t *tableState) keysAfter(after []byte, n int) (keys [][]byte, err error) {
	r := kv.Prefix(itemsPrefix(t.id))
	if after != nil {
		r.Lower = append(bytes.Clone(after), 0)
	}
	it := t.ts.store.Scan(r)
	for len(keys) < n && it.Next() {
		keys = append(keys, bytes.Clone(it.Key()))
	}
	return keys, it.Close()
}

// fillItems adds the items of the keys to an index. It reports whether the
// index is still there.
func (t *tableState) fillItems(id uint64, keys [][]byte) (more bool, err error) {
	t.writes.RLock()
	defer t.writes.RUnlock()
	i := slices.IndexFunc(t.indexes, func(x *index) bool { return x.d.ID == id })
	if i < 0 || t.gone {
		return false, nil
	}
	x := t.indexes[i]
	taken := t.ts.locks.lock(keys...)
	defer t.ts.locks.unlock(taken)
	b := t.ts.store.NewBatch()
	var entries, size int64
	for _, key := range keys {
		n, added, err := t.fillItem(b, x, key)
		if err != nil {
			b.Close()
			return false, err
		}
		if added {
			entries++
			size += int64(n)
		}
	}
	b.Set(filledKey(id), keys[len(keys)-1])
	b.Number(1, func(last uint64) {
		t.ts.locks.note(taken, last)
		x.count.add(entries, size)
		x.count.set(b)
	})
	c, err := t.ts.store.Apply(b)
	if err == nil {
		err = c.Wait()
	}
	return err == nil, err
}

// fillItem adds the entry of one item to the batch, unless it is there.
func (t *tableState) fillItem(b *kv.Batch, x *index, key []byte) (size int, added bool, err error) {
	of, err := readImage(t.ts.store, key, true)
	if err != nil {
		return 0, false, err
	}
	e := x.entry(&of, key)
	if e.key == nil || !x.fits(of.item) {
		return 0, false, nil
	}
	there, err := x.present(t.ts.store, e.key)
	if err != nil || there {
		return 0, false, err
	}
	b.Set(e.key, e.value())
	return e.size(), true, nil
}

// fits reports whether the item's attributes may be keys of the index: items of
// before the index are left out of it if they may not.
func (x *index) fits(it item.Item) bool {
	for i, a := range x.d.Schema.Attrs() {
		if v, _ := it.Get(a.Name); checkIndexKey(v, i, "") != nil {
			return false
		}
	}
	return true
}

// whole notes that an index holds all items.
func (t *tableState) whole(id uint64) error {
	_, err := t.ts.alter(t.name, func(now *tableState, b *kv.Batch) error {
		if now != t {
			return nil
		}
		for i := range t.d.Indexes {
			if t.d.Indexes[i].ID == id {
				t.d.Indexes[i].Fill = false
			}
		}
		if e := t.d.Expiry; e != nil && e.ID == id {
			t.d.Expiry = &expiry{ID: id, Attribute: e.Attribute}
		}
		for i, x := range t.indexes {
			if x.d.ID == id {
				again := *x
				again.d.Fill = false
				t.indexes[i] = &again
			}
		}
		b.Delete(filledKey(id))
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil // dropped meanwhile
	}
	return err
}
