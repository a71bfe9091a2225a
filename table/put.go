package table

import (
	"context"
	"errors"
	"slices"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A WriteResult is the result of one write.
type WriteResult struct {
	Old        item.Item   // the item before; nil if there was none
	New        item.Item   // the item after; nil if there is none
	Seq        uint64      // the number of the commit; 0 if nothing changed
	Units      Units       // of write capacity
	Collection *Collection // of the item; nil in a table without local indexes
}

// result returns the result of a committed write.
func (w *write) result(seq uint64) WriteResult {
	return WriteResult{Old: w.old.item, New: w.now.item, Seq: seq, Units: w.units(), Collection: w.collection}
}

// A PutRequest stores an item, in place of the item with the same key if there
// is one.
type PutRequest struct {
	Table     string
	Item      item.Item
	Condition *expr.Condition // nil: always
}

// Put stores an item. Errors: see the package comment.
func (ts *Tables) Put(ctx context.Context, r PutRequest) (WriteResult, error) {
	return ts.writeItem(ctx, r)
}

func (r PutRequest) write(ts *Tables) (*write, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return nil, err
	}
	now := newImage(r.Item)
	key, err := t.checkItem(now)
	if err != nil {
		return nil, err
	}
	now.encode() // before the item is locked
	return &write{table: t, key: key, put: &now, decide: func(old item.Item) (item.Item, error) {
		if err := t.checkIndexes(r.Item); err != nil {
			return nil, err
		}
		return r.Item, t.require(r.Condition, old)
	}}, nil
}

// DeleteUnchanged removes the item with the key of it from a table, if it is
// equal to it. That the item has changed, or that it or its table does not
// exist, is no error. Errors: see the package comment.
func (ts *Tables) DeleteUnchanged(ctx context.Context, table string, it item.Item) error {
	_, err := ts.writeItem(ctx, deleteUnchanged{table, it})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// A deleteUnchanged removes an item if it is equal to it.
type deleteUnchanged struct {
	table string
	it    item.Item
}

func (r deleteUnchanged) write(ts *Tables) (*write, error) {
	t, err := ts.get(r.table)
	if err != nil {
		return nil, err
	}
	key := t.schema.Project(r.it)
	return &write{table: t, key: key, decide: func(old item.Item) (item.Item, error) {
		if item.EqualItems(old, r.it) {
			return nil, nil
		}
		return old, nil
	}}, t.checkKey(key)
}

// A DeleteRequest removes the item with a key.
type DeleteRequest struct {
	Table     string
	Key       item.Item
	Condition *expr.Condition // nil: always
}

// Delete removes an item; that there is none is no error. Errors: see the
// package comment.
func (ts *Tables) Delete(ctx context.Context, r DeleteRequest) (WriteResult, error) {
	return ts.writeItem(ctx, r)
}

func (r DeleteRequest) write(ts *Tables) (*write, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return nil, err
	}
	return &write{table: t, key: r.Key, decide: func(old item.Item) (item.Item, error) {
		return nil, t.require(r.Condition, old)
	}}, t.checkKey(r.Key)
}

// An UpdateRequest changes attributes of the item with a key, and creates the
// item if there is none.
type UpdateRequest struct {
	Table     string
	Key       item.Item
	Update    *expr.Update    // nil: no attribute beside the key
	Condition *expr.Condition // nil: always
}

// Modify updates an item. Errors: see the package comment.
func (ts *Tables) Modify(ctx context.Context, r UpdateRequest) (WriteResult, error) {
	return ts.writeItem(ctx, r)
}

func (r UpdateRequest) write(ts *Tables) (*write, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return nil, err
	}
	if err := t.checkKey(r.Key); err != nil {
		return nil, err
	}
	var written []expr.Path
	if r.Update != nil {
		written = r.Update.Paths()
	}
	if err := t.checkWritten(written); err != nil {
		return nil, err
	}
	return &write{table: t, key: r.Key, decide: func(old item.Item) (item.Item, error) {
		if err := t.checkUpdate(r.Update); err != nil {
			return nil, err
		}
		if err := t.require(r.Condition, old); err != nil {
			return nil, err
		}
		now, err := modify(r.Key, old, r.Update)
		if err != nil {
			return nil, err
		}
		if err := t.checkUpdated(now, written); err != nil || old != nil {
			return now, err
		}
		return now, t.checkIndexes(now) // the attributes of the key are new, too
	}}, nil
}

// checkWritten refuses an update that writes a key attribute.
func (t *tableState) checkWritten(written []expr.Path) error {
	for _, a := range t.schema.Attrs() {
		if slices.ContainsFunc(written, func(p expr.Path) bool { return p.Root() == a.Name }) {
			return invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", a.Name)
		}
	}
	return nil
}

// checkUpdate refuses an update that can be right for no item, because of the keys of
// the table and of its indexes. The caller holds t.writes.
func (t *tableState) checkUpdate(u *expr.Update) error {
	if u == nil {
		return nil
	}
	if err := t.checkStated(u); err != nil {
		return err
	}
	return t.checkScalars(u.Nested())
}

// modify applies an update to an item, or to a new one that has only the key. An
// update that has no action but REMOVE and DELETE makes no new item, and may name
// whatever there could be in one.
func modify(key, old item.Item, u *expr.Update) (item.Item, error) {
	switch {
	case old == nil && u == nil:
		return key, nil
	case u == nil:
		return old, nil
	case old == nil && u.OnlyRemoves():
		return nil, nil
	case old == nil:
		return u.Apply(key)
	default:
		return u.Apply(old)
	}
}

// require checks a condition against an item. The caller holds t.writes.
func (t *tableState) require(c *expr.Condition, old item.Item) error {
	if err := t.checkScalars(c.Nested()); err != nil {
		return err
	}
	if c.Match(old) {
		return nil
	}
	return &ConditionError{Item: old}
}

// A Request is a write that a caller asks for: PutRequest, DeleteRequest,
// UpdateRequest, and in a transaction CheckRequest.
type Request interface {
	write(ts *Tables) (*write, error)
}

// writeItem commits one request by itself.
func (ts *Tables) writeItem(ctx context.Context, r Request) (WriteResult, error) {
	w, err := r.write(ts)
	if err != nil {
		return WriteResult{}, err
	}
	seq, err := ts.commit(ctx, []*write{w}, commitOptions{})
	if err != nil {
		return WriteResult{}, err
	}
	return w.result(seq), nil
}

// A BatchWrite is one request of a batch: Put, or Delete if Put is nil.
type BatchWrite struct {
	Table  string
	Put    item.Item
	Delete item.Item // a key
}

func (r BatchWrite) write(ts *Tables) (*write, error) {
	if r.Put != nil {
		return PutRequest{Table: r.Table, Item: r.Put}.write(ts)
	}
	return DeleteRequest{Table: r.Table, Key: r.Delete}.write(ts)
}

// MaxBatchWrite is the most writes of one batch.
const MaxBatchWrite = 25

// Batch makes up to MaxBatchWrite writes on different items, all in one commit.
// Errors: see the package comment; then none was made.
func (ts *Tables) Batch(ctx context.Context, requests []BatchWrite) ([]WriteResult, error) {
	writes := make([]*write, len(requests))
	seen := map[string]bool{}
	for i, r := range requests {
		w, err := r.write(ts)
		if err != nil {
			return nil, err
		}
		k := string(w.table.itemKey(w.key))
		if seen[k] {
			return nil, invalid("Provided list of item keys contains duplicates")
		}
		seen[k] = true
		writes[i] = w
	}
	seq, err := ts.commit(ctx, writes, commitOptions{})
	if err != nil {
		return nil, err
	}
	return results(writes, seq), nil
}

func results(writes []*write, seq uint64) []WriteResult {
	out := make([]WriteResult, len(writes))
	for i, w := range writes {
		out[i] = w.result(seq)
	}
	return out
}
