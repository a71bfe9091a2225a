package table

import (
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

// An item that is renewed between the look at the expiry index and the removal
// stays.
func TestRenewedMeanwhile(t *testing.T) {
	store := kvtest.NewMem(t)
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ts, err := Open(store, streams, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ts.Create(Spec{Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}}); err != nil {
		t.Fatal(err)
	}
	if err := ts.SetTTL("users", "ends"); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	put := func(ends time.Time) {
		t.Helper()
		row := item.MapOf(item.Field{Name: "id", Value: item.S("a")}, item.Field{Name: "ends", Value: item.NumOf(ends.Unix()).Value()})
		if _, err := ts.Put(t.Context(), PutRequest{Table: "users", Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	put(now.Add(-time.Minute))
	users, err := ts.get("users")
	if err != nil {
		t.Fatal(err)
	}
	removals, _, err := users.due(now, nil, sweepStep)
	if err != nil || len(removals) != 1 {
		t.Fatalf("%d items are due, %v", len(removals), err)
	}
	put(now.Add(time.Hour))
	if _, err := ts.commit(t.Context(), removals, commitOptions{}); err != nil {
		t.Fatal(err)
	}
	if it, err := ts.Get(t.Context(), "users", removals[0].key); err != nil || it == nil {
		t.Errorf("the renewed item is gone: %v", err)
	}
}
