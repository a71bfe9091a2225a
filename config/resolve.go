package config

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// Bounds of a file once its aliases stand for what they name.
const (
	maxNodes = 100_000
	maxDepth = 100
)

// A resolver puts the anchored nodes in the place of aliases.
type resolver struct {
	r       *reader
	anchors map[string]ast.Node
	sizes   map[string]int // nodes below each anchor
	nodes   int            // so far
	stopped bool           // a bound was passed and reported
}

// resolve returns a tree without anchors, aliases, tags and merge keys.
func (r *reader) resolve(n ast.Node) ast.Node {
	x := &resolver{r: r, anchors: map[string]ast.Node{}, sizes: map[string]int{}}
	return x.node(n, 0)
}

func (x *resolver) node(n ast.Node, depth int) ast.Node {
	if x.nodes++; x.exceeds(n, depth) {
		return ast.Null(n.GetToken())
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		kept := v.Values[:0]
		for _, value := range v.Values {
			if x.entry(value, depth) {
				kept = append(kept, value)
			}
		}
		v.Values = kept
	case *ast.MappingValueNode:
		if !x.entry(v, depth) {
			return ast.Null(n.GetToken())
		}
	case *ast.SequenceNode:
		for i := range v.Values {
			v.Values[i] = x.node(v.Values[i], depth+1)
		}
	case *ast.AnchorNode:
		before, name := x.nodes, v.Name.String()
		value := x.node(v.Value, depth)
		x.anchors[name], x.sizes[name] = value, x.nodes-before
		return value
	case *ast.AliasNode:
		return x.alias(v, depth)
	case *ast.TagNode:
		x.r.fault(n, "tag "+v.Start.Value+" is not supported", "write the value without it, in quotes if it is text")
		return x.node(v.Value, depth)
	}
	return n
}

// entry resolves an entry of a mapping; false says to leave it out.
func (x *resolver) entry(v *ast.MappingValueNode, depth int) bool {
	if v.Key.Type() == ast.MergeKeyType {
		x.r.fault(v.Key, "merge keys are not supported", "write the keys out, or name the whole mapping by an alias")
		return false
	}
	v.Value = x.node(v.Value, depth+1)
	return true
}

// alias returns the node that an alias names. An anchor is known from its end
// on, so that no node holds itself.
func (x *resolver) alias(n *ast.AliasNode, depth int) ast.Node {
	name := n.Value.String()
	value, ok := x.anchors[name]
	if !ok {
		x.r.fault(n, "alias *"+name+" has no anchor before it", "write &"+name+" before the value that it stands for")
		return ast.Null(n.GetToken())
	}
	if x.nodes += x.sizes[name]; x.exceeds(n, depth) {
		return ast.Null(n.GetToken())
	}
	return value
}

// exceeds reports the first time that a bound is passed.
func (x *resolver) exceeds(n ast.Node, depth int) bool {
	if !x.stopped && x.nodes > maxNodes {
		x.r.fault(n, "the file has more than "+strconv.Itoa(maxNodes)+" values, aliases counted as what they stand for", "use fewer aliases")
		x.stopped = true
	}
	if !x.stopped && depth > maxDepth {
		x.r.fault(n, "values are nested more than "+strconv.Itoa(maxDepth)+" deep", "make them flatter")
		x.stopped = true
	}
	return x.stopped
}
