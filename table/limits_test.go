package table_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// Each view holds its images for each operation, and the keys always.
func TestViewsOfOperations(t *testing.T) {
	for view, want := range map[stream.View]string{
		stream.KeysOnly:        "INSERT MODIFY REMOVE",
		stream.NewImage:        "INSERT+new MODIFY+new REMOVE",
		stream.OldImage:        "INSERT MODIFY+old REMOVE+old",
		stream.NewAndOldImages: "INSERT+new MODIFY+new+old REMOVE+old",
	} {
		f := open(t)
		spec := users
		spec.View = view
		if _, err := f.tables.Create(spec); err != nil {
			t.Fatal(err)
		}
		key := it(t, `{"id":{"S":"u"}}`)
		for _, v := range []string{"a", "b"} {
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: key.With("v", item.S(v))}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.tables.Delete(t.Context(), table.DeleteRequest{Table: "users", Key: key}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records(t, f) {
			s := r.Op.String()
			if r.New != nil {
				s += "+new"
			}
			if r.Old != nil {
				s += "+old"
			}
			if !item.EqualItems(r.Keys, key) {
				t.Errorf("%s %s: keys %v", view, r.Op, r.Keys)
			}
			got = append(got, s)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", view, text, want)
		}
	}
}

// Sizes are refused one byte above their limit and not at it.
func TestSizes(t *testing.T) {
	f := open(t)
	texts := lines
	texts.Name, texts.Schema.Range.Kind = "texts", item.String
	for _, spec := range []table.Spec{users, texts} {
		if _, err := f.tables.Create(spec); err != nil {
			t.Fatal(err)
		}
	}
	x := func(n int) item.Value { return item.S(strings.Repeat("x", n)) }
	pair := func(pk, sk int) item.Item {
		return item.MapOf(item.Field{Name: "pk", Value: x(pk)}, item.Field{Name: "sk", Value: x(sk)})
	}
	one := func(id int) item.Item { return item.MapOf(item.Field{Name: "id", Value: x(id)}) }
	for _, c := range []struct {
		name, table string
		row         item.Item
		ok          bool
	}{
		{"partition key", "users", one(2048), true},
		{"long partition key", "users", one(2049), false},
		{"sort key", "texts", pair(1, 1024), true},
		{"long sort key", "texts", pair(1, 1025), false},
		{"empty sort key", "texts", pair(1, 0), false},
		{"item", "users", one(1).With("d", x(item.MaxSize-4)), true},
		{"large item", "users", one(1).With("d", x(item.MaxSize-3)), false},
	} {
		_, err := f.tables.Put(t.Context(), table.PutRequest{Table: c.table, Item: c.row})
		var refused *table.ValidationError
		if c.ok && err != nil || !c.ok && !errors.As(err, &refused) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	u, err := expr.NewParser(nil, expr.Values{":x": x(4)}).Update("SET e = :x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.tables.Modify(t.Context(), table.UpdateRequest{Table: "users", Key: one(1), Update: u})
	if err == nil || err.Error() != "Item size to update has exceeded the maximum allowed size" {
		t.Errorf("an update beyond the size: %v", err)
	}
}

// A full disk refuses writes, leaves no trace of them, and lets reads and
// deletions go on.
func TestDiskFull(t *testing.T) {
	fs := kvtest.NewSpaceFS(vfs.NewMem(), 1<<40)
	on := func(t *testing.T) fixture {
		f := fixture{store: kvtest.Open(t, "data", kv.Options{FS: fs, MinFreeBytes: 64 << 20})}
		f.reopen(t)
		return f
	}
	row := it(t, `{"id":{"S":"u"},"v":{"N":"1"}}`)
	key := users.Schema.Project(row)
	t.Run("room", func(t *testing.T) {
		f := on(t)
		if _, err := f.tables.Create(users); err != nil {
			t.Fatal(err)
		}
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); err != nil {
			t.Fatal(err)
		}
		kept := table.Spec{Name: "kept", Schema: item.KeySchema{Hash: text("k")}, Protected: true, TTL: "until"}
		if _, err := f.tables.Create(kept); err != nil {
			t.Fatal(err)
		}
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "kept", Item: it(t, `{"k":{"S":"k"},"until":{"N":"1"}}`)}); err != nil {
			t.Fatal(err)
		}
	})
	fs.SetFree(32 << 20)
	f := on(t)
	spec := lines
	spec.View = stream.NewImage
	_, created := f.tables.Create(spec)
	_, written := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row.With("v", item.S("2"))})
	_, changed := f.tables.Update("users", table.Change{Stream: &table.StreamChange{}})
	for _, err := range []error{created, written, changed} {
		if !errors.Is(err, kv.ErrDiskFull) {
			t.Errorf("on a full disk: %v", err)
		}
	}
	if names, _ := f.tables.List("", 10); len(names) != 2 || len(f.streams.OfTable("lines")) != 0 || !f.streams.OfTable("users")[0].Enabled() {
		t.Errorf("what was refused left a trace: tables %v", names)
	}
	replay(t, f)
	if got, err := f.tables.Get(t.Context(), "users", key); err != nil || !item.EqualItems(got, row) {
		t.Errorf("get: %v, %v", got, err)
	}
	frees(t, f, row)
	if rs := records(t, f); len(rs) != 2 || rs[1].Op != stream.Remove {
		t.Errorf("%d records", len(rs))
	}
}

// frees does what frees space while the disk is full: it deletes the item of users, in
// a transaction that also checks a condition, and drops a table that was protected
// and has a time to live.
func frees(t *testing.T, f fixture, row item.Item) {
	t.Helper()
	key := users.Schema.Project(row)
	is, err := expr.NewParser(nil, expr.Values{":k": item.S("k")}).Condition("ConditionExpression", "k = :k")
	if err != nil {
		t.Fatal(err)
	}
	kept := it(t, `{"k":{"S":"k"}}`)
	_, _, err = f.tables.Transact(t.Context(), table.Transaction{Token: "t", Requests: []table.Request{
		table.DeleteRequest{Table: "users", Key: key}, table.CheckRequest{Table: "kept", Key: kept, Condition: is},
	}})
	if err != nil {
		t.Errorf("transaction that deletes and checks: %v", err)
	}
	if err := f.tables.SetTTL("kept", ""); err != nil {
		t.Errorf("disable the time to live: %v", err)
	}
	on, off := true, false
	if _, err := f.tables.Update("kept", table.Change{Protected: &on}); !errors.Is(err, kv.ErrDiskFull) {
		t.Errorf("protect: %v", err)
	}
	if _, err := f.tables.Update("kept", table.Change{Protected: &off}); err != nil {
		t.Errorf("unprotect: %v", err)
	}
	if _, err := f.tables.Drop("kept"); err != nil {
		t.Errorf("drop: %v", err)
	}
}

// An item with a value that was never set is refused: it could not be read again.
func TestUnsetValuesAreRefused(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	for _, v := range []item.Value{{}, item.L(item.Value{}), item.M(item.MapOf(item.Field{Name: "a"}))} {
		row := item.MapOf(item.Field{Name: "id", Value: item.S("u")}, item.Field{Name: "v", Value: v})
		var wrong *item.Error
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: row}); !errors.As(err, &wrong) {
			t.Errorf("put: %v", err)
		}
	}
	if got, err := f.tables.Get(t.Context(), "users", it(t, `{"id":{"S":"u"}}`)); err != nil || got != nil {
		t.Errorf("read: %v, %v", got, err)
	}
}
