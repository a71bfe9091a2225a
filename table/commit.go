package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A write is the change of one item: what decide returns replaces the item; a
// nil item is an item that does not exist. decide must not keep or change what
// it is given.
type write struct {
	table  *Table
	key    item.Item // the key attributes
	decide func(old item.Item) (item.Item, error)

	stored   []byte    // key in the store
	old, now item.Item // after commit
}

// changed reports whether the write changes its item.
func (w *write) changed() bool {
	return (w.old == nil) != (w.now == nil) || !item.EqualItems(w.old, w.now)
}

// commit makes all writes, on different items, in one batch, or none of them.
// It returns once they are durable, with the number of their commit, or 0 if
// they changed nothing.
func (ts *Tables) commit(ctx context.Context, writes []*write) (uint64, error) {
	release := share(writes)
	defer func() { release() }()
	for _, w := range writes {
		if w.table.gone {
			return 0, fmt.Errorf("%w: %s", ErrNotFound, w.table.name)
		}
	}
	keys := make([][]byte, len(writes))
	for i, w := range writes {
		w.stored = w.table.itemKey(w.key)
		keys[i] = w.stored
	}
	taken := ts.locks.lock(keys...)
	c, appended, err := ts.apply(writes, taken)
	ts.locks.unlock(taken)
	release()
	release = func() {}
	if err != nil || c.Last == 0 {
		// What the decision was based on must be durable before it is told.
		if werr := ts.store.WaitDurable(ctx, ts.locks.last(taken)); err == nil {
			err = werr
		}
		return 0, err
	}
	if err := c.Wait(); err != nil {
		return 0, err
	}
	for _, a := range appended {
		a.Committed()
	}
	return c.First, nil
}

// share holds off changes of the tables' settings and returns the release.
func share(writes []*write) (release func()) {
	seen := make(map[*Table]bool, 1)
	for _, w := range writes {
		if !seen[w.table] {
			seen[w.table] = true
			w.table.writes.RLock()
		}
	}
	return func() {
		for t := range seen {
			t.writes.RUnlock()
		}
	}
}

// apply reads the items, lets each write decide, and applies one batch with
// all changes, which is the zero Commit if nothing changed. The caller holds
// the locks.
func (ts *Tables) apply(writes []*write, taken []int) (kv.Commit, []*stream.Appended, error) {
	changes := map[*stream.Stream][]stream.Change{} // nil: of tables without a stream
	for _, w := range writes {
		var err error
		if w.old, err = ts.read(w.stored); err != nil {
			return kv.Commit{}, nil, err
		}
		if w.now, err = w.decide(w.old); err != nil {
			return kv.Commit{}, nil, err
		}
		if w.changed() {
			change := stream.Change{Partition: w.table.partition(w.key), Old: w.old, New: w.now}
			changes[w.table.stream] = append(changes[w.table.stream], change)
		}
	}
	if len(changes) == 0 {
		return kv.Commit{}, nil, nil
	}
	b := ts.store.NewBatch()
	at := ts.opts.Now()
	for _, w := range writes {
		w.put(b)
	}
	var appended []*stream.Appended
	for st, cs := range changes {
		if st != nil {
			appended = append(appended, st.Append(b, at, cs))
		}
	}
	b.Number(1, func(last uint64) {
		ts.locks.note(taken, last)
		for _, w := range writes {
			w.count(b)
		}
	})
	if deletesOnly(writes) {
		b.UseReserve()
	}
	c, err := ts.store.Apply(b)
	return c, appended, err
}

// deletesOnly reports whether the writes can only free space.
func deletesOnly(writes []*write) bool {
	for _, w := range writes {
		if w.now != nil {
			return false
		}
	}
	return true
}

// read returns the item stored under key, or nil.
func (ts *Tables) read(key []byte) (item.Item, error) {
	var out item.Item
	err := ts.store.View(key, func(v []byte) (err error) {
		out, err = item.DecodeBinary(v)
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	return out, err
}

// put adds the changed item to the batch.
func (w *write) put(b *kv.Batch) {
	switch {
	case !w.changed():
	case w.now == nil:
		b.Delete(w.stored)
	default:
		b.Set(w.stored, item.AppendBinary(nil, w.now))
	}
}

// count keeps the table's counters. It runs inside the commit.
func (w *write) count(b *kv.Batch) {
	if !w.changed() {
		return
	}
	t := w.table
	t.countMu.Lock()
	defer t.countMu.Unlock()
	if w.old != nil {
		t.items--
		t.bytes -= int64(item.Size(w.old))
	}
	if w.now != nil {
		t.items++
		t.bytes += int64(item.Size(w.now))
	}
	v := binary.BigEndian.AppendUint64(nil, uint64(t.items))
	b.Set(countKey(t.id), binary.BigEndian.AppendUint64(v, uint64(t.bytes)))
}

// partition returns the key form of the partition key.
func (t *Table) partition(key item.Item) []byte {
	v, _ := key.Get(t.schema.Hash.Name)
	return item.AppendKey(nil, v)
}

// itemKey returns the key under which the item with these key attributes is
// stored.
func (t *Table) itemKey(key item.Item) []byte {
	k := []byte(itemsPrefix(t.id))
	for _, a := range t.schema.Attrs() {
		v, _ := key.Get(a.Name)
		k = item.AppendKey(k, v)
	}
	return k
}
