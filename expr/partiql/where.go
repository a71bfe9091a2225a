package partiql

import (
	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A where is the condition of a statement, or a part of it; nil always holds.
type where struct {
	kind kind
	a, b *where // of and, or
	cond *expr.Condition
	test *test // the test that a leaf is, or nil if it is another condition
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

func opaque(c *expr.Condition) *where { return &where{cond: c} }

func join(k kind, a, b *where) *where {
	c := expr.And
	if k == or {
		c = expr.Or
	}
	return &where{kind: k, a: a, b: b, cond: c(a.cond, b.cond)}
}

func not(w *where) *where { return opaque(expr.Not(w.cond)) }

// condition returns the condition as package expr evaluates it, nil for a nil
// where.
func (w *where) condition() *expr.Condition {
	if w == nil {
		return nil
	}
	return w.cond
}

// mentions reports whether the condition refers to one of the attributes.
func (w *where) mentions(attrs ...item.KeyAttr) bool {
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
func (w *where) terms() []*where {
	switch {
	case w == nil:
		return nil
	case w.kind == and:
		return append(w.a.terms(), w.b.terms()...)
	default:
		return []*where{w}
	}
}

// conjunction returns the condition that all terms hold; nil if there are none.
func conjunction(terms []*where) *expr.Condition {
	var out *expr.Condition
	for _, t := range terms {
		out = expr.And(out, t.cond)
	}
	return out
}

// is reports whether the condition is a test of the attribute with one of the
// operators.
func (w *where) is(name string, ops ...string) bool {
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
