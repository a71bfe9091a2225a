package table

import (
	"errors"
	"testing"
	"time"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
)

// An item stays that is renewed, or whose table loses its time to live, between the
// look at the expiry index and the removal.
func TestRenewedMeanwhile(t *testing.T) {
	now := time.Now()
	for name, meanwhile := range map[string]func(ts *Tables) error{
		"renewed": func(ts *Tables) error {
			_, err := ts.Put(t.Context(), PutRequest{Table: "users", Item: ending(now.Add(time.Hour))})
			return err
		},
		"disabled": func(ts *Tables) error { return ts.SetTTL("users", "") },
		"of another attribute": func(ts *Tables) error {
			return errors.Join(ts.SetTTL("users", ""), ts.SetTTL("users", "other"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := kvtest.NewMem(t)
			streams, err := stream.Open(store, stream.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ts, err := Open(store, streams, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ts.Create(Spec{Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, TTL: "ends"}); err != nil {
				t.Fatal(err)
			}
			if _, err := ts.Put(t.Context(), PutRequest{Table: "users", Item: ending(now.Add(-time.Minute))}); err != nil {
				t.Fatal(err)
			}
			users, err := ts.get("users")
			if err != nil {
				t.Fatal(err)
			}
			removals, _, err := users.due(now, nil, sweepStep)
			if err != nil || len(removals) != 1 {
				t.Fatalf("%d items are due, %v", len(removals), err)
			}
			if err := meanwhile(ts); err != nil {
				t.Fatal(err)
			}
			if _, err := ts.commit(t.Context(), removals, commitOptions{}); err != nil {
				t.Fatal(err)
			}
			if it, err := ts.Get(t.Context(), "users", removals[0].key); err != nil || it == nil {
				t.Errorf("the item is gone: %v", err)
			}
		})
	}
}

// ending returns the item with the id a whose time to live ends at the time.
func ending(at time.Time) item.Item {
	return item.MapOf(item.Field{Name: "id", Value: item.S("a")}, item.Field{Name: "ends", Value: item.NumOf(at.Unix()).Value()})
}
