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

// A write replaces one item by what decide returns, where nil is an item that
// does not exist. decide runs while the item is locked; it must not keep or
// change what it is given.
type write struct {
	table   *tableState
	key     item.Item // the key attributes
	decide  func(old item.Item) (item.Item, error)
	put     *image // of a put: the item that decide returns, encoded before the lock
	expired bool   // the item's time to live ended

	// The outcome, set while the item is locked:
	err        error  // of decide
	stored     []byte // key in the store
	old, now   image
	changed    bool
	indexes    []*indexChange
	collection *Collection
}

// run reads the item and decides. The caller holds the item's lock.
func (w *write) run(r kv.Reader) (err error) {
	st := w.table.stream
	if w.old, err = readImage(r, w.stored, st != nil && st.View().HasOld()); err != nil {
		return err
	}
	now, err := w.decide(w.old.item)
	switch {
	case err != nil:
		w.err = err
		return nil
	case w.put != nil:
		w.now = *w.put
	default:
		w.now = newImage(now)
	}
	w.changed = (w.old.item == nil) != (w.now.item == nil) || !item.EqualItems(w.old.item, w.now.item)
	return nil
}

// commitOptions are what a commit does beside its writes.
type commitOptions struct {
	token *token                // the client token to store in the same batch; nil: none
	hold  func(bytes int) error // see Transaction.Hold; nil: nothing is counted
}

// commit makes all writes, on different items, in one batch, or none of them.
// It returns once they are durable, with the number of their commit, or 0 if
// they changed nothing. If a write's decision failed, the error is that of the
// first; the others are in the writes.
//
//	lock tables     shared: no index, stream or table comes or goes meanwhile
//	lock items      and item collections and the token, by stripe
//	  read, decide
//	  apply         one batch: visible to readers, not yet durable
//	unlock
//	wait            for the fsync
//	announce        the change records
func (ts *Tables) commit(ctx context.Context, writes []*write, o commitOptions) (uint64, error) {
	done, err := ts.applyLocked(writes, o, trace.From(ctx))
	if err != nil || done.commit.Last == 0 {
		// The decision may rest on a commit of another writer whose fsync is still
		// under way. Its caller must not hear of a state that a power loss undoes.
		if waitErr := ts.store.WaitDurable(ctx, done.seen); err == nil {
			err = waitErr
		}
		return 0, err
	}
	// The locks are released by now. The next writer of these items builds on this
	// batch before it is durable, but its own batch comes after it in the log, so
	// no crash keeps the later one alone. ctx does not end the wait: the batch is
	// in the log, and its outcome would be unknown.
	if err := done.commit.Wait(); err != nil {
		return 0, err
	}
	for _, a := range done.appended {
		a.Committed()
	}
	return done.commit.First, nil
}

// applied is the outcome of applyLocked.
type applied struct {
	commit   kv.Commit // the zero Commit if nothing changed
	appended []*stream.Appended
	seen     uint64 // the last commit that the decisions can have seen
}

// applyLocked takes all locks, applies the writes and releases the locks.
func (ts *Tables) applyLocked(writes []*write, o commitOptions, by trace.Context) (applied, error) {
	unlockTables, err := lockTables(writes)
	if err != nil {
		return applied{}, err
	}
	defer unlockTables()
	stripes := ts.locks.lock(lockKeys(writes, o.token)...)
	defer ts.locks.unlock(stripes)
	c, appended, err := ts.apply(writes, o, by, stripes)
	return applied{commit: c, appended: appended, seen: ts.locks.last(stripes)}, err
}

// lockTables keeps the settings of the writes' tables as they are until unlock
// is called. Errors: ErrNotFound.
func lockTables(writes []*write) (unlock func(), err error) {
	var tables []*tableState
	for _, w := range writes {
		if !slices.Contains(tables, w.table) {
			tables = append(tables, w.table)
		}
	}
	// A waiting writer of an RWMutex holds off further readers. If two commits
	// took the same two tables in different orders, each could wait behind an
	// UpdateTable that waits for the other.
	slices.SortFunc(tables, func(a, b *tableState) int { return cmp.Compare(a.id, b.id) })
	for _, t := range tables {
		t.writes.RLock()
	}
	unlock = func() {
		for _, t := range tables {
			t.writes.RUnlock()
		}
	}
	for _, t := range tables {
		// The table was looked up without this lock and may be deleted since.
		if t.gone {
			unlock()
			return nil, fmt.Errorf("%w: %s", ErrNotFound, t.name)
		}
	}
	return unlock, nil
}

// lockKeys returns what must be locked while the writes decide and apply: the
// keys of their items, of the item collections whose sizes change, and of the
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

// apply reads the items, lets each write decide, and applies one batch with all
// changes. The commit is zero if nothing changed. The caller holds the locks of
// the tables and of the stripes.
func (ts *Tables) apply(writes []*write, o commitOptions, by trace.Context, stripes []int) (kv.Commit, []*stream.Appended, error) {
	if o.token != nil {
		if err := ts.checkToken(o.token); err != nil {
			return kv.Commit{}, nil, err
		}
	}
	changed, err := ts.decide(writes, o.hold)
	if err != nil || !changed && o.token == nil {
		return kv.Commit{}, nil, err
	}
	b := ts.store.NewBatch()
	if err := ts.addItems(b, writes); err != nil {
		b.Close()
		return kv.Commit{}, nil, err
	}
	at := ts.opts.Now()
	if o.token != nil {
		o.token.store(b, at)
	}
	appended := addChangeRecords(b, at, writes, by)
	// This function runs inside the commit, after the change records took their
	// numbers. A reader that sees the batch therefore finds this number, or a
	// later one, under the item's stripe and waits for it; and the counters of
	// two commits are stored in the order of the commits.
	b.Number(1, func(last uint64) {
		ts.locks.note(stripes, last)
		addCounts(b, writes)
	})
	if deletesOnly(writes) {
		b.UseReserve()
	}
	c, err := ts.store.Apply(b)
	return c, appended, err
}

// decide lets each write decide, reports whether any changes its item, and
// returns the first error.
func (ts *Tables) decide(writes []*write, hold func(bytes int) error) (changed bool, err error) {
	for _, w := range writes {
		if err := w.run(ts.store); err != nil {
			return false, err
		}
		changed = changed || w.changed
		if hold == nil {
			continue
		}
		if err := hold(w.old.size + w.now.size); err != nil {
			return false, err
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

// addItems adds the changed items, their index entries and the sizes of their
// item collections to the batch.
func (ts *Tables) addItems(b *kv.Batch, writes []*write) error {
	for _, w := range writes {
		if !w.changed {
			continue
		}
		if w.now.item == nil {
			b.Delete(w.stored)
		} else {
			b.Set(w.stored, w.now.encode())
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
	return ts.addCollections(b, writes)
}

// addChangeRecords adds a record of each change to the batch, in the stream of
// its table.
func addChangeRecords(b *kv.Batch, at time.Time, writes []*write, by trace.Context) []*stream.Appended {
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
		changes[i] = append(changes[i], stream.Change{
			Partition: w.table.partition(w.key), Expired: w.expired, Trace: by,
			Old: w.old.item, OldBinary: w.old.binary, New: w.now.item, NewBinary: w.now.binary,
		})
	}
	var appended []*stream.Appended
	for i, st := range streams {
		appended = append(appended, st.Append(b, at, changes[i]))
	}
	return appended
}

// deletesOnly reports whether the writes can only free space. Those that change
// nothing, as the condition checks of a transaction, take none.
func deletesOnly(writes []*write) bool {
	for _, w := range writes {
		if w.changed && w.now.item != nil {
			return false
		}
	}
	return true
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
