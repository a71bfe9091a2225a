package partiql

import (
	"slices"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// update reads the rest of an UPDATE.
func (p *parse) update() *Update {
	s := &Update{table: p.target()}
	p.noAlias()
	s.Update = p.actions()
	if p.Accept("WHERE") {
		s.where = p.or()
	}
	s.Returning, _ = p.returning()
	return s
}

// updateFrom reads the rest of an update that begins with FROM and has WHERE
// before its actions.
func (p *parse) updateFrom() *Update {
	s := &Update{table: p.target()}
	p.noAlias()
	if p.Accept("WHERE") {
		s.where = p.or()
	}
	s.Update = p.actions()
	s.Returning, _ = p.returning()
	return s
}

// actions reads the clauses SET and REMOVE.
func (p *parse) actions() *expr.Update {
	var actions []expr.Action
	for p.Peek().Is("SET") || p.Peek().Is("REMOVE") {
		action := p.set
		if p.Next().Is("REMOVE") {
			action = func() expr.Action { return expr.Remove(p.path()) }
		}
		actions = append(actions, action())
		for p.Accept(",") {
			actions = append(actions, action())
		}
	}
	if actions == nil {
		p.fail(malformed("Expected data manipulation"))
	}
	return syntax.Must(expr.NewUpdate(actions...))
}

// set reads one assignment.
func (p *parse) set() expr.Action {
	path := p.path()
	p.expect("=")
	if p.IsCall() && (p.Peek().Is("set_add") || p.Peek().Is("set_delete")) {
		return p.setFunction(path)
	}
	a := p.term()
	t := p.Peek()
	if !t.Is("+") && !t.Is("-") {
		return expr.Set(path, a)
	}
	p.Next()
	p.right()
	return expr.Set(path, syntax.Must(expr.Arithmetic(t.Text, a, p.term())))
}

// term reads an operand of an assignment.
func (p *parse) term() expr.Term {
	if !p.IsCall() {
		return expr.Just(p.operand().Operand)
	}
	if !p.Peek().Is("list_append") {
		p.unrecognized()
	}
	p.Pos += 2
	a := p.term()
	p.expect(",")
	b := p.term()
	p.expect(")")
	return syntax.Must(expr.ListAppend(a, b))
}

// setFunction reads a call of set_add or set_delete, whose first argument must
// be the path that is assigned.
func (p *parse) setFunction(path expr.Path) expr.Action {
	function, first := p.Next(), p.PeekAt(1)
	p.expect("(")
	var paths []expr.Path
	var values []item.Value
	for !p.Accept(")") {
		if len(values) > 0 {
			p.expect(",")
		}
		var at expr.Path
		var v item.Value
		if p.isLiteral() {
			v = p.value()
		} else {
			at = p.path()
		}
		paths, values = append(paths, at), append(values, v)
	}
	name := strings.ToUpper(function.Text)
	switch {
	case len(values) != 2:
		p.fail(errf("%s must have exactly two arguments at %s", name, p.at(function)))
	case !slices.Equal(paths[0], path):
		p.fail(errf("The first argument to %s must equal the assignment value at %s", name, p.at(function)))
	case !values[1].Kind().IsSet():
		p.fail(errf("The second argument to %s must be a value with type SET at %s", name, p.at(first)))
	case name == "SET_ADD":
		return expr.Add(path, values[1])
	}
	return expr.Delete(path, values[1])
}
