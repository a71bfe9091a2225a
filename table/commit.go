package table

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// A write is the change of one item: what decide returns replaces the item; a
// nil item is an item that does not exist. decide must not keep or change what
// it is given.
type write struct {
	table   *tableState
	key     item.Item // the key attributes
	decide  func(old item.Item) (item.Item, error)
	expired bool // the item's time to live ended

	// What came of it:
	err              error  // of decide
	stored           []byte // key in the store
	old, now         item.Item
	oldSize, nowSize int
	changed          bool
	indexes          []*indexChange
	collection       *Collection
}

// run reads the item and decides. The caller holds the item's lock.
func (w *write) run(r kv.Reader) (err error) {
	if w.old, err = readItem(r, w.stored); err != nil {
		return err
	}
	if w.now, w.err = w.decide(w.old); w.err != nil {
		return nil
	}
	w.oldSize, w.nowSize = item.Size(w.old), item.Size(w.now)
	w.changed = (w.old == nil) != (w.now == nil) || !item.EqualItems(w.old, w.now)
	return nil
}

// terms are what several writes are committed on beside their own conditions.
type terms struct {
	token    *token // to be spent in the same batch; nil: none
	maxBytes int    // of all items before and after; 0: any
}

// commit makes all writes, on different items, in one batch, or none of them.
// It returns once they are durable, with the number of their commit, or 0 if
// they changed nothing. If an item's decision failed, the error is that of the
// first; the others are in the writes.
func (ts *Tables) commit(ctx context.Context, writes []*write, on terms) (uint64, error) {
	release := share(writes)
	defer func() { release() }()
	for _, w := range writes {
		if w.table.gone {
			return 0, fmt.Errorf("%w: %s", ErrNotFound, w.table.name)
		}
	}
	taken := ts.locks.lock(lockKeys(writes, on.token)...)
	c, appended, err := ts.apply(writes, on, trace.From(ctx), taken)
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

// lockKeys returns what the writes must hold while they decide and apply: the
// keys of their items, of the item collections that are counted, and of the
// token.
func lockKeys(writes []*write, tok *token) [][]byte {
	keys := make([][]byte, 0, len(writes)+1)
	for _, w := range writes {
		w.stored = w.table.itemKey(w.key)
		keys = append(keys, w.stored)
		if w.table.hasLocal() {
			keys = append(keys, w.table.collectionKey(w.key))
		}
	}
	if tok != nil {
		keys = append(keys, tok.key())
	}
	return keys
}

// share holds off changes of the tables' settings and returns the release.
func share(writes []*write) (release func()) {
	if len(writes) == 1 {
		writes[0].table.writes.RLock()
		return writes[0].table.writes.RUnlock
	}
	var held []*tableState
	for _, w := range writes {
		if !slices.Contains(held, w.table) {
			held = append(held, w.table)
		}
	}
	// One order for all, as a writer that waits holds off further readers.
	slices.SortFunc(held, func(a, b *tableState) int { return cmp.Compare(a.id, b.id) })
	for _, t := range held {
		t.writes.RLock()
	}
	return func() {
		for _, t := range held {
			t.writes.RUnlock()
		}
	}
}

// apply reads the items, lets each write decide, and applies one batch with
// all changes, which is the zero Commit if nothing changed. The caller holds
// the locks.
func (ts *Tables) apply(writes []*write, on terms, by trace.Context, taken []int) (kv.Commit, []*stream.Appended, error) {
	if on.token != nil {
		if err := ts.redeem(on.token); err != nil {
			return kv.Commit{}, nil, err
		}
	}
	changed, err := ts.decide(writes, on.maxBytes)
	if err != nil || !changed && on.token == nil {
		return kv.Commit{}, nil, err
	}
	b := ts.store.NewBatch()
	if err := ts.fill(b, writes); err != nil {
		b.Close()
		return kv.Commit{}, nil, err
	}
	at := ts.opts.Now()
	if on.token != nil {
		on.token.spend(b, at)
	}
	appended := record(b, at, writes, by)
	b.Number(1, func(last uint64) {
		ts.locks.note(taken, last)
		count(b, writes)
	})
	if deletesOnly(writes) {
		b.UseReserve()
	}
	c, err := ts.store.Apply(b)
	return c, appended, err
}

// decide lets each write decide, reports whether any changes its item, and
// returns the first error.
func (ts *Tables) decide(writes []*write, maxBytes int) (changed bool, err error) {
	bytes := 0
	for _, w := range writes {
		if err := w.run(ts.store); err != nil {
			return false, err
		}
		changed = changed || w.changed
		bytes += max(w.oldSize, w.nowSize)
		if maxBytes > 0 && bytes > maxBytes && w.err == nil {
			w.err = errTransactBytes
		}
	}
	return changed, failure(writes)
}

// failure returns the first error among the decisions.
func failure(writes []*write) error {
	for _, w := range writes {
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// fill adds the changed items, their index entries and the sizes of their
// collections to the batch.
func (ts *Tables) fill(b *kv.Batch, writes []*write) error {
	for _, w := range writes {
		if !w.changed {
			continue
		}
		if w.now == nil {
			b.Delete(w.stored)
		} else {
			b.Set(w.stored, item.AppendBinary(make([]byte, 0, w.nowSize+len(w.now)*4+16), w.now))
		}
		for _, x := range w.table.indexes {
			c, err := x.update(b, ts.store, w)
			if err != nil {
				return err
			}
			if c != nil {
				w.indexes = append(w.indexes, c)
			}
		}
	}
	return ts.collect(b, writes)
}

// record adds the records of the changes to the batch, stream by stream.
func record(b *kv.Batch, at time.Time, writes []*write, by trace.Context) []*stream.Appended {
	var streams []*stream.Stream
	var changes [][]stream.Change
	for _, w := range writes {
		st := w.table.stream
		if !w.changed || st == nil {
			continue
		}
		i := slices.Index(streams, st)
		if i < 0 {
			i = len(streams)
			streams, changes = append(streams, st), append(changes, nil)
		}
		changes[i] = append(changes[i], stream.Change{Partition: w.table.partition(w.key), Old: w.old, New: w.now, Expired: w.expired, Trace: by})
	}
	var appended []*stream.Appended
	for i, st := range streams {
		appended = append(appended, st.Append(b, at, changes[i]))
	}
	return appended
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

// readItem returns the item stored under key, or nil.
func readItem(r kv.Reader, key []byte) (item.Item, error) {
	var out item.Item
	err := r.View(key, func(v []byte) (err error) {
		out, err = item.DecodeBinary(v)
		return err
	})
	if isNotFound(err) {
		return nil, nil
	}
	return out, err
}

// partition returns the key form of the partition key.
func (t *tableState) partition(key item.Item) []byte {
	v, _ := key.Get(t.schema.Hash.Name)
	return item.AppendKey(nil, v)
}

// itemKey returns the key under which the item with these key attributes is
// stored.
func (t *tableState) itemKey(key item.Item) []byte {
	k := []byte(itemsPrefix(t.id))
	for _, a := range t.schema.Attrs() {
		v, _ := key.Get(a.Name)
		k = item.AppendKey(k, v)
	}
	return k
}
