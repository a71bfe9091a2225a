package acceptance

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/kv"
)

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
		n, err := tablecast.Open("data", tablecast.Options{FS: fs, Config: f})
		if err != nil {
			t.Fatal(err)
		}
		snap := n.Snapshot()
		if kept, _ := keys(t, snap, kv.Prefix(kv.NewKey('y'))); kept != 1 {
			t.Errorf("with %s: %d versions", event, kept)
		}
		snap.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
