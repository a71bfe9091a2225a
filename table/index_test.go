package table_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

func text(name string) item.KeyAttr   { return item.KeyAttr{Name: name, Kind: item.String} }
func number(name string) item.KeyAttr { return item.KeyAttr{Name: name, Kind: item.Number} }

// orders has an index of each kind and projection.
var orders = table.Spec{
	Name:   "orders",
	Schema: item.KeySchema{Hash: text("pk"), Range: number("sk")},
	View:   "NEW_AND_OLD_IMAGES",
	Indexes: []table.IndexSpec{
		{Name: "byOwner", Schema: item.KeySchema{Hash: text("owner"), Range: number("total")}, Projection: table.ProjectAll},
		{Name: "byState", Schema: item.KeySchema{Hash: text("state")}, Projection: table.ProjectKeys},
		{Name: "byTotal", Local: true, Schema: item.KeySchema{Hash: text("pk"), Range: number("total")}, Projection: table.ProjectSome, Include: []string{"note"}},
	},
}

// byPlace has a key of several partition and sort attributes, one of them of the
// table's key.
var byPlace = table.IndexSpec{
	Name: "byPlace", Projection: table.ProjectKeys,
	Schema: item.NewKeySchema([]item.KeyAttr{text("owner"), number("total")}, []item.KeyAttr{text("place"), number("sk"), text("state")}),
}

// withPlaces is orders with the index byPlace.
func withPlaces() table.Spec {
	spec := orders
	spec.Indexes = append(slices.Clone(orders.Indexes), byPlace)
	return spec
}

// a source of random items: absent attributes make the indexes sparse.
func randomItem(rt *rapid.T) item.Item {
	pk, sk := randomKey(rt)
	row := item.MapOf(item.Field{Name: "pk", Value: pk}, item.Field{Name: "sk", Value: sk})
	add := func(name string, v item.Value) {
		if rapid.Bool().Draw(rt, name) {
			row = row.With(name, v)
		}
	}
	add("owner", item.S(rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "who")))
	add("state", item.S(rapid.SampledFrom([]string{"new", "paid"}).Draw(rt, "is")))
	add("total", item.NumOf(int64(rapid.IntRange(-2, 3).Draw(rt, "sum"))).Value())
	add("place", item.S(rapid.SampledFrom([]string{"x", "y", "y\x00"}).Draw(rt, "where")))
	add("note", item.S(rapid.StringN(0, 9, 9).Draw(rt, "text")))
	return row
}

func randomKey(rt *rapid.T) (pk, sk item.Value) {
	return item.S(rapid.SampledFrom([]string{"p", "q"}).Draw(rt, "pk")), item.NumOf(int64(rapid.IntRange(0, 4).Draw(rt, "sk"))).Value()
}

// change makes one random write, which may be a batch or a transaction.
func change(ctx context.Context, rt *rapid.T, f fixture) error {
	row := randomItem(rt)
	key := orders.Schema.Project(row)
	other := key.With("pk", item.S("r"))
	var err error
	switch rapid.IntRange(0, 5).Draw(rt, "op") {
	case 0:
		_, err = f.tables.Delete(ctx, table.DeleteRequest{Table: "orders", Key: key})
	case 1:
		names := expr.Names{"#t": "total", "#o": "owner"}
		u, perr := expr.NewParser(names, expr.Values{":n": item.NumOf(1).Value()}).Update("ADD #t :n REMOVE #o")
		if perr != nil {
			return perr
		}
		_, err = f.tables.Modify(ctx, table.UpdateRequest{Table: "orders", Key: key, Update: u})
	case 2:
		_, err = f.tables.Batch(ctx, []table.BatchWrite{{Table: "orders", Put: row}, {Table: "orders", Delete: other}})
	case 3:
		_, _, err = f.tables.Transact(ctx, table.Transaction{Requests: []table.Request{
			table.PutRequest{Table: "orders", Item: row.With("pk", item.S("r"))}, table.DeleteRequest{Table: "orders", Key: key},
		}})
	default:
		_, err = f.tables.Put(ctx, table.PutRequest{Table: "orders", Item: row})
	}
	return err
}

// Whatever happened, an index holds the entries of the table's items, each
// projected, in the order of its keys, and all counters are true.
func TestIndexEqualsTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := open(t)
		if _, err := f.tables.Create(withPlaces()); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 60).Draw(rt, "writes") {
			if err := change(t.Context(), rt, f); err != nil {
				rt.Fatal(err)
			}
		}
		f.reopen(t)
		checkIndexes(t.Context(), rt, f)
		if faults := check(f); faults != "" {
			rt.Fatalf("fsck: %s", faults)
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

// checkIndexes compares all indexes of the table with its items.
func checkIndexes(ctx context.Context, t fataler, f fixture) {
	page, err := f.tables.Scan(ctx, table.ScanRequest{Table: "orders"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	d, err := f.tables.Describe("orders")
	if err != nil || int(d.Items) != len(page.Items) || int(d.Bytes) != page.Bytes {
		t.Fatalf("described as %d items, %d bytes; has %d, %d: %v", d.Items, d.Bytes, len(page.Items), page.Bytes, err)
	}
	for _, x := range d.Indexes {
		want, bytes := expected(x.IndexSpec, page.Items)
		got, err := f.tables.Scan(ctx, table.ScanRequest{Table: "orders", Index: x.Name})
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		if !slices.EqualFunc(got.Items, want, item.EqualItems) {
			t.Fatalf("%s holds\n%v, want\n%v", x.Name, got.Items, want)
		}
		if int(x.Entries) != len(want) || int(x.Bytes) != bytes {
			t.Fatalf("%s described as %d entries, %d bytes; has %d, %d", x.Name, x.Entries, x.Bytes, len(want), bytes)
		}
	}
}

// expected is the slow way to an index.
func expected(x table.IndexSpec, rows []item.Item) (out []item.Item, bytes int) {
	held := append(orders.Schema.Attrs(), x.Schema.Attrs()...)
	for _, row := range rows {
		if len(x.Schema.Project(row)) < len(x.Schema.Attrs()) {
			continue
		}
		if x.Projection != table.ProjectAll {
			whole := row
			row = nil
			for _, f := range whole {
				isKey := slices.ContainsFunc(held, func(a item.KeyAttr) bool { return a.Name == f.Name })
				if isKey || slices.Contains(x.Include, f.Name) {
					row = row.With(f.Name, f.Value)
				}
			}
		}
		bytes += item.Size(row)
		out = append(out, row)
	}
	order := append(x.Schema.Attrs(), orders.Schema.Attrs()...)
	slices.SortFunc(out, func(a, b item.Item) int {
		for _, attr := range order {
			v, _ := a.Get(attr.Name)
			w, _ := b.Get(attr.Name)
			if c, _ := item.Compare(v, w); c != 0 {
				return c
			}
		}
		return 0
	})
	return out, bytes
}

// An index that is added while writes go on becomes whole, whatever comes
// between.
func TestBackfill(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := open(t)
		bare := orders
		bare.Indexes = orders.Indexes[2:]
		if _, err := f.tables.Create(bare); err != nil {
			rt.Fatal(err)
		}
		for i := range 200 {
			row := it(t, `{"pk":{"S":"b%d"},"sk":{"N":"1"},"owner":{"S":"ann"},"state":{"S":"new"},"total":{"N":"%d"},"place":{"S":"x"}}`, i, i)
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row}); err != nil {
				rt.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		defer background.Wait()
		defer cancel()
		for _, x := range []table.IndexSpec{orders.Indexes[0], orders.Indexes[1], byPlace} {
			if _, err := f.tables.Update("orders", table.Change{Indexes: []table.IndexChange{{Create: &x}}}); err != nil {
				rt.Fatal(err)
			}
			for range 3 {
				if err := change(t.Context(), rt, f); err != nil {
					rt.Fatal(err)
				}
			}
			awaitFilled(t.Context(), rt, f)
		}
		checkIndexes(t.Context(), rt, f)
		cancel()
		background.Wait()
		f.reopen(t)
		checkIndexes(t.Context(), rt, f)
	})
}

// awaitFilled writes until no index is being filled.
func awaitFilled(ctx context.Context, t fataler, f fixture) {
	for i := 0; ; i++ {
		d, err := f.tables.Describe("orders")
		if err != nil {
			t.Fatalf("%v", err)
		}
		if !slices.ContainsFunc(d.Indexes, func(x table.IndexDescription) bool { return x.Backfilling }) {
			return
		}
		row := item.MapOf(item.Field{Name: "pk", Value: item.S(fmt.Sprintf("b%d", i%200))}, item.Field{Name: "sk", Value: item.NumOf(1).Value()},
			item.Field{Name: "owner", Value: item.S("bob")}, item.Field{Name: "total", Value: item.NumOf(int64(i)).Value()})
		if _, err := f.tables.Put(ctx, table.PutRequest{Table: "orders", Item: row}); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// A backfill that was cut short goes on where it was.
func TestBackfillGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		bare := orders
		bare.Indexes = nil
		if _, err := f.tables.Create(bare); err != nil {
			t.Fatal(err)
		}
		for i := range 150 {
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: it(t, `{"pk":{"S":"%d"},"sk":{"N":"1"},"state":{"S":"new"}}`, i)}); err != nil {
				t.Fatal(err)
			}
		}
		x := orders.Indexes[1]
		if _, err := f.tables.Update("orders", table.Change{Indexes: []table.IndexChange{{Create: &x}}}); err != nil {
			t.Fatal(err)
		}
		f.reopen(t)
		var wrong *table.ValidationError
		if _, err := f.tables.Scan(t.Context(), table.ScanRequest{Table: "orders", Index: x.Name}); !errors.As(err, &wrong) {
			t.Errorf("read while it was filled: %v", err)
		}
		if _, err := f.tables.Update("orders", table.Change{Indexes: []table.IndexChange{{Create: &orders.Indexes[0]}}}); err != nil {
			t.Errorf("second index meanwhile: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		synctest.Wait()
		checkIndexes(t.Context(), t, f)
		cancel()
		background.Wait()
	})
}

// An item that is older than an index, and whose attribute can be no key of it,
// has no entry, and is not counted when it goes.
func TestBackfillSkipsUnfitItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t)
		if _, err := f.tables.Create(users); err != nil {
			t.Fatal(err)
		}
		for i, owner := range []string{"", strings.Repeat("x", 3000), "ann"} {
			row := item.MapOf(item.Field{Name: "id", Value: item.S(fmt.Sprint(i))}, item.Field{Name: "owner", Value: item.S(owner)})
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
				t.Fatal(err)
			}
		}
		x := table.IndexSpec{Name: "byOwner", Schema: item.KeySchema{Hash: text("owner")}, Projection: table.ProjectAll}
		if _, err := f.tables.Update("users", table.Change{Indexes: []table.IndexChange{{Create: &x}}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var background sync.WaitGroup
		background.Go(func() { _ = f.tables.Run(ctx) })
		synctest.Wait()
		cancel()
		background.Wait()
		for i, want := range []int64{1, 1, 0} {
			if _, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "users", Key: it(t, `{"id":{"S":"%d"}}`, i)}); err != nil {
				t.Fatal(err)
			}
			d, err := f.tables.Describe("users")
			if err != nil || d.Indexes[0].Backfilling || d.Indexes[0].Entries != want || want == 0 && d.Indexes[0].Bytes != 0 {
				t.Errorf("after item %d: %+v, %v, want %d entries", i, d.Indexes[0], err, want)
			}
		}
	})
}

// A local index gives whole items if they are asked for, and pages end where
// they should.
func TestIndexPages(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(orders); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		row := it(t, `{"pk":{"S":"p"},"sk":{"N":"%d"},"total":{"N":"%d"},"owner":{"S":"ann"},"extra":{"S":"x"}}`, i, i%3)
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "orders", Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		index, condition string
		whole            bool
		want             int
	}{
		{"byTotal", "pk = :p AND #total >= :n", false, 20},
		{"byTotal", "pk = :p AND #total >= :n", true, 20},
		{"byOwner", "#owner = :a AND #total = :n", false, 10},
	} {
		k, err := expr.NewParser(expr.Names{"#owner": "owner", "#total": "total"}, expr.Values{":p": item.S("p"), ":a": item.S("ann"), ":n": item.NumOf(1).Value()}).KeyCondition(c.condition)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		var start item.Item
		for {
			page, err := f.tables.Query(t.Context(), table.QueryRequest{Table: "orders", Index: c.index, Condition: k, Limit: 7, Start: start, Fetch: c.whole})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Items {
				seen[string(item.AppendJSON(nil, orders.Schema.Project(row)))] = true
				_, extra := row.Get("extra")
				if held := c.whole || c.index == "byOwner"; extra != held {
					t.Errorf("%s, whole %t: %v", c.index, c.whole, row)
				}
			}
			if start = page.Last; start == nil {
				break
			}
		}
		if len(seen) != c.want {
			t.Errorf("%s: %d items, want %d", c.index, len(seen), c.want)
		}
	}
}

// Key attributes of one name have one type in all of a table's keys, whoever makes
// the table or the index.
func TestOneTypeOfKeyAttributes(t *testing.T) {
	f := open(t)
	index := func(keys item.KeySchema) table.IndexSpec {
		return table.IndexSpec{Name: "other", Schema: keys, Projection: table.ProjectAll}
	}
	var wrong *table.ValidationError
	for _, x := range []item.KeySchema{{Hash: number("pk")}, {Hash: text("owner"), Range: text("sk")}, {Hash: number("owner")}, {Hash: text("total")}} {
		spec := orders
		spec.Indexes = append(slices.Clone(orders.Indexes), index(x))
		if _, err := f.tables.Create(spec); !errors.As(err, &wrong) || !strings.Contains(wrong.Msg, "Attributes cannot be redefined.") {
			t.Errorf("a table with an index on %v: %v", x, err)
		}
	}
	if _, err := f.tables.Create(orders); err != nil {
		t.Fatal(err)
	}
	create := func(keys item.KeySchema) error {
		x := index(keys)
		_, err := f.tables.Update("orders", table.Change{Indexes: []table.IndexChange{{Create: &x}}})
		return err
	}
	if err := create(item.KeySchema{Hash: text("total")}); !errors.As(err, &wrong) {
		t.Errorf("a new index on total of another type: %v", err)
	}
	if err := create(item.KeySchema{Hash: number("total"), Range: text("owner")}); err != nil {
		t.Error(err)
	}
}
