package table_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

type fixture struct {
	store   *kv.Store
	streams *stream.Streams
	tables  *table.Tables
}

func open(t testing.TB) fixture {
	t.Helper()
	f := fixture{store: kvtest.NewMem(t)}
	f.reopen(t)
	return f
}

func (f *fixture) reopen(t testing.TB) {
	t.Helper()
	f.reopenAt(t, nil)
}

// reopenAt opens the tables with a clock.
func (f *fixture) reopenAt(t testing.TB, now func() time.Time) {
	t.Helper()
	var err error
	if f.streams, err = stream.Open(f.store, stream.Options{}); err != nil {
		t.Fatal(err)
	}
	if f.tables, err = table.Open(f.store, f.streams, table.Options{Now: now}); err != nil {
		t.Fatal(err)
	}
}

var users = table.Spec{
	Name:   "users",
	Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}},
	View:   stream.NewAndOldImages,
}

var lines = table.Spec{
	Name:   "lines",
	Schema: item.KeySchema{Hash: item.KeyAttr{Name: "pk", Kind: item.String}, Range: item.KeyAttr{Name: "sk", Kind: item.Number}},
}

func it(t testing.TB, format string, args ...any) item.Item {
	t.Helper()
	var m item.Map
	if err := json.Unmarshal(fmt.Appendf(nil, format, args...), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func cond(t testing.TB, src string, values expr.Values) *expr.Condition {
	t.Helper()
	c, err := expr.NewParser(nil, values).Condition("ConditionExpression", src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func records(t testing.TB, f fixture) []stream.Record {
	t.Helper()
	var out []stream.Record
	for _, st := range f.streams.OfTable("users") {
		page, err := st.Read(0, 1e6, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Records...)
	}
	return out
}

func TestNoChangeNoRecord(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	put := func(text string) {
		t.Helper()
		if _, err := f.tables.Put(ctx, table.PutRequest{Table: "users", Item: it(t, "%s", text)}); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"id":{"S":"u"},"n":{"N":"1"},"s":{"SS":["a","b"]},"m":{"M":{"x":{"N":"1"},"y":{"N":"2"}}}}`)
	put(`{"m":{"M":{"y":{"N":"2.0"},"x":{"N":"1e0"}}},"id":{"S":"u"},"n":{"N":"1.00"},"s":{"SS":["b","a"]}}`)
	u, err := expr.NewParser(nil, expr.Values{":z": item.NumOf(0).Value()}).Update("ADD n :z REMOVE absent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.tables.Modify(ctx, table.UpdateRequest{Table: "users", Key: it(t, `{"id":{"S":"u"}}`), Update: u}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tables.Delete(ctx, table.DeleteRequest{Table: "users", Key: it(t, `{"id":{"S":"other"}}`)}); err != nil {
		t.Fatal(err)
	}
	if rs := records(t, f); len(rs) != 1 || rs[0].Op != stream.Insert {
		t.Fatalf("%d records", len(rs))
	}
	only, _ := expr.NewParser(nil, nil).Update("REMOVE absent")
	if _, err := f.tables.Modify(ctx, table.UpdateRequest{Table: "users", Key: it(t, `{"id":{"S":"new"}}`), Update: only}); err != nil {
		t.Fatal(err)
	}
	if d, _ := f.tables.Describe("users"); d.Items != 1 {
		t.Errorf("%d items", d.Items)
	}
}

// Of many writers that put an item only where there is none, exactly one wins.
func TestConditionalRace(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	absent := cond(t, "attribute_not_exists(id)", nil)
	for round := range 50 {
		var mu sync.Mutex
		var racing sync.WaitGroup
		won := 0
		for range 8 {
			racing.Go(func() {
				_, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, `{"id":{"S":"u%d"}}`, round), Condition: absent})
				var failed *table.ConditionError
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.As(err, &failed) {
					t.Error(err)
				}
			})
		}
		racing.Wait()
		if won != 1 {
			t.Fatalf("round %d: %d writers won", round, won)
		}
	}
}

// Random histories: the change log replayed from its start gives the table,
// each old image is the new image before it, and the counters are true.
func TestLogEqualsTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := open(t)
		if _, err := f.tables.Create(users); err != nil {
			rt.Fatal(err)
		}
		for i := range rapid.IntRange(1, 40).Draw(rt, "writes") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "id")
			var err error
			switch rapid.IntRange(0, 3).Draw(rt, "op") {
			case 0:
				_, err = f.tables.Delete(t.Context(), table.DeleteRequest{Table: "users", Key: it(t, `{"id":{"S":"%s"}}`, id)})
			case 1:
				u, _ := expr.NewParser(nil, expr.Values{":n": item.NumOf(1).Value()}).Update("ADD n :n")
				_, err = f.tables.Modify(t.Context(), table.UpdateRequest{Table: "users", Key: it(t, `{"id":{"S":"%s"}}`, id), Update: u})
			case 2:
				_, err = f.tables.Batch(t.Context(), []table.BatchWrite{
					{Table: "users", Put: it(t, `{"id":{"S":"a"},"v":{"N":"%d"}}`, i)}, {Table: "users", Delete: it(t, `{"id":{"S":"b"}}`)},
				})
			default:
				_, err = f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, `{"id":{"S":"%s"},"v":{"N":"%d"}}`, id, i)})
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		f.reopen(t)
		state := map[string]item.Item{}
		for _, r := range records(t, f) {
			id, _ := r.Keys.Get("id")
			if !item.EqualItems(state[id.Str()], r.Old) {
				rt.Fatalf("record %d: old image %v, before it %v", r.Seq, r.Old, state[id.Str()])
			}
			state[id.Str()] = r.New
		}
		page, err := f.tables.Scan(t.Context(), table.ScanRequest{Table: "users"})
		if err != nil {
			rt.Fatal(err)
		}
		size := 0
		for _, row := range page.Items {
			id, _ := row.Get("id")
			if !item.EqualItems(state[id.Str()], row) {
				rt.Fatalf("table has %v, log gives %v", row, state[id.Str()])
			}
			delete(state, id.Str())
			size += item.Size(row)
		}
		for id, left := range state {
			if left != nil {
				rt.Fatalf("log gives %s: %v, table has none", id, left)
			}
		}
		if d, _ := f.tables.Describe("users"); int(d.Items) != len(page.Items) || int(d.Bytes) != size {
			rt.Fatalf("counters %d, %d; scan %d, %d", d.Items, d.Bytes, len(page.Items), size)
		}
	})
}

func TestQueryAndScan(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(lines); err != nil {
		t.Fatal(err)
	}
	for p := range 3 {
		for s := -5; s < 20; s++ {
			if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "lines", Item: it(t, `{"pk":{"S":"p%d"},"sk":{"N":"%d"}}`, p, s)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	query := func(src string, values expr.Values, backward bool, limit int) (out []string) {
		t.Helper()
		values[":p"] = item.S("p1")
		k, err := expr.NewParser(nil, values).KeyCondition(src)
		if err != nil {
			t.Fatal(err)
		}
		var start item.Item
		for {
			page, err := f.tables.Query(t.Context(), table.QueryRequest{Table: "lines", Condition: k, Backward: backward, Limit: limit, Start: start})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Items {
				sk, _ := row.Get("sk")
				out = append(out, sk.Str())
			}
			if start = page.Last; start == nil {
				return out
			}
		}
	}
	n := func(i int64) item.Value { return item.NumOf(i).Value() }
	for _, c := range []struct {
		src    string
		values expr.Values
		want   string
	}{
		{"pk = :p AND sk < :a", expr.Values{":a": n(-3)}, "[-5 -4]"},
		{"pk = :p AND sk <= :a", expr.Values{":a": n(-4)}, "[-5 -4]"},
		{"pk = :p AND sk > :a", expr.Values{":a": n(17)}, "[18 19]"},
		{"pk = :p AND sk BETWEEN :a AND :b", expr.Values{":a": n(-1), ":b": n(1)}, "[-1 0 1]"},
		{"pk = :p AND sk = :a", expr.Values{":a": n(7)}, "[7]"},
	} {
		for _, limit := range []int{0, 1, 2} {
			if got := fmt.Sprint(query(c.src, c.values, false, limit)); got != c.want {
				t.Errorf("%s, limit %d: %s", c.src, limit, got)
			}
		}
	}
	back := query("pk = :p", expr.Values{}, true, 7)
	if len(back) != 25 || back[0] != "19" || back[24] != "-5" {
		t.Errorf("backward: %v", back)
	}
	seen := map[string]int{}
	for seg := range 3 {
		var start item.Item
		for {
			page, err := f.tables.Scan(t.Context(), table.ScanRequest{Table: "lines", Segment: seg, TotalSegments: 3, Limit: 4, Start: start})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Items {
				seen[string(item.AppendJSON(nil, row))]++
			}
			if start = page.Last; start == nil {
				break
			}
		}
	}
	if len(seen) != 75 {
		t.Errorf("segments hold %d items", len(seen))
	}
	for k, c := range seen {
		if c != 1 {
			t.Errorf("%s came %d times", k, c)
		}
	}
}

func TestStreamOnAndOff(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	put := func(id string) {
		t.Helper()
		if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, `{"id":{"S":"%s"}}`, id)}); err != nil {
			t.Fatal(err)
		}
	}
	change := func(on bool) error {
		_, err := f.tables.Update("users", table.Change{Stream: &table.StreamChange{Enabled: on, View: stream.NewImage}})
		return err
	}
	put("a")
	if err := change(true); err == nil {
		t.Error("enabled twice")
	}
	if err := change(false); err != nil {
		t.Fatal(err)
	}
	put("b")
	if err := change(true); err != nil {
		t.Fatal(err)
	}
	put("c")
	f.reopen(t)
	put("d")
	all := f.streams.OfTable("users")
	if len(all) != 2 || all[0].Enabled() || !all[1].Enabled() || all[0].ARN() == all[1].ARN() {
		t.Fatalf("%d streams", len(all))
	}
	if rs := records(t, f); len(rs) != 3 {
		t.Errorf("%d records", len(rs))
	}
	if _, err := f.tables.Drop("users"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, `{"id":{"S":"e"}}`)}); !errors.Is(err, table.ErrNotFound) {
		t.Errorf("put into a dropped table: %v", err)
	}
	if rs := records(t, f); len(rs) != 3 {
		t.Errorf("%d records after the drop", len(rs))
	}
}

func TestKeyErrors(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"x":{"S":"u"}}`:  "One or more parameter values were invalid: Missing the key id in the item",
		`{"id":{"N":"1"}}`: "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N",
		`{"id":{"S":""}}`:  "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id",
	} {
		_, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, "%s", text)})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err := f.tables.Get(t.Context(), "users", it(t, `{"id":{"N":"1"}}`))
	if err == nil || err.Error() != "The provided key element does not match the schema" {
		t.Error(err)
	}
	u, _ := expr.NewParser(nil, expr.Values{":v": item.S("x")}).Update("SET id = :v")
	_, err = f.tables.Modify(t.Context(), table.UpdateRequest{Table: "users", Key: it(t, `{"id":{"S":"u"}}`), Update: u})
	if err == nil || err.Error() != "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key" {
		t.Error(err)
	}
}

func BenchmarkPut(b *testing.B) {
	f := open(b)
	if _, err := f.tables.Create(users); err != nil {
		b.Fatal(err)
	}
	row := it(b, `{"id":{"S":"u"},"n":{"N":"0"},"doc":{"S":"%0400d"}}`, 1)
	b.ReportAllocs()
	i := time.Now().UnixNano()
	for b.Loop() {
		i++
		if _, err := f.tables.Put(b.Context(), table.PutRequest{Table: "users", Item: row.With("id", item.S(fmt.Sprint(i)))}); err != nil {
			b.Fatal(err)
		}
	}
}

// An item that is not as it was stays, whatever was changed, added or removed.
func TestDeleteUnchanged(t *testing.T) {
	f := open(t)
	if _, err := f.tables.Create(users); err != nil {
		t.Fatal(err)
	}
	const now = `{"id":{"S":"m1"},"payload":{"S":"second"},"n":{"N":"1"}}`
	if _, err := f.tables.Put(t.Context(), table.PutRequest{Table: "users", Item: it(t, now)}); err != nil {
		t.Fatal(err)
	}
	for _, was := range []string{
		`{"id":{"S":"m1"},"payload":{"S":"first"},"n":{"N":"1"}}`,
		`{"id":{"S":"m1"},"payload":{"S":"second"}}`,
		`{"id":{"S":"m1"},"payload":{"S":"second"},"n":{"N":"1"},"more":{"BOOL":true}}`,
		`{"id":{"S":"m2"}}`,
		now,
	} {
		if err := f.tables.DeleteUnchanged(t.Context(), "users", it(t, "%s", was)); err != nil {
			t.Fatal(err)
		}
		left, err := f.tables.Get(t.Context(), "users", it(t, `{"id":{"S":"m1"}}`))
		if err != nil || (left == nil) != (was == now) {
			t.Errorf("after %s: %v, %v", was, left, err)
		}
	}
	if err := f.tables.DeleteUnchanged(t.Context(), "gone", it(t, "%s", now)); err != nil {
		t.Errorf("a table that is gone: %v", err)
	}
}
