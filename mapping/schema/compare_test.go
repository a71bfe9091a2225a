package schema_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/mapping/schema"
)

func compile(t interface{ Fatal(...any) }, text string) *schema.Schema {
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(text, err)
	}
	return s
}

// What breaks a consumer, and what does not.
func TestCompare(t *testing.T) {
	for _, c := range []struct{ old, next, want string }{
		{`{"type":"string"}`, `{"type":"string","title":"x"}`, ``},
		{`{"type":"number"}`, `{"type":"integer"}`, ``},
		{`{"enum":[1]}`, `{"enum":[1,12345678901234567890123456789012345678]}`, `breaking: /: may be 12345678901234567890123456789012345678 now`},
		{`{"enum":[1]}`, `{"enum":[{"b":2.50,"a":["x"]}]}`, `breaking: /: may be {"a":["x"],"b":2.50} now`},
		{`{"type":"integer"}`, `{"type":"number"}`, `breaking: /: was integer, may be number now`},
		{`{"type":"string"}`, `{"type":["string","null"]}`, `breaking: /: was string, may be null now`},
		{`{"type":"string"}`, `{}`, `breaking: /: was string, may be anything now`},
		{`{"type":"string"}`, `{"enum":["a","b"]}`, ``},
		{`{"enum":["a","b"]}`, `{"const":"a"}`, ``},
		{`{"enum":["a"]}`, `{"enum":["a","b"]}`, `breaking: /: may be "b" now`},
		{`{"const":1}`, `{}`, `breaking: /: was one of 1 values, may be others now`},
		{`{"required":["a"]}`, `{"required":["a","b"]}`, ``},
		{`{"required":["a"]}`, `{}`, `breaking: /a: is not always there any more`},
		{`{"properties":{"a":{"type":"string"}}}`, `{"properties":{"a":{"type":"string"},"b":{"type":"integer"}}}`, `/b: is new`},
		{`{"properties":{"a":{"type":"string"}}}`, `{}`, `breaking: /a: was string, may be anything now`},
		{`{"properties":{"a":{"type":"string"}}}`, `{"additionalProperties":false}`, ``},
		{`{"additionalProperties":false}`, `{"properties":{"a":{}},"additionalProperties":false}`, `breaking: /a: may be there now`},
		{`{"additionalProperties":false}`, `{}`, `breaking: /*: may be there now`},
		{`{"additionalProperties":{"type":"string"}}`, `{"properties":{"a":{"type":"string"}},"additionalProperties":false}`, ``},
		{`{"items":{"type":"string"}}`, `{"items":{"type":"integer"}}`, `breaking: /*: was string, may be integer now`},
		{`{"items":{"type":"string"}}`, `{}`, `breaking: /*: was string, may be anything now`},
		{`{"items":{"type":"string"}}`, `{"type":"string"}`, ``},
		{`{"minimum":1}`, `{"exclusiveMinimum":1}`, ``},
		{`{"minimum":1}`, `{"minimum":0.5}`, `breaking: /: minimum was 1, is no longer kept`},
		{`{"maxLength":5}`, `{"maxLength":4}`, ``},
		{`{"maxLength":5}`, `{"maxLength":6}`, `breaking: /: maxLength was 5, is no longer kept`},
		{`{"pattern":"a"}`, `{"pattern":"b"}`, `breaking: /: pattern differs, which cannot be compared`},
		{`{"anyOf":[{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, `breaking: /: anyOf differs, which cannot be compared`},
		{`{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, `{"type":"string"}`, ``},
		{`{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, `{"$ref":"#/$defs/a","$defs":{"a":{"type":"integer"}}}`, `breaking: /: was string, may be integer now`},
		{`{"anyOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"string"}}}`, `{"anyOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"integer"}}}`, `breaking: /: anyOf differs, which cannot be compared`},
		{`{"$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}`, `{"$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}`, ``},
		{`true`, `{"type":"string"}`, ``}, {`{"type":"string"}`, `false`, ``}, {`false`, `{}`, `breaking: /: may be there now`}, {`{"type":"string"}`, `true`, `breaking: /: was string, may be anything now`},
	} {
		var got []string
		for _, x := range schema.Compare(compile(t, c.old), compile(t, c.next)) {
			got = append(got, x.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s → %s\n got %s\nwant %s", c.old, c.next, strings.Join(got, "; "), c.want)
		}
	}
}

// genSchema draws schemas of the keywords that are compared.
func genSchema(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		out := map[string]any{}
		have := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
		if have("type") || have("type yet") {
			out["type"] = rapid.SampledFrom([]any{"string", "integer", "number", "null", "array", "object", []string{"string", "null"}, []string{"integer", "object"}}).Draw(t, "types")
		}
		choices := map[string][]any{
			"minimum": {0, 1, 2}, "exclusiveMinimum": {0, 1}, "maximum": {1, 2}, "minLength": {1, 2}, "maxLength": {1, 2}, "minItems": {1}, "maxItems": {1, 2},
			"enum": {[]any{"a", 1}, []any{nil}, []any{1, 2}}, "const": {"a", 1}, "required": {[]string{"a"}, []string{"a", "b"}}, "pattern": {"a", "b"}, "minProperties": {1}, "maxProperties": {1},
			"anyOf": {[]any{map[string]any{"type": "string"}}, []any{map[string]any{"minimum": 1}}},
		}
		for _, keyword := range slices.Sorted(maps.Keys(choices)) {
			values := choices[keyword]
			if rapid.IntRange(0, 9).Draw(t, keyword) == 0 {
				out[keyword] = rapid.SampledFrom(values).Draw(t, keyword+" value")
			}
		}
		if depth == 0 {
			return out
		}
		if have("properties") {
			out["properties"] = rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), genSchema(depth-1), 0, 3).Draw(t, "members")
		}
		if have("closed") {
			out["additionalProperties"] = rapid.SampledFrom([]any{false, true, map[string]any{"type": "string"}}).Draw(t, "others")
		}
		if have("items") {
			out["items"] = genSchema(depth-1).Draw(t, "elements")
		}
		return out
	})
}

// genDoc draws documents.
func genDoc(depth int) *rapid.Generator[any] {
	out := []*rapid.Generator[any]{
		rapid.SampledFrom([]any{"a", "b", "ab", "", 0, 1, 2, 3, 0.5, 1.5, nil, true}),
	}
	if depth > 0 {
		out = append(out,
			rapid.Map(rapid.SliceOfN(genDoc(depth-1), 0, 3), func(v []any) any { return v }),
			rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), genDoc(depth-1), 0, 3), func(v map[string]any) any { return v }))
	}
	return rapid.OneOf(out...)
}

// If nothing breaks, each document of the new schema is one of the old.
func TestCompareIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(v any) string {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		a := genSchema(2).Draw(t, "old")
		var b map[string]any
		if rapid.Bool().Draw(t, "changed") {
			b = genSchema(2).Draw(t, "new")
		} else {
			b = map[string]any{}
			for k, v := range a {
				b[k] = v
			}
			for k, v := range genSchema(1).Draw(t, "more") {
				b[k] = v
			}
		}
		old, next := compile(t, text(a)), compile(t, text(b))
		for _, c := range schema.Compare(old, next) {
			if c.Breaking {
				return
			}
		}
		for i := range 20 {
			doc := text(genDoc(2).Draw(t, fmt.Sprint("doc", i)))
			if next.Validate([]byte(doc)) == nil && old.Validate([]byte(doc)) != nil {
				t.Fatalf("%s is of %s and not of %s", doc, text(b), text(a))
			}
		}
	})
}

// Samples keep the schema that is inferred of them.
func TestInfer(t *testing.T) {
	var i schema.Inference
	for n := range 3 {
		sample := fmt.Sprintf(`{"id":"%08d-0000-4000-8000-000000000000","at":"2030-01-0%dT00:00:00Z","mail":"a%d@example.com","n":%d,"price":%d,"tags":["x"],"none":null,"sub":{"deep":true}}`, n, n+1, n, n, n)
		if n == 1 {
			sample = strings.Replace(sample, `"price":1`, `"price":1.5,"extra":1`, 1)
		}
		if err := i.Add([]byte(sample)); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.Add([]byte(`{`)); err == nil || i.Samples() != 3 {
		t.Error(err)
	}
	const want = `{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"at":{"format":"date-time","type":"string"},"extra":{"type":"integer"},` +
		`"id":{"format":"uuid","type":"string"},"mail":{"format":"email","type":"string"},"n":{"type":"integer"},"none":{"type":"null"},"price":{"type":"number"},` +
		`"sub":{"properties":{"deep":{"type":"boolean"}},"required":["deep"],"type":"object"},"tags":{"items":{"type":"string"},"type":"array"}},` +
		`"required":["at","id","mail","n","none","price","sub","tags"],"type":"object"}`
	if got := strings.Join(strings.Fields(string(i.Schema())), ""); got != want {
		t.Errorf("%s", got)
	}
}

func TestInferKeepsSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var i schema.Inference
		var docs [][]byte
		for _, d := range rapid.SliceOfN(genDoc(3), 1, 6).Draw(t, "samples") {
			b, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, b)
			if err := i.Add(b); err != nil {
				t.Fatal(err)
			}
		}
		s := compile(t, string(i.Schema()))
		for _, d := range docs {
			if err := s.Validate(d); err != nil {
				t.Fatalf("%s: %v", d, err)
			}
		}
	})
}
