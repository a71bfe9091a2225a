package table

import (
	"context"
	"slices"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A WriteResult tells what a write did.
type WriteResult struct {
	Old item.Item // the item before; nil if there was none
	New item.Item // the item after; nil if there is none
	Seq uint64    // the number of the commit; 0 if nothing changed
}

// A PutRequest stores an item in place of what has its key.
type PutRequest struct {
	Table     string
	Item      item.Item
	Condition *expr.Condition // nil: always
}

// Put stores an item. Errors: see the package comment.
func (ts *Tables) Put(ctx context.Context, r PutRequest) (WriteResult, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return WriteResult{}, err
	}
	key, err := t.checkItem(r.Item)
	if err != nil {
		return WriteResult{}, err
	}
	return ts.one(ctx, &write{table: t, key: key, decide: func(old item.Item) (item.Item, error) {
		return r.Item, require(r.Condition, old)
	}})
}

// A DeleteRequest removes the item of a key.
type DeleteRequest struct {
	Table     string
	Key       item.Item
	Condition *expr.Condition // nil: always
}

// Delete removes an item; that there is none is no error. Errors: see the
// package comment.
func (ts *Tables) Delete(ctx context.Context, r DeleteRequest) (WriteResult, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return WriteResult{}, err
	}
	if err := t.checkKey(r.Key); err != nil {
		return WriteResult{}, err
	}
	return ts.one(ctx, &write{table: t, key: r.Key, decide: func(old item.Item) (item.Item, error) {
		return nil, require(r.Condition, old)
	}})
}

// An UpdateRequest changes attributes of the item of a key, and makes the item
// if there is none.
type UpdateRequest struct {
	Table     string
	Key       item.Item
	Update    *expr.Update    // nil: no attribute beside the key
	Condition *expr.Condition // nil: always
}

// Modify changes an item. Errors: see the package comment.
func (ts *Tables) Modify(ctx context.Context, r UpdateRequest) (WriteResult, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return WriteResult{}, err
	}
	if err := t.checkKey(r.Key); err != nil {
		return WriteResult{}, err
	}
	if err := t.checkUpdate(r.Update); err != nil {
		return WriteResult{}, err
	}
	return ts.one(ctx, &write{table: t, key: r.Key, decide: func(old item.Item) (item.Item, error) {
		if err := require(r.Condition, old); err != nil {
			return nil, err
		}
		return modify(r.Key, old, r.Update)
	}})
}

// checkUpdate refuses an update that writes a key attribute.
func (t *Table) checkUpdate(u *expr.Update) error {
	if u == nil {
		return nil
	}
	for _, a := range t.schema.Attrs() {
		if slices.ContainsFunc(u.Paths(), func(p expr.Path) bool { return p.Root() == a.Name }) {
			return invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", a.Name)
		}
	}
	return nil
}

// modify applies an update to an item, or to a new one with the key. An update
// that leaves a new item without attributes makes none if it only removes.
func modify(key, old item.Item, u *expr.Update) (item.Item, error) {
	base := old
	if old == nil {
		base = key
	}
	if u == nil {
		return base, nil
	}
	now, err := u.Apply(base)
	if err != nil {
		return nil, err
	}
	if old == nil && u.OnlyRemoves() {
		return nil, nil
	}
	return now, nil
}

// require checks a condition against an item.
func require(c *expr.Condition, old item.Item) error {
	if c.Match(old) {
		return nil
	}
	return &ConditionError{Item: old}
}

// one commits a single write.
func (ts *Tables) one(ctx context.Context, w *write) (WriteResult, error) {
	seq, err := ts.commit(ctx, []*write{w})
	if err != nil {
		return WriteResult{}, err
	}
	return WriteResult{Old: w.old, New: w.now, Seq: seq}, nil
}

// A BatchWrite is one request of a batch: Put, or Delete if Put is nil.
type BatchWrite struct {
	Table  string
	Put    item.Item
	Delete item.Item // a key
}

// MaxBatchWrite is the most writes of one batch.
const MaxBatchWrite = 25

// Batch makes up to MaxBatchWrite writes on different items, all in one commit.
// Errors: see the package comment; then none was made.
func (ts *Tables) Batch(ctx context.Context, requests []BatchWrite) ([]WriteResult, error) {
	writes := make([]*write, len(requests))
	seen := map[string]bool{}
	for i, r := range requests {
		t, err := ts.get(r.Table)
		if err != nil {
			return nil, err
		}
		key := r.Delete
		if r.Put != nil {
			key, err = t.checkItem(r.Put)
		} else {
			err = t.checkKey(key)
		}
		if err != nil {
			return nil, err
		}
		k := string(t.itemKey(key))
		if seen[k] {
			return nil, invalid("Provided list of item keys contains duplicates")
		}
		seen[k] = true
		writes[i] = &write{table: t, key: key, decide: func(item.Item) (item.Item, error) { return r.Put, nil }}
	}
	seq, err := ts.commit(ctx, writes)
	if err != nil {
		return nil, err
	}
	results := make([]WriteResult, len(writes))
	for i, w := range writes {
		results[i] = WriteResult{Old: w.old, New: w.now, Seq: seq}
	}
	return results, nil
}
