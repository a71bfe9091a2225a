package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

// detail reads the template of an event's detail, which is a mapping. Nothing
// in it is taken from the environment.
func (r *reader) detail(n ast.Node, what string, from *table.Spec) *mapping.Template {
	if _, ok := entries(n); !ok || n.Type() == ast.NullType {
		r.fault(n, "detail of "+what+" must be a mapping", "write the members of the event's detail, as in detail: { id: \"${new.id}\" }")
		return nil
	}
	return r.template(n, "detail of "+what, from)
}

func (r *reader) template(n ast.Node, what string, from *table.Spec) *mapping.Template {
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		var names []string
		var values []*mapping.Template
		for _, p := range r.pairs(n, what) {
			names = append(names, p.name)
			values = append(values, r.template(p.value, what, from))
		}
		return mapping.Object(names, values)
	case *ast.SequenceNode:
		var values []*mapping.Template
		for _, e := range v.Values {
			values = append(values, r.template(e, what, from))
		}
		return mapping.Array(values)
	case *ast.LiteralNode:
		return r.templateText(n, v.Value.Value, what, from)
	case *ast.StringNode:
		if !number(n) {
			return r.templateText(n, v.Value, what, from)
		}
		return mapping.Literal([]byte(v.GetToken().Value))
	}
	return mapping.Literal(r.scalar(nil, n, what))
}

// templateText reads a text that may hold expressions.
func (r *reader) templateText(n ast.Node, text, what string, from *table.Spec) *mapping.Template {
	t, err := mapping.Text(text)
	if err != nil {
		r.fault(n, what+": "+err.Error(), "")
		return mapping.Literal([]byte("null"))
	}
	after, before := t.Images()
	r.needs(n, what+" reads new", from, after, false)
	r.needs(n, what+" reads old", from, false, before)
	return t
}
