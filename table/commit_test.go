package table

import (
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

// A write that panics, of which a server may recover, leaves its item and its
// table unlocked.
func TestPanicUnlocks(t *testing.T) {
	store := kvtest.NewMem(t)
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ts, err := Open(store, streams, Options{})
	if err != nil {
		t.Fatal(err)
	}
	schema := item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}
	if _, err := ts.Create(Spec{Name: "users", Schema: schema}); err != nil {
		t.Fatal(err)
	}
	user := item.MapOf(item.Field{Name: "id", Value: item.S("u")})
	w, err := PutRequest{Table: "users", Item: user}.write(ts)
	if err != nil {
		t.Fatal(err)
	}
	w.decide = func(item.Item) (item.Item, error) { panic("planted") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the caller")
			}
		}()
		_, _ = ts.commit(t.Context(), []*write{w}, commitOptions{})
	}()
	stripe := &ts.locks.stripes[ts.locks.of(w.stored)].mu
	if !stripe.TryLock() {
		t.Fatal("the item is still locked")
	}
	stripe.Unlock()
	if !w.table.writes.TryLock() {
		t.Fatal("the table is still locked")
	}
	w.table.writes.Unlock()
}
