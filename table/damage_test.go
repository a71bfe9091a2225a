package table_test

import (
	"errors"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A catalogue whose numbers are cut short is refused as damaged.
func TestDamagedNumbers(t *testing.T) {
	for name, key := range map[string]kv.Key{
		"next table": kv.NewKey('t').Uint64(0), "counter": kv.NewKey('t').Uint64(2).Uint64(1), "next stream": kv.NewKey('s').Uint64(0),
	} {
		store := kvtest.NewMem(t)
		open := func() (*table.Tables, error) {
			streams, err := stream.Open(store, stream.Options{})
			if err != nil {
				return nil, err
			}
			return table.Open(store, streams, table.Options{})
		}
		tables, err := open()
		if err != nil {
			t.Fatal(err)
		}
		spec := table.Spec{Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}}
		if _, err := tables.Create(spec); err != nil {
			t.Fatal(err)
		}
		b := store.NewBatch()
		b.Set(key, []byte{1, 2, 3})
		if _, err := store.Commit(b); err != nil {
			t.Fatal(err)
		}
		if _, err := open(); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
