package mapping_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// allocated returns how many bytes fn allocates, garbage included.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// large is a change whose item has a text of 300 KB, one of control characters, which
// take six bytes each as JSON, binaries, and a list of n elements.
func large(t testing.TB, n int) *stream.Record {
	r := reversed(t, n)
	r.New = r.New.With("text", item.S(strings.Repeat("x", 300_000))).With("control", item.S(strings.Repeat("\x01", 50_000))).With("raw", item.B(make([]byte, 20_000)))
	return r
}

// scoped compiles a template for the elements of each:.
func scoped(t testing.TB, s string) *mapping.Template {
	t.Helper()
	out, err := mapping.Scope{Each: true}.Text(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// All that the definitions of a table make of one change has one budget: details,
// groups, resources and envelopes, for each element and each definition.
func TestChangeHasOneBudget(t *testing.T) {
	r := large(t, 10_000)
	each := collection(t, "new.list")
	small := mapping.Object([]string{"a"}, []*mapping.Template{scoped(t, "${each}")})
	var wide []string
	for range 26 {
		wide = append(wide, "${new.text}<${new.control}>${new.raw}")
	}
	var many []mapping.Definition
	for i := range 30 {
		many = append(many, mapping.Definition{Name: fmt.Sprint("E", i), Detail: object(t, wide[:4]...)})
	}
	var resources []*mapping.Template
	for range 1000 {
		resources = append(resources, text(t, "${new.text}"))
	}
	for name, defs := range map[string][]mapping.Definition{
		"group":       {{Name: "E", Each: each, Detail: small, Group: text(t, "${new.text}")}},
		"group text":  {{Name: "E", Each: each, Detail: small, Group: scoped(t, "${each}${new.text}")}},
		"resources":   {{Name: "E", Detail: object(t, "x"), Resources: resources}},
		"details":     {{Name: "E", Each: each, Detail: mapping.Object([]string{"a"}, []*mapping.Template{scoped(t, "${each}${new.text}")})}},
		"members":     {{Name: "E", Detail: mapping.Object([]string{"a", "b"}, []*mapping.Template{object(t, wide...), mapping.Array([]*mapping.Template{object(t, wide...), object(t, wide...)})})}},
		"definitions": many,
		"cloudevents": {{Name: "E", Each: each, Detail: small, Group: text(t, "${new.control}"), Shape: mapping.Shape{Envelope: mapping.CloudEvents}}},
		"item":        {{Name: "E", Each: each}},
		"quoted":      {{Name: "E", Detail: object(t, strings.Repeat("<${new.control}>", 150))}},
	} {
		set := mapping.NewSet(defs, options)
		var err error
		if n := allocated(func() { _, err = set.Apply(r, all) }); n > 8*mapping.MaxBytes {
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		}
		if err == nil || !strings.Contains(err.Error(), "the change raises more than 32 MiB") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// genLarge draws templates that show large values in each place that a template has.
func genLarge(depth int, s mapping.Scope) *rapid.Generator[*mapping.Template] {
	part := rapid.SampledFrom([]string{
		"${new.text}", "${new.control}", "${new.raw}", "${new.list}", "${new}", "${diff(old, new)}", "x", "${new.list.map(x, new.text)}", "${new.text + new.text}",
		"${[new, new, new]}", "${new.text.replace('x', new.control)}", "${'%s%s'.format([new, [new.text]])}", "${new.list.transformMap(i, x, new.raw)}",
		"${[new.control, new.control].join(new.text)}", "${new.text.split('')}", "${{new.control: new}}", "${base64.encode(new.raw)}",
	})
	texts := rapid.Custom(func(t *rapid.T) *mapping.Template {
		text := strings.Join(rapid.SliceOfN(part, 1, 6).Draw(t, "text"), "")
		out, err := s.Text(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return out
	})
	if depth == 0 {
		return texts
	}
	nested := rapid.SliceOfN(genLarge(depth-1, s), 1, 12)
	return rapid.OneOf(texts, rapid.Map(nested, mapping.Array), rapid.Map(nested, func(list []*mapping.Template) *mapping.Template {
		var names []string
		for i := range list {
			names = append(names, string(rune('a'+i)))
		}
		return mapping.Object(names, list)
	}))
}

// genLargeDefinition draws a definition that shows large values wherever it can.
func genLargeDefinition(tb testing.TB) *rapid.Generator[mapping.Definition] {
	return rapid.Custom(func(t *rapid.T) mapping.Definition {
		d := mapping.Definition{Name: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "name"), Shape: mapping.Shape{
			Envelope:     rapid.SampledFrom([]mapping.Envelope{mapping.Bare, mapping.Metadata, mapping.CloudEvents}).Draw(t, "envelope"),
			QuoteNumbers: rapid.Bool().Draw(t, "quoted"),
		}}
		s := mapping.Scope{Each: rapid.Bool().Draw(t, "each")}
		if s.Each {
			d.Each = collection(tb, rapid.SampledFrom([]string{"new.list", "new", "new.list.map(x, new.text)"}).Draw(t, "collection"))
		}
		d.Detail = mapping.Object([]string{"a"}, []*mapping.Template{genLarge(2, s).Draw(t, "detail")})
		if rapid.Bool().Draw(t, "group") {
			d.Group = genLarge(1, s).Draw(t, "group")
		}
		d.Resources = rapid.SliceOfN(genLarge(1, s), 0, 3).Draw(t, "resources")
		return d
	})
}

// Whatever the definitions say of whatever change, what is allocated stays within a
// few budgets, and what is raised within one.
func TestBudgetHolds(t *testing.T) {
	records := []*stream.Record{large(t, 3), large(t, 300)}
	definitions := rapid.SliceOfN(genLargeDefinition(t), 1, 4)
	for seed := range 40 {
		set := mapping.NewSet(definitions.Example(seed), options)
		var events []mapping.Raised
		n := allocated(func() { events, _ = set.Apply(records[seed%2], all) })
		raised := 0
		for i := range events {
			raised += events[i].Bytes()
		}
		if n > 30*mapping.MaxBytes || raised > mapping.MaxBytes {
			t.Fatalf("seed %d: %d MB were allocated for %d MB", seed, n>>20, raised>>20)
		}
	}
}
