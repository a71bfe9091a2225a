package partiql

import (
	"slices"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// update reads the rest of an UPDATE.
func (p *parse) update() *Update {
	s := &Update{table: p.target()}
	p.noAlias()
	s.Update = p.actions()
	if p.accept("WHERE") {
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
	if p.accept("WHERE") {
		s.where = p.or()
	}
	s.Update = p.actions()
	s.Returning, _ = p.returning()
	return s
}

// actions reads the clauses SET and REMOVE.
func (p *parse) actions() *expr.Update {
	var actions []expr.Action
	for p.peek().is("SET") || p.peek().is("REMOVE") {
		action := p.set
		if p.next().is("REMOVE") {
			action = func() expr.Action { return expr.Remove(p.path()) }
		}
		actions = append(actions, action())
		for p.accept(",") {
			actions = append(actions, action())
		}
	}
	if actions == nil {
		p.fail(malformed("Expected data manipulation"))
	}
	return must(expr.NewUpdate(actions...))
}

// set reads one assignment.
func (p *parse) set() expr.Action {
	path := p.path()
	p.expect("=")
	if p.call() && (p.peek().is("set_add") || p.peek().is("set_delete")) {
		return p.setFunction(path)
	}
	a := p.term()
	t := p.peek()
	if !t.is("+") && !t.is("-") {
		return expr.Set(path, a)
	}
	p.next()
	p.right()
	return expr.Set(path, must(expr.Arithmetic(t.text, a, p.term())))
}

// term reads an operand of an assignment.
func (p *parse) term() expr.Term {
	if !p.call() {
		return expr.Just(p.operand().Operand)
	}
	if !p.peek().is("list_append") {
		p.unrecognized()
	}
	p.pos += 2
	a := p.term()
	p.expect(",")
	b := p.term()
	p.expect(")")
	return must(expr.ListAppend(a, b))
}

// setFunction reads a call of set_add or set_delete, whose first argument must
// be the path that is assigned.
func (p *parse) setFunction(path expr.Path) expr.Action {
	function, first := p.next(), p.peekAt(1)
	p.expect("(")
	var paths []expr.Path
	var values []item.Value
	for !p.accept(")") {
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
	name := strings.ToUpper(function.text)
	switch {
	case len(values) != 2:
		p.fail(errf("%s must have exactly two arguments at %s", name, function.at()))
	case !slices.Equal(paths[0], path):
		p.fail(errf("The first argument to %s must equal the assignment value at %s", name, function.at()))
	case !values[1].Kind().IsSet():
		p.fail(errf("The second argument to %s must be a value with type SET at %s", name, first.at()))
	case name == "SET_ADD":
		return expr.Add(path, values[1])
	}
	return expr.Delete(path, values[1])
}
