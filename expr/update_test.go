package expr_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

func setOfTexts(t *testing.T, texts ...string) item.Value {
	t.Helper()
	var members []item.Value
	for _, s := range texts {
		members = append(members, item.S(s))
	}
	v, err := item.Set(item.StringSet, members)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every index of an update means the element that had it in the item as it was,
// in whatever order the actions stand and whatever the others remove.
func TestIndexesMeanTheItemAsItWas(t *testing.T) {
	const row = `{
		"l":{"L":[{"S":"0"},{"M":{"b":{"S":"1b"},"c":{"S":"1c"}}},{"M":{"b":{"S":"2b"}}},{"L":[{"S":"30"},{"S":"31"}]}]},
		"k":{"L":[{"SS":["a"]},{"SS":["b"]},{"SS":["c"]}]}}`
	for _, c := range []struct{ update, want string }{
		{"REMOVE l[0], l[1].b", `{"k":[["a"],["b"],["c"]],"l":[{"c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"REMOVE l[1].b, l[0]", `{"k":[["a"],["b"],["c"]],"l":[{"c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"REMOVE l[0], l[3][0], l[2]", `{"k":[["a"],["b"],["c"]],"l":[{"b":"1b","c":"1c"},["31"]]}`},
		{"REMOVE l[3][0], l[3][1], l[1], l[2].b", `{"k":[["a"],["b"],["c"]],"l":["0",{},[]]}`},
		{"DELETE k[0] :a, k[1] :b", `{"k":[["c"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"DELETE k[0] :a REMOVE k[1]", `{"k":[["c"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"DELETE k[0] :b REMOVE k[1]", `{"k":[["a"],["c"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"SET k[7] = :a, k[3] = :b", `{"k":[["a"],["b"],["c"],["b"],["a"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"SET k[7] = :a ADD k[3] :b", `{"k":[["a"],["b"],["c"],["b"],["a"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"ADD k[9] :a, k[8] :b DELETE k[1] :b", `{"k":[["a"],["c"],["b"],["a"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
		{"SET k[7] = :a REMOVE k[3], k[0]", `{"k":[["b"],["c"],["a"]],"l":["0",{"b":"1b","c":"1c"},{"b":"2b"},["30","31"]]}`},
	} {
		u, err := expr.NewParser(nil, expr.Values{":a": setOfTexts(t, "a"), ":b": setOfTexts(t, "b")}).Update(c.update)
		if err != nil {
			t.Fatalf("%s: %v", c.update, err)
		}
		var old item.Item
		if err := json.Unmarshal([]byte(row), &old); err != nil {
			t.Fatal(err)
		}
		now, err := u.Apply(old)
		if got := string(item.AppendPlainItem(nil, now)); err != nil || got != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.update, got, err, c.want)
		}
	}
}

// ADD and DELETE take time in proportion to the sets: the item is locked
// meanwhile.
func TestLargeSets(t *testing.T) {
	var even, odd []item.Value
	for i := range int64(40_000) {
		even, odd = append(even, item.NumOf(2*i).Value()), append(odd, item.NumOf(2*i+1).Value())
	}
	old, err := item.Set(item.NumberSet, even)
	if err != nil {
		t.Fatal(err)
	}
	other, err := item.Set(item.NumberSet, odd)
	if err != nil {
		t.Fatal(err)
	}
	for update, want := range map[string]int{"ADD s :other": 80_000, "DELETE s :other": 40_000} {
		u, err := expr.NewParser(nil, expr.Values{":other": other}).Update(update)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		now, err := u.Apply(item.MapOf(item.Field{Name: "s", Value: old}))
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s took %s", update, took)
		}
		if s, _ := now.Get("s"); err != nil || len(s.List()) != want {
			t.Errorf("%s: %d members, %v", update, len(s.List()), err)
		}
	}
}

// An update whose values are larger than any item may be is refused before all of
// them are made.
func TestUpdateOfTooMuch(t *testing.T) {
	list := make([]item.Value, 100_000)
	for i := range list {
		list[i] = item.BoolOf(true)
	}
	var actions []string
	for i := range 150 {
		actions = append(actions, fmt.Sprintf("a%d=list_append(l,l)", i))
	}
	many, err := expr.NewParser(nil, nil).Update("SET " + strings.Join(actions, ","))
	if err != nil {
		t.Fatal(err)
	}
	term := expr.Just(expr.At(expr.Attribute("l")))
	for range 6 {
		term = must(expr.ListAppend(term, term))
	}
	nested, err := expr.NewUpdate(expr.Set(expr.Attribute("a"), term))
	if err != nil {
		t.Fatal(err)
	}
	for name, u := range map[string]*expr.Update{"many actions": many, "one action": nested} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = u.Apply(item.MapOf(item.Field{Name: "l", Value: item.L(list...)}))
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; err == nil || made > 500<<20 {
			t.Errorf("%s: %v, after making %d MB", name, err, made>>20)
		}
	}
}

// An update that would nest values more deeply than requests may is refused.
func TestUpdateDepth(t *testing.T) {
	deep := item.S("x")
	for range item.MaxDepth - 2 {
		deep = item.L(deep)
	}
	it := item.MapOf(item.Field{Name: "l", Value: item.L(item.L())}, item.Field{Name: "deep", Value: deep})
	values := expr.Values{":deep": deep, ":deepest": item.L(deep)}
	for update, fits := range map[string]bool{
		"SET a = :deepest": true, "SET l[0] = :deep": true, "SET l[0] = :deepest": false,
		"SET l[0][0] = :deep": false, "SET l[0][0] = deep": false, "SET l[0] = list_append(l, deep)": true,
	} {
		u, err := expr.NewParser(nil, values).Update(update)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Apply(it); fits != (err == nil) {
			t.Errorf("%s: %v", update, err)
		}
	}
}
