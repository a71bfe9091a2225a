package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Change is a difference between two versions of a schema.
type Change struct {
	Pointer string // the place in the documents; * is any element or member
	Text    string
	// Breaking changes let documents through that the old schema refused.
	Breaking bool
}

// String returns the change in a line.
func (c Change) String() string {
	if c.Breaking {
		return "breaking: " + c.Pointer + ": " + c.Text
	}
	return c.Pointer + ": " + c.Text
}

// Compare returns what the consumers of an old schema meet with a new one, in
// the order of the places. What it cannot compare is breaking.
func Compare(old, next *Schema) []Change {
	c := &comparison{old: old.doc, next: next.doc, seen: map[[2]string]bool{}}
	c.within(c.next, c.old, "")
	slices.SortStableFunc(c.out, func(a, b Change) int { return strings.Compare(a.Pointer, b.Pointer) })
	return slices.Compact(c.out)
}

// A comparison holds the two documents, for references into them.
type comparison struct {
	old, next any
	seen      map[[2]string]bool // pairs of references on the way
	out       []Change
}

func (c *comparison) breaks(at, format string, args ...any) {
	c.out = append(c.out, Change{where(at), fmt.Sprintf(format, args...), true})
}

func where(at string) string {
	if at == "" {
		return "/"
	}
	return at
}

// Groups of keywords.
var (
	annotations = []string{"$schema", "$id", "$defs", "definitions", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
	lower       = map[string][]string{ // a bound from below: keywords of the new schema that keep it
		"minimum": {"minimum", "exclusiveMinimum"}, "exclusiveMinimum": {"exclusiveMinimum"}, "minLength": {"minLength"}, "minItems": {"minItems"}, "minProperties": {"minProperties"},
	}
	upper = map[string][]string{
		"maximum": {"maximum", "exclusiveMaximum"}, "exclusiveMaximum": {"exclusiveMaximum"}, "maxLength": {"maxLength"}, "maxItems": {"maxItems"}, "maxProperties": {"maxProperties"},
	}
	only = map[string]string{ // keywords that concern one type
		"minimum": "number", "exclusiveMinimum": "number", "maximum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
		"minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
		"minItems": "array", "maxItems": "array", "items": "array", "prefixItems": "array", "uniqueItems": "array", "contains": "array",
		"minProperties": "object", "maxProperties": "object", "required": "object", "properties": "object", "additionalProperties": "object", "patternProperties": "object", "propertyNames": "object",
	}
)

// within notes where a value of the new schema may be none of the old.
func (c *comparison) within(next, old any, at string) {
	if reflect.DeepEqual(next, old) && !refers(old) {
		return
	}
	wide, narrow := c.resolve(old, c.old, nil), c.resolve(next, c.next, nil)
	if wide == nil || narrow == nil { // true takes all, false none
		switch {
		case old == true || next == false:
		case old == false:
			c.breaks(at, "may be there now")
		case next == true && wide != nil:
			c.within(map[string]any{}, old, at)
		default:
			c.breaks(at, "cannot be compared")
		}
		return
	}
	if pair := [2]string{fmt.Sprint(old), fmt.Sprint(next)}; refers(old) || refers(next) {
		if c.seen[pair] {
			return
		}
		c.seen[pair] = true
	}
	for _, keyword := range slices.Sorted(maps.Keys(wide)) {
		if slices.Contains(annotations, keyword) || !concerns(keyword, narrow) {
			continue
		}
		c.keyword(keyword, narrow, wide, at)
	}
	c.additions(narrow, wide, at)
}

// refers reports whether a schema is a reference.
func refers(v any) bool {
	m, ok := v.(map[string]any)
	return ok && m["$ref"] != nil
}

// resolve returns a schema's keywords, with those of what it refers to; nil if
// it has none, as true and false, or refers in circles.
func (c *comparison) resolve(v, doc any, trail []string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	if slices.Contains(trail, ref) {
		return nil
	}
	target := c.resolve(lookup(doc, ref), doc, append(trail, ref))
	if target == nil {
		return nil
	}
	out := maps.Clone(target)
	for k, x := range m {
		if _, taken := out[k]; !taken && k != "$ref" {
			out[k] = x
		} else if taken && !reflect.DeepEqual(out[k], x) && !slices.Contains(annotations, k) {
			out["$ref"] = ref // both count: not to be compared as the wider of two
		}
	}
	return out
}

// lookup returns what a local reference names.
func lookup(doc any, ref string) any {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	for name := range jsontext.Pointer(pointer).Tokens() {
		m, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = m[name]
	}
	return doc
}

// types returns the types that a schema lets through; nil is all of them.
func types(m map[string]any) []string {
	var out []string
	switch t := m["type"].(type) {
	case string:
		out = []string{t}
	case []any:
		for _, x := range t {
			out = append(out, fmt.Sprint(x))
		}
	}
	values := enum(m)
	if out != nil || values == nil {
		return out
	}
	for _, v := range values {
		out = append(out, typeOf(v))
	}
	return out
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case number:
		return numberType(v)
	}
	return "object"
}

// enum returns values of which those are that a schema lets through; nil is any.
func enum(m map[string]any) []any {
	if v, ok := m["const"]; ok {
		return []any{v}
	}
	values, _ := m["enum"].([]any)
	return values
}

// concerns reports whether a keyword of the old schema is about values that the
// new one lets through.
func concerns(keyword string, next map[string]any) bool {
	about, have := only[keyword], types(next)
	return about == "" || have == nil || slices.Contains(have, about) || about == "number" && slices.Contains(have, "integer")
}

// keyword notes where the new schema does not keep one of the old.
func (c *comparison) keyword(keyword string, next, old map[string]any, at string) {
	switch keyword {
	case "type":
		c.typesKept(next, old, at)
	case "enum", "const":
		c.valuesKept(next, map[string]any{keyword: old[keyword]}, at)
	case "required":
		for _, name := range names(old["required"]) {
			if !slices.Contains(names(next["required"]), name) {
				c.breaks(at+"/"+name, "is not always there any more")
			}
		}
	case "properties":
		properties, _ := old["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			c.within(property(next, name), properties[name], at+"/"+name)
		}
	case "additionalProperties":
		c.othersKept(next, old, at)
	case "items":
		if _, ok := next["prefixItems"]; ok || old["prefixItems"] != nil {
			c.equal(keyword, next, old, at)
			return
		}
		c.within(or(next["items"], true), old["items"], at+"/*")
	default:
		c.bound(keyword, next, old, at)
	}
}

func or(v, otherwise any) any {
	if v == nil {
		return otherwise
	}
	return v
}

func names(v any) (out []string) {
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, fmt.Sprint(x))
	}
	return out
}

// property returns the schema that a member of that name has.
func property(m map[string]any, name string) any {
	if properties, ok := m["properties"].(map[string]any); ok && properties[name] != nil {
		return properties[name]
	}
	if m["patternProperties"] != nil {
		return true // it may have one of these, or none
	}
	return or(m["additionalProperties"], true)
}

func (c *comparison) typesKept(next, old map[string]any, at string) {
	was, is := types(map[string]any{"type": old["type"]}), types(next)
	if is == nil {
		c.breaks(at, "was %s, may be anything now", strings.Join(was, " or "))
		return
	}
	for _, t := range is {
		if !slices.Contains(was, t) && (t != "integer" || !slices.Contains(was, "number")) {
			c.breaks(at, "was %s, may be %s now", strings.Join(was, " or "), t)
		}
	}
}

func (c *comparison) valuesKept(next, old map[string]any, at string) {
	was, is := enum(old), enum(next)
	if is == nil {
		c.breaks(at, "was one of %d values, may be others now", len(was))
	}
	for _, v := range is {
		if !slices.ContainsFunc(was, func(w any) bool { return reflect.DeepEqual(v, w) }) {
			c.breaks(at, "may be %s now", inJSON(v))
		}
	}
}

// inJSON writes a value of a schema.
func inJSON(v any) []byte {
	numbers := json.MarshalToFunc(func(out *jsontext.Encoder, n number) error { return out.WriteValue(jsontext.Value(n)) })
	text, _ := json.Marshal(v, json.WithMarshalers(numbers), json.Deterministic(true)) // it was read from JSON
	return text
}

// othersKept compares members that the old schema does not name.
func (c *comparison) othersKept(next, old map[string]any, at string) {
	if old["patternProperties"] != nil || next["patternProperties"] != nil {
		c.equal("additionalProperties", next, old, at)
		c.equal("patternProperties", next, old, at)
		return
	}
	named, _ := old["properties"].(map[string]any)
	added, _ := next["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(added)) {
		if _, known := named[name]; !known {
			c.within(added[name], old["additionalProperties"], at+"/"+name)
		}
	}
	c.within(or(next["additionalProperties"], true), old["additionalProperties"], at+"/*")
}

// bound compares keywords that bound a value, or must be equal.
func (c *comparison) bound(keyword string, next, old map[string]any, at string) {
	for sign, bounds := range map[int]map[string][]string{1: lower, -1: upper} {
		keeping, ok := bounds[keyword]
		if !ok {
			continue
		}
		for _, k := range keeping {
			if was, is := rational(old[keyword]), rational(next[k]); was != nil && is != nil && is.Cmp(was)*sign >= 0 {
				return
			}
		}
		c.breaks(at, "%s was %v, is no longer kept", keyword, old[keyword])
		return
	}
	c.equal(keyword, next, old, at)
}

// equal notes a keyword that is not the same in both.
func (c *comparison) equal(keyword string, next, old map[string]any, at string) {
	if !reflect.DeepEqual(next[keyword], old[keyword]) || refers(map[string]any{"$ref": find(old[keyword])}) {
		c.breaks(at, "%s differs, which cannot be compared", keyword)
	}
}

// find returns a reference inside of a value, whose target may differ; nil if
// there is none.
func find(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["$ref"] != nil {
			return v["$ref"]
		}
		for _, x := range v {
			if r := find(x); r != nil {
				return r
			}
		}
	case []any:
		for _, x := range v {
			if r := find(x); r != nil {
				return r
			}
		}
	}
	return nil
}

// additions notes members that only the new schema names.
func (c *comparison) additions(next, old map[string]any, at string) {
	named, _ := old["properties"].(map[string]any)
	added, _ := next["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(added)) {
		if _, known := named[name]; !known && old["additionalProperties"] == nil {
			c.out = append(c.out, Change{at + "/" + name, "is new", false})
		}
	}
}
