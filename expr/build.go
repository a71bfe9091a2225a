package expr

import (
	"slices"

	"github.com/tablecast/tablecast/item"
)

// This file builds the trees of the parser without text, for other languages over
// the same items, such as PartiQL and the legacy parameters of DynamoDB's API. It
// refuses what the parser refuses, with errors of type *Error in the same words,
// only without the name of the request's parameter.

// Attribute returns the path of a top-level attribute.
func Attribute(name string) Path { return Path{{name: name}} }

// Field returns the path of the attribute of that name in the map at p.
func (p Path) Field(name string) Path { return append(p[:len(p):len(p)], step{name: name}) }

// Element returns the path of the element at index i, from 0, of the list at p.
func (p Path) Element(i int) Path { return append(p[:len(p):len(p)], step{element: true, index: i}) }

// Step returns the i-th step of the path: the name of an attribute, or, if
// element is true, the index of a list element.
func (p Path) Step(i int) (name string, index int, element bool) {
	return p[i].name, p[i].index, p[i].element
}

// At returns the operand whose value is what the path leads to.
func At(p Path) Operand { return Operand{path: p} }

// Literal returns a value as an operand.
func Literal(v item.Value) Operand { return Operand{value: v} }

// SizeOf returns the operand whose value is the size of what the path leads to.
func SizeOf(p Path) Operand { return Operand{path: p, sizeOf: true} }

// Truth returns the operand whose value is the boolean whether the condition
// holds.
func Truth(c *Condition) Operand { return Operand{value: item.BoolOf(false), cond: c.root} }

// Compare returns the condition a op b; op is =, <>, <, <=, > or >=.
func Compare(op string, a, b Operand) (*Condition, error) {
	n := compare{op, a, b}
	return checked(n, func(p *parse) { p.check(n) })
}

// Between returns the condition v BETWEEN low AND high.
func Between(v, low, high Operand) (*Condition, error) {
	n := between{v, low, high}
	return checked(n, func(p *parse) { p.checkBetween(n) })
}

// In returns the condition that v equals one of the operands of the list, of
// which there may be any number.
func In(v Operand, list ...Operand) (*Condition, error) {
	n := in{v, list}
	return checked(n, func(p *parse) { p.checkIn(n) })
}

// Call returns the condition that a function holds: attribute_exists,
// attribute_not_exists, attribute_type, begins_with or contains.
func Call(function string, args ...Operand) (*Condition, error) {
	n := call{function, args}
	return checked(n, func(p *parse) { p.checkFunction(0, function, args) })
}

// checked returns the condition unless the check fails.
func checked(n node, check func(*parse)) (*Condition, error) {
	p := &parse{}
	if err := p.try(func() { check(p) }); err != nil {
		return nil, err
	}
	return condition(n), nil
}

// condition returns the condition whose tree is n.
func condition(n node) *Condition {
	c := &Condition{root: n}
	var note func(o Operand)
	note = func(o Operand) {
		switch {
		case o.cond != nil:
			o.cond.walk(note)
		case len(o.path) > 1:
			c.nested = append(c.nested, o.path)
		}
	}
	n.walk(note)
	return c
}

// Exists returns the condition that the path leads to something.
func Exists(p Path) *Condition { return condition(call{"attribute_exists", []Operand{At(p)}}) }

// And returns the condition that a and b hold. A nil condition always holds.
func And(a, b *Condition) *Condition {
	if a == nil || b == nil {
		return either(a, b)
	}
	return &Condition{and{a.root, b.root}, slices.Concat(a.nested, b.nested)}
}

// Or returns the condition that a or b holds. A nil condition always holds.
func Or(a, b *Condition) *Condition {
	if a == nil || b == nil {
		return nil
	}
	return &Condition{or{a.root, b.root}, slices.Concat(a.nested, b.nested)}
}

// either returns the one of two conditions that is not nil.
func either(a, b *Condition) *Condition {
	if a == nil {
		return b
	}
	return a
}

// Not returns the condition that c, which is not nil, does not hold.
func Not(c *Condition) *Condition { return &Condition{not{c.root}, c.nested} }

// NewProjection returns the projection to what the paths lead to.
func NewProjection(paths ...Path) (*Projection, error) {
	p := &parse{}
	if err := p.try(func() { p.checkPaths(paths) }); err != nil {
		return nil, err
	}
	return &Projection{paths}, nil
}

// A Term is the right side of a SET action.
type Term struct{ e expression }

// Just returns the term that consists of one operand.
func Just(o Operand) Term { return Term{leaf{o}} }

// Arithmetic returns a op b; op is + or -.
func Arithmetic(op string, a, b Term) (Term, error) {
	n := arithmetic{op, a.e, b.e}
	p := &parse{}
	return Term{n}, p.try(func() { p.checkArithmetic(n) })
}

// ListAppend returns the elements of the list a and then those of b.
func ListAppend(a, b Term) (Term, error) {
	n := listAppend{a.e, b.e}
	p := &parse{}
	return Term{n}, p.try(func() { p.checkAppend(n) })
}

// IfNotExists returns what the path leads to, or t if that is nothing.
func IfNotExists(path Path, t Term) Term { return Term{ifNotExists{path, t.e}} }

// An Action is one action of an update.
type Action struct {
	section string
	path    Path
	term    expression
	value   item.Value
}

// Set returns the action that stores t at the path.
func Set(path Path, t Term) Action { return Action{section: "SET", path: path, term: t.e} }

// Remove returns the action that removes what is at the path.
func Remove(path Path) Action { return Action{section: "REMOVE", path: path} }

// Add returns the action that adds the number v to a number, or the members of
// the set v to a set.
func Add(path Path, v item.Value) Action { return Action{section: "ADD", path: path, value: v} }

// Delete returns the action that removes the members of v from a set.
func Delete(path Path, v item.Value) Action { return Action{section: "DELETE", path: path, value: v} }

// NewUpdate returns the update that consists of the actions.
func NewUpdate(actions ...Action) (*Update, error) {
	u, p := &Update{}, &parse{}
	err := p.try(func() {
		for _, a := range actions {
			p.build(u, a)
		}
		p.checkPaths(u.Paths())
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// build adds an action to the update.
func (p *parse) build(u *Update, a Action) {
	note := func(path Path) {
		if len(path) > 1 {
			u.nested = append(u.nested, path)
		}
	}
	note(a.path)
	switch a.section {
	case "SET":
		u.sets = append(u.sets, assignment{a.path, a.term})
		a.term.paths(note)
	case "REMOVE":
		u.removes = append(u.removes, a.path)
	case "ADD":
		p.checkModification(a.section, a.value.Kind())
		u.adds = append(u.adds, modification{a.path, a.value})
	default:
		p.checkModification(a.section, a.value.Kind())
		u.deletes = append(u.deletes, modification{a.path, a.value})
	}
}
