package expr

import (
	"slices"

	"github.com/tablecast/tablecast/item"
)

// An expression is the right side of SET.
type expression interface {
	eval(it item.Item) (item.Value, error)
}

type (
	// leaf is a path or a value.
	leaf struct{ Operand }
	// arithmetic is a sum or difference.
	arithmetic struct {
		op   string
		a, b expression
	}
	ifNotExists struct {
		path Path
		v    expression
	}
	listAppend struct{ a, b expression }
)

// sum reads the right side of SET.
func (p *parse) sum() expression {
	a := p.term()
	t := p.peek()
	if !t.is("+") && !t.is("-") {
		return a
	}
	p.next()
	p.operator()
	n := arithmetic{t.text, a, p.term()}
	p.checkArithmetic(n)
	return n
}

// checkArithmetic refuses values that are no numbers.
func (p *parse) checkArithmetic(n arithmetic) {
	for _, e := range []expression{n.a, n.b} {
		if l, ok := e.(leaf); ok && l.path == nil && l.value.Kind() != item.Number {
			p.complain(gradeOperand, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s", n.op, l.value.Kind())
		}
	}
}

// term reads a path, a value, or a call of if_not_exists or list_append.
func (p *parse) term() expression {
	if p.accept("(") {
		p.enter()
		defer p.leave()
		e := p.sum()
		p.expect(")")
		return e
	}
	if !p.call() {
		return leaf{p.operand()}
	}
	name := p.next().text
	p.operator()
	p.enter()
	defer p.leave()
	switch name {
	case "if_not_exists":
		p.expect("(")
		if k := p.peek().kind; k != tokenName && k != tokenAlias {
			p.fail("Operator or function requires a document path; operator or function: if_not_exists")
		}
		path := p.path()
		p.comma(name)
		e := ifNotExists{path, p.term()}
		p.expect(")")
		return e
	case "list_append":
		p.expect("(")
		a := p.term()
		p.comma(name)
		e := listAppend{a, p.term()}
		p.expect(")")
		p.checkAppend(e)
		return e
	default:
		p.badCall(name)
		p.terms()
		return leaf{}
	}
}

// terms reads the operands of a call that is refused.
func (p *parse) terms() {
	p.expect("(")
	p.term()
	for p.accept(",") {
		p.term()
	}
	p.expect(")")
}

// checkAppend refuses values that are no lists.
func (p *parse) checkAppend(e listAppend) {
	for _, side := range []expression{e.a, e.b} {
		if l, ok := side.(leaf); ok && l.path == nil && l.value.Kind() != item.List {
			p.operandType("list_append", l.value)
		}
	}
}

// comma reads the comma before the second of two operands.
func (p *parse) comma(function string) {
	if p.peek().is(")") {
		p.fail("Incorrect number of operands for operator or function; operator or function: %s, number of operands: 1", function)
	}
	p.expect(",")
}

func (e leaf) eval(it item.Item) (item.Value, error) {
	v, ok := e.get(it)
	if !ok {
		return v, errNoAttr
	}
	return v, nil
}

func (e arithmetic) eval(it item.Item) (item.Value, error) {
	a, err := e.a.eval(it)
	if err != nil {
		return a, err
	}
	b, err := e.b.eval(it)
	if err != nil {
		return b, err
	}
	if a.Kind() != item.Number || b.Kind() != item.Number {
		return a, errType
	}
	apply := a.Num().Add
	if e.op == "-" {
		apply = a.Num().Sub
	}
	n, err := apply(b.Num())
	if err != nil {
		return a, err
	}
	return n.Value(), nil
}

func (e ifNotExists) eval(it item.Item) (item.Value, error) {
	if v, ok := e.path.Get(it); ok {
		return v, nil
	}
	return e.v.eval(it)
}

func (e listAppend) eval(it item.Item) (item.Value, error) {
	a, err := e.a.eval(it)
	if err != nil {
		return a, err
	}
	b, err := e.b.eval(it)
	if err != nil {
		return b, err
	}
	if a.Kind() != item.List || b.Kind() != item.List {
		return a, errType
	}
	return item.L(slices.Concat(a.List(), b.List())...), nil
}
