package config

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
)

// A reader walks over the syntax tree of a file, fills in the File and collects
// the faults.
type reader struct {
	path   string
	file   *File
	shape  mapping.Shape     // of events that do not say otherwise
	given  map[string][]byte // files that are not read from disk
	faults Faults

	closed    bool              // neither the disk nor the environment is read
	variables map[string]string // of a closed reader, instead of the environment
	withhold  bool              // what is read only authorizes calls, or is for functions alone
}

func (r *reader) fault(n ast.Node, msg, fix string) {
	pos := start(n).GetToken().Position
	r.faults = append(r.faults, Fault{r.path, pos.Line, pos.Column, msg, fix})
}

// start returns the node at whose token a node begins.
func start(n ast.Node) ast.Node {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Values[0].Key
		}
	case *ast.MappingValueNode:
		return v.Key
	}
	return n
}

// A pair is a key of a mapping and its value.
type pair struct {
	key   ast.Node
	name  string
	value ast.Node
}

// entries returns the entries of a mapping; ok is false if the node is none.
// Null is an empty mapping.
func entries(n ast.Node) (values []*ast.MappingValueNode, ok bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	case *ast.NullNode:
		return nil, true
	}
	return nil, false
}

// pairs returns the entries of a mapping; what says what the mapping is, for a
// fault if the node is none or has a key twice.
func (r *reader) pairs(n ast.Node, what string) []pair {
	values, ok := entries(n)
	if !ok {
		r.fault(n, what+" must be a mapping", "write one \"name: …\" a line")
	}
	var out []pair
	for _, v := range values {
		name := v.Key.String()
		if s, ok := v.Key.(*ast.StringNode); ok {
			name = s.Value
		}
		if slices.ContainsFunc(out, func(p pair) bool { return p.name == name }) {
			r.fault(v.Key, quoted(name)+" stands twice in "+what, "remove one of them")
			continue
		}
		out = append(out, pair{v.Key, name, v.Value})
	}
	return out
}

// each calls read for the entries of a mapping that may be missing.
func (r *reader) each(n ast.Node, what string, read func(pair)) {
	if n == nil {
		return
	}
	for _, p := range r.pairs(n, what) {
		read(p)
	}
}

// notOffered says what to do about keys that one might expect.
var notOffered = map[string]string{
	"settings": "give --listen and --dir to tablecast up, and see streams for shards and retention",
}

// fields returns the entries of a mapping by name; other names than known are
// faults.
func (r *reader) fields(n ast.Node, what string, known ...string) map[string]ast.Node {
	out := map[string]ast.Node{}
	for _, p := range r.pairs(n, what) {
		if slices.Contains(known, p.name) {
			out[p.name] = p.value
			continue
		}
		fix := "known keys are " + strings.Join(known, ", ")
		if near := nearest(p.name, known); near != "" {
			fix = "did you mean " + quoted(near) + "?"
		} else if hint := notOffered[p.name]; hint != "" {
			fix = hint
		}
		r.fault(p.key, "unknown key "+quoted(p.name)+" in "+what, fix)
	}
	return out
}

// need is fields for a mapping of which some keys must be there.
func (r *reader) need(n ast.Node, what string, keys []string, more ...string) map[string]ast.Node {
	fields := r.fields(n, what, slices.Concat(keys, more)...)
	if _, ok := entries(n); !ok {
		return fields
	}
	for _, key := range keys {
		if fields[key] == nil {
			r.fault(n, what+" has no "+key, "add "+key+":")
		}
	}
	return fields
}

// known reads a name that must be one of those that stand under a key of the
// file.
func (r *reader) known(n ast.Node, what string, names []string, under string) (string, bool) {
	name, ok := r.text(n, what)
	if !ok || slices.Contains(names, name) {
		return name, ok
	}
	fix := "declare it under " + under
	if hint := nearest(name, names); hint != "" {
		fix = "did you mean " + quoted(hint) + "?"
	}
	r.fault(n, what+" is "+quoted(name)+", which does not exist", fix)
	return "", false
}

// ruleName checks the name of something that is named as rules are.
func (r *reader) ruleName(p pair, kind string) {
	if !ruleName.MatchString(p.name) {
		r.fault(p.key, quoted(p.name)+" is no "+kind+" name", "use 1 to 64 letters, digits, _ . and -")
	}
}

// text returns a scalar that is a string, with what it takes from the
// environment.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	s, ok := r.rawText(n, what)
	if !ok {
		return "", false
	}
	return r.environment(n, s)
}

// rawText returns a scalar that is a string, as it is written.
func (r *reader) rawText(n ast.Node, what string) (string, bool) {
	if s, ok := textOf(n); ok {
		return s, true
	}
	switch n.(type) {
	case *ast.NullNode:
		r.fault(n, what+" is empty", "write a text, or remove the key")
	case ast.ScalarNode:
		r.fault(n, what+" must be text", "put it in quotes: "+quoted(n.GetToken().Value))
	default:
		r.fault(n, what+" must be text", "write one value, not a list or mapping")
	}
	return "", false
}

// textOf returns a scalar that is a string, on one line or on several.
func textOf(n ast.Node) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	}
	return "", false
}

// list returns the elements of a sequence, or the node itself if it is none.
func list(n ast.Node) []ast.Node {
	if s, ok := n.(*ast.SequenceNode); ok {
		return s.Values
	}
	return []ast.Node{n}
}

// oneOf returns a text that must be one of a set.
func (r *reader) oneOf(n ast.Node, what string, set ...string) (string, bool) {
	s, ok := r.text(n, what)
	if !ok {
		return "", false
	}
	if slices.Contains(set, s) {
		return s, true
	}
	fix := "write one of " + strings.Join(set, ", ")
	if near := nearest(s, set); near != "" {
		fix = "did you mean " + quoted(near) + "?"
	}
	r.fault(n, what+" is "+quoted(s), fix)
	return "", false
}

// boolean returns true or false.
func (r *reader) boolean(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.fault(n, what+" must be true or false", "write it without quotes")
		return false
	}
	return b.Value
}

func quoted(s string) string { return `"` + s + `"` }
