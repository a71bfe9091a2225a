package partiql

import (
	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A Where is the condition of a statement, or a part of it; nil always holds.
type Where struct {
	kind kind
	a, b *Where // of and, or
	cond *expr.Condition
	test *test // what a leaf demands, if it is of that form
}

type kind uint8

const (
	leaf kind = iota
	and
	or
)

// A test compares a top-level attribute with values: op is a comparator,
// BETWEEN, IN or begins_with.
type test struct {
	name   string
	op     string
	values []item.Value
}

func opaque(c *expr.Condition) *Where { return &Where{cond: c} }

func join(k kind, a, b *Where) *Where {
	c := expr.And
	if k == or {
		c = expr.Or
	}
	return &Where{kind: k, a: a, b: b, cond: c(a.cond, b.cond)}
}

func not(w *Where) *Where { return opaque(expr.Not(w.cond)) }

// Condition returns the condition as package expr evaluates it, nil for a nil
// Where.
func (w *Where) Condition() *expr.Condition {
	if w == nil {
		return nil
	}
	return w.cond
}

// mentions reports whether the condition refers to one of the attributes.
func (w *Where) mentions(attrs ...item.KeyAttr) bool {
	for _, name := range w.cond.Roots() {
		for _, a := range attrs {
			if a.Name == name {
				return true
			}
		}
	}
	return false
}

// terms returns the conditions that AND joins.
func (w *Where) terms() []*Where {
	switch {
	case w == nil:
		return nil
	case w.kind == and:
		return append(w.a.terms(), w.b.terms()...)
	default:
		return []*Where{w}
	}
}

// conjunction returns the condition that all terms hold; nil if there are none.
func conjunction(terms []*Where) *expr.Condition {
	var out *expr.Condition
	for _, t := range terms {
		out = expr.And(out, t.cond)
	}
	return out
}

// is reports whether the condition is a test of the attribute with one of the
// operators.
func (w *Where) is(name string, ops ...string) bool {
	if w.test == nil || w.test.name != name {
		return false
	}
	for _, op := range ops {
		if w.test.op == op {
			return true
		}
	}
	return false
}
