package table

import (
	"testing"

	"github.com/tablecast/tablecast/kv"
)

// LimitCollections lets tests fill an item collection.
func (ts *Tables) LimitCollections(bytes int64) { ts.maxCollection = bytes }

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
