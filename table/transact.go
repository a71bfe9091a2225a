package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// Limits of a transaction.
const (
	MaxTransact      = 100     // items
	maxTransactBytes = 4 << 20 // of what a request to write holds, or of the items that one reads
)

var errTransactBytes = invalid("Transaction size exceeds the limit of %d bytes", maxTransactBytes)

// A CheckRequest is a condition on an item that a transaction does not change.
type CheckRequest struct {
	Table     string
	Key       item.Item
	Condition *expr.Condition
}

func (r CheckRequest) write(ts *Tables) (*write, error) {
	t, err := ts.get(r.Table)
	if err != nil {
		return nil, err
	}
	return &write{table: t, key: r.Key, decide: func(old item.Item) (item.Item, error) {
		return old, t.require(r.Condition, old)
	}}, t.checkKey(r.Key)
}

// A Transaction is writes on different items that are all made, or none.
type Transaction struct {
	Requests []Request
	// Token, unless empty, is the ClientRequestToken that makes the transaction
	// idempotent: for ten minutes, another one with the same Token and the same
	// Hash, which is that of its requests, changes nothing.
	Token string
	Hash  [32]byte
	// Values is the size of the values in the requests' expressions. With the items
	// that are put and the keys of all other requests it may be 4 MiB. How large the
	// stored items are does not count.
	Values int
	// Hold is called with the size of each item before and after, while the items are
	// locked, and ends the transaction with its error. It must not wait. It may be nil.
	Hold func(bytes int) error
}

// A CanceledError says why a transaction was not made: an error for each of
// its requests, nil for those that did not cause it. The errors are
// *ConditionError, *ValidationError, *expr.Error, or ErrCollectionFull.
type CanceledError struct{ Reasons []error }

func (e *CanceledError) Error() string {
	return fmt.Sprintf("table: the transaction was canceled: %v", errors.Join(e.Reasons...))
}

// Transact makes a transaction, which is serializable: it reads and writes as if
// nothing else happened meanwhile. Writers of the same items wait for each other
// instead of failing, so that no transaction is canceled because of another.
// repeated says that the same transaction was made before with this token; then
// nothing was done and there are no results.
//
// Errors: ErrNotFound, *ValidationError, *CanceledError, ErrTokenReused, and
// what package kv reports.
func (ts *Tables) Transact(ctx context.Context, x Transaction) (done []WriteResult, repeated bool, err error) {
	writes, err := ts.transaction(x.Requests, x.Values)
	if err != nil {
		return nil, false, err
	}
	o := commitOptions{hold: x.Hold}
	if x.Token != "" {
		o.token = &token{text: x.Token, hash: x.Hash}
	}
	seq, err := ts.commit(ctx, writes, o)
	switch {
	case errors.Is(err, errTokenUsed):
		return nil, true, nil
	case err != nil && failure(writes) != nil:
		return nil, false, canceled(writes)
	case err != nil:
		return nil, false, err
	}
	return results(writes, seq), false, nil
}

// transaction checks the requests, beside which bytes are counted, and returns their
// writes. An invalid request cancels the transaction and is the reason of it.
func (ts *Tables) transaction(requests []Request, bytes int) ([]*write, error) {
	writes := make([]*write, len(requests))
	reasons := make([]error, len(requests))
	seen := map[string]bool{}
	wrong := false
	for i, r := range requests {
		w, err := r.write(ts)
		var bad *ValidationError
		switch {
		case errors.As(err, &bad) && !bad.empty:
			reasons[i], wrong = err, true
			continue
		case err != nil:
			return nil, err
		}
		k := string(w.table.itemKey(w.key))
		if seen[k] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[k] = true
		writes[i] = w
		bytes += w.payload()
	}
	switch {
	case bytes > maxTransactBytes:
		return nil, errTransactBytes
	case wrong:
		return nil, &CanceledError{reasons}
	default:
		return writes, nil
	}
}

// payload returns the size of the item or the key that the request of the write
// holds.
func (w *write) payload() int {
	if w.put != nil {
		return w.put.size
	}
	return item.Size(w.key)
}

// canceled returns the error of a transaction of which a write could not be made.
func canceled(writes []*write) error {
	out := &CanceledError{make([]error, len(writes))}
	for i, w := range writes {
		if isEmptyKey(w.err) {
			return w.err
		}
		out.Reasons[i] = w.err
	}
	return out
}

// An ItemKey names an item: its table and its key attributes. Paths are those of the
// item that the caller is about to look at, which must not lead into key attributes;
// it may be nil.
type ItemKey struct {
	Table string
	Key   item.Item
	Paths []expr.Path
}

// TransactGet returns the items of the keys as they were at one moment, nil
// where there is none. Errors: ErrNotFound, *ValidationError, *CanceledError.
func (ts *Tables) TransactGet(ctx context.Context, keys []ItemKey) ([]item.Item, error) {
	stored, err := ts.storedKeys(keys)
	if err != nil {
		return nil, err
	}
	snapshot := ts.store.Snapshot()
	defer snapshot.Close()
	seen := ts.store.Applied() // what the snapshot holds was applied by now
	out := make([]item.Item, len(keys))
	bytes := 0
	for i, k := range stored {
		if out[i], err = readItem(snapshot, k); err != nil {
			return nil, err
		}
		if bytes += item.Size(out[i]); bytes > maxTransactBytes {
			return nil, errTransactBytes
		}
	}
	return out, ts.store.WaitDurable(ctx, seen)
}

// storedKeys checks keys and returns them as they are stored.
func (ts *Tables) storedKeys(keys []ItemKey) ([][]byte, error) {
	out := make([][]byte, len(keys))
	reasons := make([]error, len(keys))
	seen := map[string]bool{}
	wrong := false
	for i, k := range keys {
		t, err := ts.get(k.Table)
		if err != nil {
			return nil, err
		}
		reasons[i] = cmp.Or(t.checkKey(k.Key), t.checkPaths(k.Paths))
		if isEmptyKey(reasons[i]) {
			return nil, reasons[i]
		}
		if reasons[i] != nil {
			wrong = true
			continue
		}
		out[i] = t.itemKey(k.Key)
		if seen[string(out[i])] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[string(out[i])] = true
	}
	if wrong {
		return nil, &CanceledError{reasons}
	}
	return out, nil
}
