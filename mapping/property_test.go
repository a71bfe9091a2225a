package mapping_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// genValue draws values of all kinds, nested a little.
func genValue(depth int) *rapid.Generator[item.Value] {
	name := rapid.SampledFrom([]string{"a", "b", "c d", "", "é", `"`})
	scalars := []*rapid.Generator[item.Value]{
		rapid.Map(rapid.String(), item.S),
		rapid.Map(rapid.Int64(), func(n int64) item.Value { return item.NumOf(n).Value() }),
		rapid.Map(rapid.SliceOf(rapid.Byte()), item.B),
		rapid.Map(rapid.Bool(), item.BoolOf),
		rapid.Just(item.NullValue()),
	}
	if depth > 0 {
		scalars = append(scalars,
			rapid.Map(rapid.SliceOfN(genValue(depth-1), 0, 3), func(v []item.Value) item.Value { return item.L(v...) }),
			rapid.Map(rapid.MapOfN(name, genValue(depth-1), 0, 3), func(m map[string]item.Value) item.Value {
				var fields []item.Field
				for n, v := range m {
					fields = append(fields, item.Field{Name: n, Value: v})
				}
				return item.M(item.MapOf(fields...))
			}))
	}
	return rapid.OneOf(scalars...)
}

func genItem(id string) *rapid.Generator[item.Item] {
	return rapid.Custom(func(t *rapid.T) item.Item {
		fields := []item.Field{{Name: "id", Value: item.S(id)}}
		for _, n := range []string{"a", "b", "list", "map"} {
			if rapid.Bool().Draw(t, "has "+n) {
				fields = append(fields, item.Field{Name: n, Value: genValue(2).Draw(t, n)})
			}
		}
		return item.MapOf(fields...)
	})
}

var genText = rapid.Custom(func(t *rapid.T) string {
	part := rapid.SampledFrom([]string{
		"${new.a}", "${old.b}", "${new.list[0]}", "${old.map.a}", `${new["map"]["c d"]}`, "${keys}", "${op}", "${table}", "$${", "$", "}", "x", "é\"",
	})
	return strings.Join(rapid.SliceOfN(part, 0, 4).Draw(t, "parts"), "")
})

// Apply is a pure function whose details are JSON objects and whose ids differ.
func TestApplyIsPure(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	rapid.Check(t, func(rt *rapid.T) {
		var defs []mapping.Definition
		for i := range rapid.IntRange(1, 6).Draw(rt, "definitions") {
			d := mapping.Definition{Name: "E" + strconv.Itoa(i), Source: "s", Bus: "b"}
			if rapid.Bool().Draw(rt, "has a detail") {
				d.Detail = object(t, rapid.SliceOfN(genText, 0, 5).Draw(rt, "texts")...)
			}
			if rapid.Bool().Draw(rt, "is guarded") {
				d.Changed = paths(t, rapid.SampledFrom([]string{"a", "b", "list[0]", "map.a"}).Draw(rt, "path"))
				d.On = []mapping.Kind{mapping.Insert, mapping.Modify, mapping.Remove}
			}
			defs = append(defs, d)
		}
		was, is := genItem("u1").Draw(rt, "was"), genItem("u1").Draw(rt, "is")
		switch rapid.IntRange(0, 2).Draw(rt, "kind") {
		case 0:
			was = nil
		case 1:
			is = nil
		}
		r := record(st, was, is)
		frozen := string(item.AppendBinary(item.AppendBinary(nil, r.New), r.Old))
		first := apply(rt, defs, r)
		if again := apply(rt, defs, r); !cmp.Equal(first, again) {
			rt.Fatal(cmp.Diff(first, again))
		}
		if copied := record(st, reread(rt, was), reread(rt, is)); !cmp.Equal(first, apply(rt, defs, copied)) {
			rt.Fatal("equal records raise different events")
		}
		if frozen != string(item.AppendBinary(item.AppendBinary(nil, r.New), r.Old)) {
			rt.Fatal("Apply changed the record")
		}
		ids := map[string]bool{}
		for _, e := range first {
			if ids[e.Event.ID] {
				rt.Fatalf("id %s comes twice", e.Event.ID)
			}
			ids[e.Event.ID] = true
			if v := jsontext.Value(bytes.Clone(e.Event.Detail)); !v.IsValid(jsontext.AllowDuplicateNames(false)) || v.Kind() != '{' {
				rt.Fatalf("detail %s", v)
			}
		}
	})
}

func apply(t *rapid.T, defs []mapping.Definition, r *stream.Record) []mapping.Raised {
	out, err := mapping.NewSet(defs, "1", "r").Apply(r, all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reread returns the item as it comes back from the disk.
func reread(t *rapid.T, it item.Item) item.Item {
	if it == nil {
		return nil
	}
	out, err := item.DecodeBinary(item.AppendBinary(nil, it))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A guard raises an event exactly when the plain forms at its path differ.
func TestChangedAgreesWithValues(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	rapid.Check(t, func(rt *rapid.T) {
		was, is := genItem("u1").Draw(rt, "was"), genItem("u1").Draw(rt, "is")
		path := rapid.SampledFrom([]string{"a", "b", "list[0]", "map.a", "map"}).Draw(rt, "path")
		show := mapping.Definition{Name: "Show", Detail: object(t, "${old."+path+"}", "${new."+path+"}")}
		guard := mapping.Definition{Name: "Guard", Changed: paths(t, path)}
		r := record(st, was, is)
		shown := string(apply(rt, []mapping.Definition{show}, r)[0].Event.Detail)
		differs := shown != `{}` && shown != sameMembers(shown)
		if raised := len(apply(rt, []mapping.Definition{guard}, r)) == 1; raised != differs && !ambiguous(was, is) {
			rt.Fatalf("%s: raised %v, values %s", path, raised, shown)
		}
	})
}

// sameMembers is {"a":x,"b":x} for the x of a.
func sameMembers(shown string) string {
	a, ok := strings.CutPrefix(shown, `{"a":`)
	if !ok {
		return ""
	}
	dec := jsontext.NewDecoder(strings.NewReader(a))
	x, err := dec.ReadValue()
	if err != nil {
		return ""
	}
	return `{"a":` + string(x) + `,"b":` + string(x) + `}`
}

// ambiguous reports whether the items hold binaries, whose plain form may be
// that of a string.
func ambiguous(items ...item.Item) bool {
	for _, it := range items {
		if bytes.Contains(item.AppendJSON(nil, it), []byte(`{"B":`)) {
			return true
		}
	}
	return false
}
