package table

import (
	"context"

	"github.com/tablecast/tablecast/item"
)

// Get returns the item of a key, or nil if there is none. What it returns is
// durable. Errors: ErrNotFound, *ValidationError.
func (ts *Tables) Get(ctx context.Context, name string, key item.Item) (item.Item, error) {
	t, err := ts.get(name)
	if err != nil {
		return nil, err
	}
	if err := t.checkKey(key); err != nil {
		return nil, err
	}
	stored := t.itemKey(key)
	it, err := readItem(ts.store, stored)
	if err != nil {
		return nil, err
	}
	// The read took no lock and may show a commit whose fsync is under way. Its
	// number was noted before it became visible, so it is waited for (P2).
	return it, ts.store.WaitDurable(ctx, ts.locks.stripes[ts.locks.of(stored)].last.Load())
}
