package expr

import (
	"slices"

	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// An expression is the right side of SET.
type expression interface {
	eval(it item.Item) (item.Value, error)
	// kind returns the kind of the value, or 0 if that depends on the item.
	kind() item.Kind
	// paths calls fn for each path in the expression.
	paths(fn func(Path))
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
	t := p.Peek()
	if !t.Is("+") && !t.Is("-") {
		return a
	}
	p.Next()
	p.operator()
	n := arithmetic{t.Text, a, p.term()}
	p.checkArithmetic(n)
	return n
}

// checkArithmetic refuses values that are no numbers.
func (p *parse) checkArithmetic(n arithmetic) {
	for _, e := range []expression{n.a, n.b} {
		if l, ok := e.(leaf); ok && l.path == nil && l.value.Kind() != item.Number {
			p.report(gradeOperand, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s", n.op, l.value.Kind())
		}
	}
}

// term reads a path, a value, or a call of if_not_exists or list_append.
func (p *parse) term() expression {
	if p.Accept("(") {
		p.enter()
		defer p.leave()
		e := p.sum()
		p.expect(")")
		return e
	}
	if !p.IsCall() {
		return leaf{p.operand()}
	}
	name := p.Next().Text
	p.operator()
	p.enter()
	defer p.leave()
	switch name {
	case "if_not_exists":
		p.expect("(")
		if k := p.Peek().Kind; k != syntax.Word && k != tokenAlias {
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
	for p.Accept(",") {
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
	if p.Peek().Is(")") {
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

func (e leaf) kind() item.Kind {
	if e.path != nil {
		return 0
	}
	return e.value.Kind()
}

func (e arithmetic) kind() item.Kind  { return item.Number }
func (e ifNotExists) kind() item.Kind { return 0 }
func (e listAppend) kind() item.Kind  { return item.List }

func (e leaf) paths(fn func(Path)) {
	if e.path != nil {
		fn(e.path)
	}
}

func (e arithmetic) paths(fn func(Path))  { e.a.paths(fn); e.b.paths(fn) }
func (e ifNotExists) paths(fn func(Path)) { fn(e.path); e.v.paths(fn) }
func (e listAppend) paths(fn func(Path))  { e.a.paths(fn); e.b.paths(fn) }

// evalBoth evaluates two operands that must be of one kind.
func evalBoth(it item.Item, e, f expression, kind item.Kind) (a, b item.Value, err error) {
	if a, err = e.eval(it); err != nil {
		return a, b, err
	}
	if b, err = f.eval(it); err != nil {
		return a, b, err
	}
	if a.Kind() != kind || b.Kind() != kind {
		return a, b, errType
	}
	return a, b, nil
}

func (e arithmetic) eval(it item.Item) (item.Value, error) {
	a, b, err := evalBoth(it, e.a, e.b, item.Number)
	if err != nil {
		return a, err
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
	a, b, err := evalBoth(it, e.a, e.b, item.List)
	if err != nil {
		return a, err
	}
	// An element takes a byte or more in an item, so that no item can hold such a list.
	if len(a.List())+len(b.List()) > item.MaxSize {
		return a, errItemSize
	}
	return item.L(slices.Concat(a.List(), b.List())...), nil
}
