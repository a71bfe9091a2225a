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
	"github.com/tablecast/tablecast/pattern"
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
		"${new.?a}", "${old.?b}", "${new.?list[?0]}", "${old.?map.a}", `${new[?"map"]["c d"]}`, "${keys}", "${op}", "${table}", "$${", "$", "}", "x", "é\"",
		"${new.a}", "${diff(old, new)}", "${changed}", "${added(old.?list, new.?list)}", "${time}", "${entity}", "${keys.?name}", "${new.?a.orValue(1) == 1}",
	})
	return strings.Join(rapid.SliceOfN(part, 0, 4).Draw(t, "parts"), "")
})

// genDefinition draws definitions with any guards.
func genDefinition(t *testing.T, name string) *rapid.Generator[mapping.Definition] {
	return rapid.Custom(func(rt *rapid.T) mapping.Definition {
		d := mapping.Definition{Name: name, Source: "s", Bus: "b"}
		have := func(what string) bool { return rapid.IntRange(0, 3).Draw(rt, what) == 0 }
		if have("a detail") || have("a detail yet") {
			d.Detail = object(t, rapid.SliceOfN(genText, 0, 5).Draw(rt, "texts")...)
		}
		if have("changed") {
			d.Changed = transitions(t, rapid.SampledFrom([]string{"a", "b", "list[0]", "map.a"}).Draw(rt, "path"))
		}
		if have("added") {
			d.Added = paths(t, rapid.SampledFrom([]string{"a", "list", "map"}).Draw(rt, "added path"))
		}
		if have("removed") {
			d.Removed = paths(t, rapid.SampledFrom([]string{"b", "list", "map"}).Draw(rt, "removed path"))
		}
		if have("on") {
			d.On = []mapping.Kind{mapping.Insert, mapping.Modify, mapping.Remove}
		}
		if have("entity") {
			d.Entity = rapid.SampledFrom([]string{"User", "Other"}).Draw(rt, "entity")
		}
		if have("match") {
			d.Match = compile(t, rapid.SampledFrom([]string{`{"op":["modify"]}`, `{"new":{"a":[{"exists":true}]}}`, `{"changed":["b"]}`}).Draw(rt, "pattern"))
		}
		if have("if") {
			d.If = condition(t, rapid.SampledFrom([]string{`op == "modify"`, `has(new.a)`, `new.a == old.b`, `size(changed) > 1`}).Draw(rt, "condition"))
		}
		if have("each") {
			d.Each = collection(t, rapid.SampledFrom([]string{`new.?list`, `diff(old, new)`, `changed`, `new.a`, `[op]`}).Draw(rt, "collection"))
		}
		d.Shape.Envelope = rapid.SampledFrom([]mapping.Envelope{"", mapping.Bare, mapping.Metadata, mapping.CloudEvents}).Draw(rt, "envelope")
		d.Shape.QuoteNumbers = have("quoted numbers")
		return d
	})
}

// entities of the table here; an item is of the first that fits.
var entities = []mapping.Entity{
	{Name: "User", Forms: []mapping.Form{form("id", "u{name}")}},
	{Name: "Other"},
}

func form(attribute, text string) mapping.Form {
	f, err := mapping.ParseForm(attribute, text)
	if err != nil {
		panic(err)
	}
	return f
}

func compile(t testing.TB, src string) *pattern.Pattern {
	t.Helper()
	p, err := pattern.Compile([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Apply is a pure function whose details are JSON objects and whose ids differ,
// and Explain agrees with it.
func TestApplyIsPure(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	rapid.Check(t, func(rt *rapid.T) {
		var defs []mapping.Definition
		for i := range rapid.IntRange(1, 6).Draw(rt, "definitions") {
			defs = append(defs, genDefinition(t, "E"+strconv.Itoa(i)).Draw(rt, "definition"))
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
		first := apply(defs, r)
		agrees(rt, first, mapping.NewSet(defs, options).Explain(r))
		if again := apply(defs, r); !cmp.Equal(first, again) {
			rt.Fatal(cmp.Diff(first, again))
		}
		if copied := record(st, reread(rt, was), reread(rt, is)); !cmp.Equal(first, apply(defs, copied)) {
			rt.Fatal("equal records raise different events")
		}
		if frozen != string(item.AppendBinary(item.AppendBinary(nil, r.New), r.Old)) {
			rt.Fatal("Apply changed the record")
		}
		ids := map[string]bool{}
		for _, e := range first.Events {
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

var options = mapping.Options{Version: "v1", Entities: entities}

// An outcome is what Apply returns.
type outcome struct {
	Events []mapping.Raised
	Err    string
}

func apply(defs []mapping.Definition, r *stream.Record) outcome {
	events, err := mapping.NewSet(defs, options).Apply(r, all)
	if err != nil {
		return outcome{events, err.Error()}
	}
	return outcome{Events: events}
}

// agrees checks that the verdicts are what was applied: all events in order, or
// the first error.
func agrees(t *rapid.T, applied outcome, verdicts []mapping.Verdict) {
	var told outcome
	for _, v := range verdicts {
		if v.Err != nil {
			told = outcome{Err: v.Err.Error()}
			break
		}
		if v.Guard != "" && (v.Reason == "" || len(v.Raised) > 0) {
			t.Fatalf("%+v", v)
		}
		told.Events = append(told.Events, v.Raised...)
	}
	if d := cmp.Diff(applied, told); d != "" {
		t.Fatalf("Explain does not agree with Apply: %s", d)
	}
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
		show := mapping.Definition{Name: "Show", Detail: object(t, optionally("old", path), optionally("new", path))}
		guard := mapping.Definition{Name: "Guard", Changed: transitions(t, path)}
		r := record(st, was, is)
		applied := apply([]mapping.Definition{show}, r)
		if applied.Err != "" {
			return // the path names an element of a list
		}
		shown := string(applied.Events[0].Event.Detail)
		differs := shown != `{}` && shown != sameMembers(shown)
		if raised := len(apply([]mapping.Definition{guard}, r).Events) == 1; raised != differs && !ambiguous(was, is) {
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

// optionally is an expression for what stands at a path, if there is something.
func optionally(image, path string) string {
	return "${" + image + ".?" + strings.ReplaceAll(path, "[", "[?") + "}"
}
