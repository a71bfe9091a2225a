package cel

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// A Ref is a path that an expression reads: a variable, and the names and
// indexes behind it as far as they are constants.
type Ref struct {
	Variable string
	Steps    []Step
}

// A Step is a name, or, if it is empty, an index.
type Step struct {
	Name  string
	Index int
	// Optional steps may lead nowhere.
	Optional bool
}

// String writes the path as CEL does.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(r.Variable)
	for _, s := range r.Steps {
		b.WriteString(s.String())
	}
	return b.String()
}

// String writes the step as CEL does.
func (s Step) String() string {
	mark := ""
	if s.Optional {
		mark = "?"
	}
	switch {
	case s.Name == "":
		return "[" + mark + strconv.Itoa(s.Index) + "]"
	case IsName(s.Name):
		return "." + mark + s.Name
	}
	return "[" + mark + strconv.Quote(s.Name) + "]"
}

// references returns the longest paths in an expression and its variables. A
// variable of a loop hides one of the environment, unless that is written with a
// dot before its name.
func references(e ast.Expr) (refs []Ref, used map[string]bool) {
	used = map[string]bool{}
	var visit func(e ast.Expr, bound []string)
	visit = func(e ast.Expr, bound []string) {
		if r, ok := path(e); ok {
			name, hidden := strings.CutPrefix(r.Variable, ".") // the checker keeps the dot where it matters
			if hidden || !slices.Contains(bound, name) {
				r.Variable = name
				used[name] = true
				refs = append(refs, r)
			}
			return
		}
		if e.Kind() == ast.ComprehensionKind {
			c := e.AsComprehension()
			visit(c.IterRange(), bound)
			visit(c.AccuInit(), bound)
			bound = append(slices.Clone(bound), c.IterVar(), c.IterVar2(), c.AccuVar())
		}
		for _, c := range children(e) {
			visit(c, bound)
		}
	}
	visit(e, nil)
	return refs, used
}

// path reads a chain of selections from a variable.
func path(e ast.Expr) (r Ref, ok bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return Ref{Variable: e.AsIdent()}, true
	case ast.SelectKind:
		if r, ok = path(e.AsSelect().Operand()); ok && !e.AsSelect().IsTestOnly() {
			r.Steps = append(r.Steps, Step{Name: e.AsSelect().FieldName()})
			return r, true
		}
		if ok { // has(a.b) reads a, and b may be absent
			r.Steps = append(r.Steps, Step{Name: e.AsSelect().FieldName(), Optional: true})
		}
		return r, ok
	case ast.CallKind:
		return index(e.AsCall())
	}
	return Ref{}, false
}

// index reads a[b], a[?b] and a.?b with a constant b.
func index(call ast.CallExpr) (r Ref, ok bool) {
	optional := call.FunctionName() == operators.OptIndex || call.FunctionName() == operators.OptSelect
	if !optional && call.FunctionName() != operators.Index {
		return Ref{}, false
	}
	if r, ok = path(call.Args()[0]); !ok || call.Args()[1].Kind() != ast.LiteralKind {
		return Ref{}, false
	}
	switch key := call.Args()[1].AsLiteral().(type) {
	case types.String:
		r.Steps = append(r.Steps, Step{Name: string(key), Optional: optional})
	case types.Int:
		r.Steps = append(r.Steps, Step{Index: int(key), Optional: optional})
	default:
		return Ref{}, false
	}
	return r, true
}

// children returns the expressions right below one; of a loop, what sees its
// variables.
func children(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var out []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			out = append(out, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return out
	case ast.StructKind: // of the types of protocol buffers that CEL knows
		var out []ast.Expr
		for _, field := range e.AsStruct().Fields() {
			out = append(out, field.AsStructField().Value())
		}
		return out
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return nil
}

// IsName reports whether a name can stand behind a dot.
func IsName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && s != "in" && s != "true" && s != "false" && s != "null"
}
