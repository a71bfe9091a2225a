package config

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A reader walks over the syntax tree of a file and collects its faults.
type reader struct {
	path   string
	faults Faults
}

func (r *reader) fault(n ast.Node, msg, fix string) {
	pos := n.GetToken().Position
	r.faults = append(r.faults, Fault{r.path, pos.Line, pos.Column, msg, fix})
}

// A pair is a key of a mapping and its value.
type pair struct {
	key   ast.Node
	name  string
	value ast.Node
}

// pairs returns the entries of a mapping; what says what the mapping is, for a
// fault if the node is none.
func (r *reader) pairs(n ast.Node, what string) []pair {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	case *ast.NullNode:
		return nil
	default:
		r.fault(n, what+" must be a mapping", "write one \"name: …\" a line")
		return nil
	}
	var out []pair
	for _, v := range values {
		name := v.Key.String()
		if s, ok := v.Key.(*ast.StringNode); ok {
			name = s.Value
		}
		out = append(out, pair{v.Key, name, v.Value})
	}
	return out
}

// fields returns the entries of a mapping by name; other names than known are
// faults.
func (r *reader) fields(n ast.Node, what string, known ...string) map[string]ast.Node {
	out := map[string]ast.Node{}
	for _, p := range r.pairs(n, what) {
		if !slices.Contains(known, p.name) {
			fix := "known keys are " + strings.Join(known, ", ")
			if near := nearest(p.name, known); near != "" {
				fix = "did you mean \"" + near + "\"?"
			}
			r.fault(p.key, "unknown key \""+p.name+"\" in "+what, fix)
			continue
		}
		out[p.name] = p.value
	}
	return out
}

// text returns a scalar that is a string.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	case ast.ScalarNode:
		r.fault(n, what+" must be text", "put it in quotes: \""+n.String()+"\"")
	default:
		r.fault(n, what+" must be text", "write one value, not a list or mapping")
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
		fix = "did you mean \"" + near + "\"?"
	}
	r.fault(n, what+" is \""+s+"\"", fix)
	return "", false
}

// nearest returns the candidate that differs least from s, if it is close.
func nearest(s string, candidates []string) string {
	best, at := "", max(len(s)/3, 1)+1
	for _, c := range candidates {
		if d := distance(s, c); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of single-character edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
