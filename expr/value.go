package expr

import (
	"slices"

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

// A side is what was read of the right side of SET.
type side struct {
	e        expression
	sum      bool   // e is a sum or difference
	function string // e is a call of it; empty: it is none
	pos      int    // the token at which the call begins
	parens   bool   // it stands in parentheses
}

// sum reads the right side of SET: an operand, or a sum or difference of two.
func (p *parse) sum() side {
	a := side{}
	if p.Accept("(") {
		a = p.sum()
		p.expect(")")
		a.parens = p.enclose(a.parens)
	} else {
		a = p.simpleTerm()
	}
	t := p.Peek()
	if a.sum || !t.Is("+") && !t.Is("-") {
		return a
	}
	p.Next()
	n := arithmetic{t.Text, p.inner(a), p.term()}
	p.checkArithmetic(n)
	p.operator()
	return side{e: n, sum: true}
}

// checkArithmetic refuses values that are no numbers.
func (p *parse) checkArithmetic(n arithmetic) {
	for _, e := range []expression{n.a, n.b} {
		if l, ok := e.(leaf); ok && l.path == nil && l.value.Kind() != item.Number {
			p.report(gradeOperand, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s", n.op, l.value.Kind())
		}
	}
}

// term reads an operand of a function or of a sum.
func (p *parse) term() expression { return p.inner(p.termSide()) }

func (p *parse) termSide() side {
	if !p.Accept("(") {
		return p.simpleTerm()
	}
	a := p.termSide()
	p.expect(")")
	a.parens = p.enclose(a.parens)
	return a
}

// inner returns the expression of an operand. Of functions, if_not_exists alone
// may be one.
func (p *parse) inner(a side) expression {
	if a.function == "list_append" {
		p.badCall(a.pos, a.function)
	}
	return a.e
}

// simpleTerm reads a path, a value, or a call, not in parentheses.
func (p *parse) simpleTerm() side {
	if !p.IsCall() {
		return side{e: leaf{p.simple().operand}}
	}
	a := side{pos: p.Pos, function: p.Next().Text}
	p.Next()
	args := []expression{p.term()}
	for p.Accept(",") {
		args = append(args, p.term())
	}
	p.expect(")")
	p.operator()
	a.e = p.called(a, args)
	return a
}

// called returns the call of a function.
func (p *parse) called(a side, args []expression) expression {
	switch {
	case a.function != "if_not_exists" && a.function != "list_append":
		p.badCall(a.pos, a.function)
		return leaf{}
	case !p.checkCount(a.function, len(args), arity[a.function]):
		return leaf{}
	case a.function == "list_append":
		e := listAppend{args[0], args[1]}
		p.checkAppend(e)
		return e
	}
	at, ok := args[0].(leaf)
	if !ok || at.path == nil {
		p.report(gradeOperand, "Operator or function requires a document path; operator or function: if_not_exists")
	}
	return ifNotExists{at.path, args[1]}
}

// checkAppend refuses values that are no lists.
func (p *parse) checkAppend(e listAppend) {
	for _, side := range []expression{e.a, e.b} {
		if l, ok := side.(leaf); ok && l.path == nil && l.value.Kind() != item.List {
			p.operandType("list_append", l.value.Kind())
		}
	}
}

func (e leaf) eval(it item.Item) (item.Value, error) {
	v, ok := e.get(it)
	if !ok {
		return v, errNoAttr
	}
	return v, nil
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
