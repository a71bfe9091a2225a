package table

import (
	"testing"

	"github.com/tablecast/tablecast/kv"
)

// LimitCollections lets tests fill an item collection.
func (ts *Tables) LimitCollections(bytes int64) { ts.maxCollection = bytes }

// BackfillSome gives the next n items to each index of a table that may lack items,
// in one step of its backfill.
func (ts *Tables) BackfillSome(name string, n int) error {
	t, err := ts.get(name)
	if err != nil {
		return err
	}
	for _, x := range t.backfilling() {
		after, err := ts.store.Get(backfilledKey(x.d.ID))
		if err != nil && !isNotFound(err) {
			return err
		}
		keys, err := t.keysAfter(after, n)
		switch {
		case err != nil:
		case len(keys) == 0:
			err = t.backfilled(x.d.ID)
		default:
			_, err = t.backfillItems(x.d.ID, keys)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Tokens counts what is stored of spent tokens.
func (ts *Tables) Tokens(t testing.TB) (n int) {
	it := ts.store.Scan(kv.Range{Lower: kv.NewKey('t').Uint64(5), Upper: kv.NewKey('t').Uint64(7)})
	for it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}
