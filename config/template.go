package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
)

// A templateReader reads the parts of an event that may hold expressions.
// Nothing in them is taken from the environment.
type templateReader struct {
	*eventReader
	scope mapping.Scope
}

// detail reads the template of an event's detail, which is a mapping, or one
// expression.
func (t *templateReader) detail(n ast.Node) *mapping.Template {
	text, isText := n.(*ast.StringNode)
	isText = isText && strings.HasPrefix(text.Value, "${")
	if _, ok := entries(n); !isText && (!ok || n.Type() == ast.NullType) {
		t.fault(n, "detail of "+t.what+" must be a mapping", "write the members of the event's detail, as in detail: { id: \"${new.id}\" }")
		return nil
	}
	return t.template(n, "detail")
}

func (t *templateReader) template(n ast.Node, key string) *mapping.Template {
	what := key + " of " + t.what
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		var names []string
		var values []*mapping.Template
		for _, p := range t.pairs(n, what) {
			names = append(names, p.name)
			values = append(values, t.template(p.value, key))
		}
		return mapping.Object(names, values)
	case *ast.SequenceNode:
		var values []*mapping.Template
		for _, e := range v.Values {
			values = append(values, t.template(e, key))
		}
		return mapping.Array(values)
	case *ast.LiteralNode:
		return t.templateText(n, v.Value.Value, key)
	case *ast.StringNode:
		if !number(n) {
			return t.templateText(n, v.Value, key)
		}
		return mapping.Literal([]byte(v.GetToken().Value))
	}
	return mapping.Literal(t.scalar(nil, n, what))
}

// templateText reads a text that may hold expressions.
func (t *templateReader) templateText(n ast.Node, text, key string) *mapping.Template {
	out, err := t.scope.Text(text)
	if err != nil {
		t.fault(n, key+" of "+t.what+": "+err.Error(), "")
		return mapping.Literal([]byte("null"))
	}
	out.Expressions(func(x *mapping.Expression) { t.reads(n, key, x) })
	return out
}
