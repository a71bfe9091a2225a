package tablecast

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/table"
)

// An item of an outbox that has changed since its event was raised stays.
func TestDeleteUnchanged(t *testing.T) {
	f, err := config.Parse("f", []byte("tables: { box: { key: id } }"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open("data", Options{FS: vfs.NewMem(), Config: f})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	message := func(text string) item.Item {
		return item.MapOf(item.Field{Name: "id", Value: item.S("m1")}, item.Field{Name: "payload", Value: item.S(text)})
	}
	if _, err := n.tables.Put(t.Context(), table.PutRequest{Table: "box", Item: message("second")}); err != nil {
		t.Fatal(err)
	}
	key := item.MapOf(item.Field{Name: "id", Value: item.S("m1")})
	if err := n.deleteUnchanged(t.Context(), "box", message("first")); err != nil {
		t.Error(err)
	}
	if it, err := n.tables.Get(t.Context(), "box", key); err != nil || it == nil {
		t.Errorf("another item went: %v, %v", it, err)
	}
	if err := n.deleteUnchanged(t.Context(), "box", message("second")); err != nil {
		t.Error(err)
	}
	if it, err := n.tables.Get(t.Context(), "box", key); err != nil || it != nil {
		t.Errorf("%v, %v", it, err)
	}
	if err := n.deleteUnchanged(t.Context(), "gone", message("second")); err != nil {
		t.Errorf("a table that is gone: %v", err)
	}
}

// A node that is started with one file after the other keeps the version of the
// mapping that it has now.
func TestVersionsOfTheMapping(t *testing.T) {
	fs := vfs.NewMem()
	for _, event := range []string{"A", "B", "C"} {
		f, err := config.Parse("f", []byte("tables: { one: { key: id, stream: new-image }, two: { key: id, stream: new-image } }\n"+
			"events: { "+event+": { from: one }, Same: { from: two } }"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := Open("data", Options{FS: fs, Config: f})
		if err != nil {
			t.Fatal(err)
		}
		if kept, _ := keys(t, n.store, kv.Prefix(kv.NewKey('y'))); kept != 1 {
			t.Errorf("with %s: %d versions", event, kept)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
