package schema

import (
	"bytes"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// An Inference makes a schema of samples. The zero value has seen none.
type Inference struct{ root node }

// minFormat is how many texts must agree before they have a format.
const minFormat = 3

// A node is what the samples show at one place.
type node struct {
	seen     int            // values
	types    map[string]int // of JSON Schema
	formats  map[string]int // how many of the texts have each
	members  map[string]*node
	elements *node
}

// Add takes a sample into account: a JSON document.
func (i *Inference) Add(doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return fmt.Errorf("schema: sample: %w", err)
	}
	i.root.add(v)
	return nil
}

// Samples returns how many samples were added.
func (i *Inference) Samples() int { return i.root.seen }

func (n *node) add(v any) {
	n.seen++
	if n.types == nil {
		n.types, n.formats, n.members = map[string]int{}, map[string]int{}, map[string]*node{}
	}
	switch v := v.(type) {
	case nil:
		n.types["null"]++
	case bool:
		n.types["boolean"]++
	case number:
		n.types[numberType(v)]++
	case string:
		n.types["string"]++
		for name, fits := range formats {
			if fits(v) {
				n.formats[name]++
			}
		}
	case []any:
		n.types["array"]++
		if n.elements == nil {
			n.elements = &node{}
		}
		for _, e := range v {
			n.elements.add(e)
		}
	case map[string]any:
		n.types["object"]++
		for name, e := range v {
			if n.members[name] == nil {
				n.members[name] = &node{}
			}
			n.members[name].add(e)
		}
	}
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// formats are those of JSON Schema that are looked for.
var formats = map[string]func(string) bool{
	"date-time": func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil },
	"date":      func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"uuid":      uuid.MatchString,
	"email":     func(s string) bool { a, err := mail.ParseAddress(s); return err == nil && a.Address == s },
	"uri":       func(s string) bool { u, err := url.Parse(s); return err == nil && u.Scheme != "" && u.Host != "" },
}

// Schema returns the schema that all samples keep: their types, the members that
// each of them has, and formats that at least three texts share. It is the same
// for the same samples, in whatever order.
func (i *Inference) Schema() []byte {
	out := i.root.schema()
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	text, err := json.Marshal(out, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic(fmt.Sprintf("schema: %v", err)) // plain data always marshals
	}
	return append(text, '\n')
}

func (n *node) schema() map[string]any {
	out := map[string]any{}
	if n.seen == 0 {
		return out
	}
	types := slices.Sorted(maps.Keys(n.types))
	if slices.Contains(types, "number") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	if out["type"] = types; len(types) == 1 {
		out["type"] = types[0]
	}
	for _, name := range slices.Sorted(maps.Keys(n.formats)) {
		if texts := n.types["string"]; texts >= minFormat && n.formats[name] == texts {
			out["format"] = name
			break
		}
	}
	if n.elements != nil && n.elements.seen > 0 {
		out["items"] = n.elements.schema()
	}
	if len(n.members) == 0 {
		return out
	}
	properties := map[string]any{}
	var required []string
	for name, m := range n.members {
		properties[name] = m.schema()
		if m.seen == n.types["object"] {
			required = append(required, name)
		}
	}
	out["properties"] = properties
	if slices.Sort(required); len(required) > 0 {
		out["required"] = required
	}
	return out
}
