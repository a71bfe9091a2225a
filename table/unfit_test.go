package table_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// anyOwner draws a value that may be unfit to be a key: empty, too long, or of another
// type than text.
func anyOwner(rt *rapid.T) item.Value {
	return rapid.SampledFrom([]item.Value{
		item.S("ann"), item.S("bob"), item.S(""), item.S(strings.Repeat("x", 3000)), item.S(strings.Repeat("y", 1500)), item.NumOf(7).Value(), item.L(item.S("ann")), item.NullValue(),
	}).Draw(rt, "owner")
}

// unfitChange makes one random write to the table things, whose indexes come and go.
// A write that is refused because of an index is none.
func unfitChange(t *testing.T, rt *rapid.T, f fixture) {
	key := item.MapOf(item.Field{Name: "pk", Value: item.S(rapid.SampledFrom([]string{"p", "q"}).Draw(rt, "pk"))},
		item.Field{Name: "sk", Value: item.NumOf(int64(rapid.IntRange(0, 4).Draw(rt, "sk"))).Value()})
	values := expr.Values{":v": anyOwner(rt), ":n": item.NumOf(int64(rapid.IntRange(0, 9).Draw(rt, "n"))).Value()}
	update := func(text string, values expr.Values) error {
		u, err := expr.NewParser(nil, values).Update(text)
		if err != nil {
			rt.Fatal(err)
		}
		_, err = f.tables.Modify(t.Context(), table.UpdateRequest{Table: "things", Key: key, Update: u})
		return err
	}
	var err error
	switch rapid.SampledFrom([]string{"put", "put", "put", "delete", "set", "remove", "note", "add", "create", "drop", "fill", "fill"}).Draw(rt, "op") {
	case "put":
		_, err = f.tables.Put(t.Context(), table.PutRequest{Table: "things", Item: key.With("who", values[":v"]).With("n", values[":n"]).With("note", item.S(strings.Repeat("n", rapid.IntRange(0, 99).Draw(rt, "note"))))})
	case "delete":
		_, err = f.tables.Delete(t.Context(), table.DeleteRequest{Table: "things", Key: key})
	case "set":
		err = update("SET who = :v", values)
	case "remove":
		err = update("REMOVE who", nil)
	case "note":
		// The item may be unfit for an index that is younger: that does not matter to an
		// update of its other attributes.
		if err := update("SET misc = :n ADD visits :n", values); err != nil {
			rt.Fatalf("an update of another attribute: %v", err)
		}
	case "add":
		err = update("ADD n :n", values)
	case "create":
		index := rapid.SampledFrom([]table.IndexSpec{
			{Name: "byWho", Schema: item.KeySchema{Hash: text("who")}, Projection: table.ProjectAll},
			{Name: "whoByN", Schema: item.KeySchema{Hash: number("n"), Range: text("who")}, Projection: table.ProjectKeys},
			{Name: "notes", Schema: item.KeySchema{Hash: text("who"), Range: number("n")}, Projection: table.ProjectSome, Include: []string{"note"}},
			{Name: "parts", Schema: item.NewKeySchema([]item.KeyAttr{number("n"), text("who")}, []item.KeyAttr{text("note"), number("extra")}), Projection: table.ProjectKeys},
		}).Draw(rt, "index")
		_, err = f.tables.Update("things", table.Change{Indexes: []table.IndexChange{{Create: &index}}})
	case "drop":
		_, err = f.tables.Update("things", table.Change{Indexes: []table.IndexChange{{Delete: rapid.SampledFrom([]string{"byWho", "whoByN", "notes", "parts"}).Draw(rt, "index")}}})
	default:
		err = f.tables.BackfillSome("things", rapid.IntRange(1, 3).Draw(rt, "items"))
	}
	var refused *table.ValidationError
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, table.ErrIndexNotFound) {
		rt.Fatal(err)
	}
}

// The counts of an index are those of its entries at every moment, whichever items
// are unfit for it, while it is being filled and afterwards.
func TestCountsWithUnfitItems(t *testing.T) {
	for range 3 {
		rapid.Check(t, func(rt *rapid.T) {
			f := open(t)
			if _, err := f.tables.Create(table.Spec{Name: "things", Schema: item.KeySchema{Hash: text("pk"), Range: number("sk")}, Indexes: []table.IndexSpec{
				{Name: "local", Local: true, Schema: item.KeySchema{Hash: text("pk"), Range: number("n")}, Projection: table.ProjectKeys},
			}, TTL: "n"}); err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(1, 60).Draw(rt, "writes") {
				unfitChange(t, rt, f)
				if faults := check(f); faults != "" {
					rt.Fatalf("fsck: %s", faults)
				}
			}
			before, err := f.tables.Describe("things")
			if err != nil {
				rt.Fatal(err)
			}
			f.reopen(t)
			after, err := f.tables.Describe("things")
			if err != nil || before.Items != after.Items || before.Bytes != after.Bytes {
				rt.Fatalf("%+v, %v, before the restart %+v", after, err, before)
			}
			for i, x := range after.Indexes {
				if was := before.Indexes[i]; x.Entries != was.Entries || x.Bytes != was.Bytes || x.Entries < 0 || x.Bytes < 0 {
					rt.Fatalf("%s: %d entries, %d bytes; before the restart %d, %d", x.Name, x.Entries, x.Bytes, was.Entries, was.Bytes)
				}
			}
		})
	}
}

// The sizes of the attributes of one part of an index's key count together, those that
// an update writes and those that it finds, unless one of these is unfit by itself.
func TestUpdateOfKeyOfSeveralParts(t *testing.T) {
	f := open(t)
	x := table.IndexSpec{Name: "parts", Schema: item.NewKeySchema([]item.KeyAttr{text("h1"), text("h2")}, []item.KeyAttr{text("s1"), text("s2")}), Projection: table.ProjectKeys}
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	sized := func(n int) item.Value { return item.S(strings.Repeat("x", n)) }
	row := item.MapOf(item.Field{Name: "id", Value: item.S("u")}, item.Field{Name: "h1", Value: sized(2000)}, item.Field{Name: "h2", Value: sized(3000)},
		item.Field{Name: "s1", Value: sized(1)}, item.Field{Name: "s2", Value: sized(600)})
	if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tables.Update("users", table.Change{Indexes: []table.IndexChange{{Create: &x}}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		update string
		size   int
		fits   bool
	}{
		{"SET s1 = :v", 424, true},
		{"SET h1 = :v", 48, true}, // h2 is unfit, and was so before
		{"SET s1 = :v", 425, false},
		{"SET s2 = :v", 601, false},
		{"SET h2 = :v", 2001, false},
		{"SET h2 = :v", 2000, true},
		{"SET h1 = :v", 49, false},
		{"SET misc = :v", 5000, true},
	} {
		u, err := expr.NewParser(nil, expr.Values{":v": sized(c.size)}).Update(c.update)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.tables.Modify(t.Context(), table.UpdateRequest{Table: "users", Key: userKey("u"), Update: u})
		var refused *table.ValidationError
		if c.fits && err != nil || !c.fits && (!errors.As(err, &refused) || !strings.HasSuffix(refused.Msg, "beyond allowed size limits")) {
			t.Errorf("%s with %d bytes: %v", c.update, c.size, err)
		}
	}
}

// An update that makes a new item is refused if its key does not fit an index, as a put
// is; an item that is older than the index can be updated.
func TestUpdateMakesNoUnfitItem(t *testing.T) {
	f := open(t)
	x := table.IndexSpec{Name: "turned", Schema: item.KeySchema{Hash: text("b"), Range: text("a")}, Projection: table.ProjectKeys}
	if _, err := f.tables.Create(table.Spec{Name: "things", Schema: item.KeySchema{Hash: text("a"), Range: text("b")}}); err != nil {
		t.Fatal(err)
	}
	key := func(b string) item.Item {
		return item.MapOf(item.Field{Name: "a", Value: item.S(strings.Repeat("x", 1025))}, item.Field{Name: "b", Value: item.S(b)})
	}
	if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "things", Item: key("old")}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tables.Update("things", table.Change{Indexes: []table.IndexChange{{Create: &x}}}); err != nil {
		t.Fatal(err)
	}
	set, err := expr.NewParser(nil, expr.Values{":v": item.S("v")}).Update("SET c = :v")
	if err != nil {
		t.Fatal(err)
	}
	remove, err := expr.NewParser(nil, nil).Update("REMOVE c")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []*expr.Update{set, remove, nil} {
		if _, err := f.tables.Modify(t.Context(), table.UpdateRequest{Table: "things", Key: key("old"), Update: u}); err != nil {
			t.Errorf("an item that is older than the index: %v", err)
		}
		_, err := f.tables.Modify(t.Context(), table.UpdateRequest{Table: "things", Key: key("new"), Update: u})
		var refused *table.ValidationError
		if makes := u != remove; makes != errors.As(err, &refused) || !makes && err != nil {
			t.Errorf("a new item: %v", err)
		}
	}
}
