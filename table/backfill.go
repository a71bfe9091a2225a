package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/kv"
)

// backfillStep is how many items one commit of a backfill adds to an index.
const backfillStep = 64

// backfilledKey holds the key of the last item that a backfill gave an index.
func backfilledKey(id uint64) kv.Key { return kv.NewKey('t').Uint64(4).Uint64(id) }

// backfillAll adds the items that are older than their index to it. A table
// whose items cannot be read does not hold up the others.
func (ts *Tables) backfillAll(ctx context.Context) error {
	var errs []error
	for _, t := range ts.all() {
		for _, x := range t.backfilling() {
			if err := t.backfill(ctx, x.d.ID); err != nil {
				errs = append(errs, fmt.Errorf("table %s: backfill index %s: %w", t.name, x.d.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// backfilling returns the indexes that may lack items.
func (t *tableState) backfilling() []*index {
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

// backfill adds all items of the table to an index and then makes the index
// readable. It begins where a run before it stopped.
func (t *tableState) backfill(ctx context.Context, id uint64) error {
	after, err := t.ts.store.Get(backfilledKey(id))
	if err != nil && !isNotFound(err) {
		return err
	}
	for ctx.Err() == nil {
		// The scan holds no lock. An item that is inserted behind it or ahead of it
		// gets its entry from its own write, as the index is in t.indexes already.
		keys, err := t.keysAfter(after, backfillStep)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return t.backfilled(id)
		}
		more, err := t.backfillItems(id, keys)
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

// backfillItems adds the items of the keys to an index, in one commit. It
// reports whether the index is still there.
func (t *tableState) backfillItems(id uint64, keys [][]byte) (more bool, err error) {
	// The table's lock keeps the index from being deleted until the batch is
	// applied: entries that came after its DeleteRange would never be removed.
	t.writes.RLock()
	defer t.writes.RUnlock()
	i := slices.IndexFunc(t.indexes, func(x *index) bool { return x.d.ID == id })
	if i < 0 || t.gone {
		return false, nil
	}
	x := t.indexes[i]
	// The items' locks keep a writer from changing an item between the read of it
	// and the apply of its entry, which would bring the old entry back.
	stripes := t.ts.locks.lock(keys...)
	defer t.ts.locks.unlock(stripes)
	b := t.ts.store.NewBatch()
	var entries, size int64
	for _, key := range keys {
		n, added, err := t.backfillItem(b, x, key)
		if err != nil {
			b.Close()
			return false, err
		}
		if added {
			entries++
			size += int64(n)
		}
	}
	// The position is in the batch of the entries: after a crash the next run
	// neither passes over an item nor counts one twice.
	b.Set(backfilledKey(id), keys[len(keys)-1])
	b.Number(1, func(last uint64) {
		t.ts.locks.note(stripes, last)
		x.count.add(entries, size)
		x.count.set(b)
	})
	c, err := t.ts.store.Apply(b)
	if err == nil {
		err = c.Wait()
	}
	return err == nil, err
}

// backfillItem adds the entry of one item to the batch, unless a write of the
// item has stored it already. It returns the size of what it added.
func (t *tableState) backfillItem(b *kv.Batch, x *index, key []byte) (size int, added bool, err error) {
	of, err := readImage(t.ts.store, key, true)
	if err != nil {
		return 0, false, err
	}
	e := x.entry(&of, key)
	if e.key == nil {
		return 0, false, nil
	}
	there, err := x.present(t.ts.store, e.key)
	if err != nil || there {
		return 0, false, err
	}
	b.Set(e.key, e.value())
	return e.size(), true, nil
}

// backfilled makes an index readable that holds all items.
func (t *tableState) backfilled(id uint64) error {
	_, err := t.ts.alter(t.name, func(now *tableState, b *kv.Batch) error {
		if now != t {
			return nil // the table was deleted and another one has its name
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
		b.Delete(backfilledKey(id))
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil // the table was deleted meanwhile
	}
	return err
}
