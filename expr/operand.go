package expr

import (
	"slices"

	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// An Operand is a path, a value, the size of one of them, or whether a condition
// holds; see At, Literal, SizeOf and Truth.
type Operand struct {
	path   Path
	value  item.Value // if path is nil; if sizeOf is true, it is the size
	sizeOf bool
	cond   node // whose truth is the value, if not nil
}

// get returns the operand's value in an item.
func (o Operand) get(it item.Item) (item.Value, bool) {
	switch {
	case o.cond != nil:
		return item.BoolOf(o.cond.match(it)), true
	case o.path == nil:
		return o.value, true
	}
	v, ok := o.path.Get(it)
	if !ok || !o.sizeOf {
		return v, ok
	}
	return sizeOf(v)
}

// kind returns the kind of the operand's value, 0 if it depends on the item.
func (o Operand) kind() item.Kind {
	switch {
	case o.cond != nil:
		return item.Bool
	case o.sizeOf:
		return item.Number
	case o.path != nil:
		return 0
	default:
		return o.value.Kind()
	}
}

// sizeOf returns the number that the size function gives for a value.
func sizeOf(v item.Value) (item.Value, bool) {
	n := 0
	switch v.Kind() {
	case item.String:
		n = utf16Len(v.Str())
	case item.Binary:
		n = len(v.Str())
	case item.List, item.StringSet, item.NumberSet, item.BinarySet:
		n = len(v.List())
	case item.MapKind:
		n = len(v.Map())
	default:
		return item.Value{}, false
	}
	return item.NumOf(int64(n)).Value(), true
}

// utf16Len returns how many units a text has in UTF-16, in which DynamoDB counts.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// same reports whether two operands are the same path.
func (o Operand) same(q Operand) bool {
	return o.path != nil && !o.sizeOf && !q.sizeOf && slices.Equal(o.path, q.path)
}

// A part is what was read of a condition: a condition, or an operand, of which
// what follows tells whether it is a condition. Any function may be called in any
// place; the call is judged when it is known what it is.
type part struct {
	node     node // nil: an operand
	operand  Operand
	function string // the operand is a call of it; empty: it is none
	args     []Operand
	pos      int  // the token at which the call begins
	parens   bool // it stands in parentheses
}

// operand reads an operand of a condition.
func (p *parse) operand() Operand { return p.operandOf(p.operandPart()) }

func (p *parse) operandPart() part {
	if !p.Accept("(") {
		return p.simple()
	}
	a := p.operandPart()
	p.expect(")")
	a.parens = p.enclose(a.parens)
	return a
}

// enclose refuses parentheses around nothing but other parentheses, before all
// that is wrong behind them.
func (p *parse) enclose(parens bool) bool {
	if parens {
		p.fail("The expression has redundant parentheses;")
	}
	return true
}

// simple reads an operand that is not in parentheses.
func (p *parse) simple() part {
	switch t := p.Peek(); {
	case t.Kind == tokenValue:
		return part{operand: Operand{value: p.value()}}
	case p.IsCall():
		a := part{pos: p.Pos, function: p.Next().Text}
		p.Next()
		a.args = []Operand{p.operand()}
		for p.Accept(",") {
			a.args = append(a.args, p.operand())
		}
		p.expect(")")
		return a
	case t.Kind == syntax.Word || t.Kind == tokenAlias:
		return part{operand: Operand{path: p.path()}}
	default:
		p.syntaxError()
		return part{}
	}
}

// operandOf returns the operand that a part is. Of calls, size alone is one.
func (p *parse) operandOf(a part) Operand {
	switch a.function {
	case "":
		return a.operand
	case "size":
		return p.size(a.args)
	default:
		p.badCall(a.pos, a.function)
		return Operand{}
	}
}

// size returns the size of an operand.
func (p *parse) size(args []Operand) Operand {
	p.operator()
	if !p.checkCount("size", len(args), 1) {
		return Operand{}
	}
	arg := args[0]
	switch k := arg.kind(); {
	case arg.path != nil && !arg.sizeOf:
		return Operand{path: arg.path, sizeOf: true}
	case k == 0: // a value that is not defined, which is reported
		return Operand{}
	default:
		n, ok := sizeOf(arg.value)
		if !ok {
			p.operandType("size", k)
		}
		return Operand{value: n, sizeOf: true}
	}
}

// arity holds the functions and how many operands they take.
var arity = map[string]int{
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2, "size": 1,
	"if_not_exists": 2, "list_append": 2,
}

// badCall reports a call at the token at pos of a function that does not exist, or
// is not allowed there.
func (p *parse) badCall(pos int, name string) {
	_, ok := arity[name]
	switch {
	case !ok:
		p.reportAt(pos, gradeUnknown, "Invalid function name; function: %s", name)
	case p.field == updateField && name != "list_append":
		p.reportAt(pos, gradeMisused, "The function is not allowed in an update expression; function: %s", name)
	case p.field != updateField && (name == "if_not_exists" || name == "list_append"):
		p.reportAt(pos, gradeMisused, "The function is not allowed in a condition expression; function: %s", name)
	default:
		p.reportAt(pos, gradeMisused, "The function is not allowed to be used this way in an expression; function: %s", name)
	}
}

// checkCount reports whether a function has as many operands as it wants.
func (p *parse) checkCount(name string, n, want int) bool {
	if n != want {
		p.report(gradeOperand, "Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, n)
	}
	return n == want
}

// operandType reports an operand of a kind that an operator or function does not
// take. The zero Kind is that of a path, which may be any.
func (p *parse) operandType(op string, k item.Kind) {
	kind := k.String()
	if k == 0 {
		kind = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
	}
	p.report(gradeOperand, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s", op, kind)
}
