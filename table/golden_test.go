package table_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

var rewrite = flag.Bool("rewrite", false, "write the stored bytes as they are into the files of testdata")

// The bytes that writes leave in the store are those of the file: items, index
// entries, counters, item collections, tokens and change records of each view.
func TestStoredBytes(t *testing.T) {
	f := open(t)
	now := time.UnixMilli(1_700_000_000_000)
	f.reopenAt(t, func() time.Time { return now })
	for _, view := range []stream.View{"", stream.KeysOnly, stream.NewImage, stream.OldImage, stream.NewAndOldImages} {
		spec := orders
		spec.Name, spec.View, spec.TTL = "orders-"+string(view), view, "until"
		if _, err := f.tables.Create(spec); err != nil {
			t.Fatal(err)
		}
		writeSome(t, f, spec.Name)
	}
	compareStored(t, f, "testdata/stored.txt")
}

// The entries of an index with several partition and sort attributes are those of the
// file, and its settings those of the descriptor.
func TestStoredBytesOfManyAttributes(t *testing.T) {
	f := open(t)
	f.reopenAt(t, func() time.Time { return time.UnixMilli(1_700_000_000_000) })
	spec := withPlaces()
	spec.Indexes = spec.Indexes[len(orders.Indexes):]
	if _, err := f.tables.Create(spec); err != nil {
		t.Fatal(err)
	}
	for n, place := range []string{"x", "y\u0000", ""} {
		row := it(t, `{"pk":{"S":"p"},"sk":{"N":"%d"},"owner":{"S":"ann"},"total":{"N":"-1.5"},"state":{"S":"new"},"note":{"S":"hm"}}`, n)
		if place != "" {
			row = row.With("place", item.S(place))
		}
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	compareStored(t, f, "testdata/stored-multi.txt")
	stored, err := f.store.Get(kv.NewKey('t').Uint64(1).String("orders"))
	if err != nil {
		t.Fatal(err)
	}
	const schema = `"schema":{"hash":{"name":"owner","kind":1},"range":{"name":"place","kind":1},"moreHash":[{"name":"total","kind":2}],"moreRange":[{"name":"sk","kind":2},{"name":"state","kind":1}]}`
	if !bytes.Contains(stored, []byte(schema)) {
		t.Errorf("the index is described as %s, want %s", stored, schema)
	}
	if own := `"schema":{"hash":{"name":"pk","kind":1},"range":{"name":"sk","kind":2}},`; !bytes.Contains(stored, []byte(own)) {
		t.Errorf("the table is described as %s, want %s", stored, own)
	}
}

// compareStored compares the rows of items, indexes, change records and counters with
// those of a file.
func compareStored(t *testing.T, f fixture, name string) {
	t.Helper()
	var out bytes.Buffer
	for _, r := range []kv.Range{
		kv.Prefix(kv.NewKey('i')), kv.Prefix(kv.NewKey('r')),
		{Lower: kv.NewKey('t').Uint64(2), Upper: kv.NewKey('t').Uint64(7)},
	} {
		it := f.store.Scan(r)
		for it.Next() {
			fmt.Fprintf(&out, "%q = %q\n", it.Key(), it.Value())
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if *rewrite {
		if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
}

// writeSome makes writes of each kind: inserts, changes and removals, alone and
// together, with a trace and without.
func writeSome(t *testing.T, f fixture, name string) {
	t.Helper()
	ctx := trace.With(t.Context(), trace.Parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
	key := func(n int) item.Item { return it(t, `{"pk":{"S":"p\u0000"},"sk":{"N":"%d"}}`, n) }
	put := func(ctx context.Context, n int, more string) {
		t.Helper()
		row := it(t, `{"pk":{"S":"p\u0000"},"sk":{"N":"%d"},"n":{"N":"-1.50"},"b":{"B":"AAE="},"t":{"BOOL":true},"z":{"NULL":true},
			"m":{"M":{"x":{"L":[{"S":"e"},{"N":"1e3"}]}}},"ss":{"SS":["b","a"]},"ns":{"NS":["10","2"]},"bs":{"BS":["AQ==","AA=="]}%s}`, n, more)
		if _, err := f.tables.Put(ctx, table.PutRequest{Table: name, Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	put(ctx, 1, `,"owner":{"S":"ann"},"total":{"N":"3"},"note":{"S":"hm"},"until":{"N":"1800000000"}`)
	put(t.Context(), 1, `,"owner":{"S":"ann"},"total":{"N":"4"},"state":{"S":"new"}`)
	put(ctx, 2, `,"owner":{"S":"bob"}`)
	put(ctx, 3, "")
	u, err := expr.NewParser(expr.Names{"#t": "total"}, expr.Values{":n": item.NumOf(7).Value()}).Update("ADD #t :n REMOVE bs")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 4} {
		if _, err := f.tables.Modify(ctx, table.UpdateRequest{Table: name, Key: key(n), Update: u}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.tables.Delete(ctx, table.DeleteRequest{Table: name, Key: key(1)}); err != nil {
		t.Fatal(err)
	}
	_, err = f.tables.Batch(ctx, []table.BatchWrite{{Table: name, Delete: key(3)}, {Table: name, Put: key(5).With("owner", item.S("eve"))}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = f.tables.Transact(t.Context(), table.Transaction{Token: "token of " + name, Requests: []table.Request{
		table.PutRequest{Table: name, Item: key(6).With("total", item.NumOf(1).Value())},
		table.CheckRequest{Table: name, Key: key(5)},
		table.DeleteRequest{Table: name, Key: key(4)},
	}})
	if err != nil {
		t.Fatal(err)
	}
}
