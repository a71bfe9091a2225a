package partiql

import (
	"slices"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

func (p *parse) or() *where {
	w := p.and()
	for p.Accept("OR") {
		p.right()
		w = join(or, w, p.and())
	}
	return w
}

func (p *parse) and() *where {
	w := p.not()
	for p.Accept("AND") {
		p.right()
		w = join(and, w, p.not())
	}
	return w
}

// right demands something on the right of an operator.
func (p *parse) right() {
	if p.Peek().Kind == syntax.EOF {
		p.fail(malformed("Missing right-hand side expression of infix operator"))
	}
}

func (p *parse) not() *where {
	if p.Accept("NOT") {
		p.enter()
		defer p.leave()
		return not(p.not())
	}
	return p.primary()
}

// primary reads a condition without AND, OR and NOT, unless in parentheses.
func (p *parse) primary() *where {
	if !p.Peek().Is("(") && (!p.IsCall() || p.Peek().Is("size")) {
		return p.comparison()
	}
	var w *where
	if p.Accept("(") {
		p.enter()
		w = p.or()
		p.leave()
		p.expect(")")
	} else {
		w = p.function()
	}
	if t := p.Peek(); isComparator(t) || t.Is("IN") || t.Is("BETWEEN") {
		return p.compared(side{Operand: expr.Truth(w.cond)})
	}
	return w
}

func isComparator(t syntax.Token) bool {
	return t.Kind == syntax.Symbol && slices.Contains(comparators, t.Text)
}

// A side is one side of a comparison.
type side struct {
	expr.Operand
	name  string     // of a top-level attribute; empty for others
	value item.Value // of a literal or parameter
}

// operand reads a path, a value, a call of size, or one of a function that is a
// condition.
func (p *parse) operand() side {
	switch {
	case p.isLiteral():
		v := p.value()
		return side{Operand: expr.Literal(v), value: v}
	case p.IsCall():
		if !p.Peek().Is("size") {
			return side{Operand: expr.Truth(p.function().cond)}
		}
		return side{Operand: p.size()}
	default:
		path := p.path()
		out := side{Operand: expr.At(path)}
		if len(path) == 1 {
			out.name = path.Root()
		}
		return out
	}
}

func (p *parse) size() expr.Operand {
	p.Pos += 2
	if p.isLiteral() {
		p.fail(errf("Operator or function requires a document path; operator or function: size"))
	}
	path := p.path()
	p.expect(")")
	return expr.SizeOf(path)
}

func (p *parse) unrecognized() {
	t := p.Peek()
	p.fail(errf("Unrecognized function: %s at %s", strings.ToLower(t.Text), p.at(t)))
}

var comparators = []string{"=", "<>", "!=", "<=", ">=", "<", ">"}

// comparison reads a condition that begins with an operand.
func (p *parse) comparison() *where { return p.compared(p.operand()) }

// compared reads what follows the first operand of a condition.
func (p *parse) compared(a side) *where {
	if t := p.Peek(); isComparator(t) {
		p.Next()
		p.right()
		return p.compare(t.Text, a, p.operand())
	}
	if p.Accept("IS") {
		return p.is(a)
	}
	negated := p.Accept("NOT")
	var w *where
	switch {
	case p.Accept("BETWEEN"):
		low := p.operand()
		p.expect("AND")
		w = p.between(a, low, p.operand())
	case p.Accept("IN"):
		w = p.in(a)
	default:
		p.unexpected()
	}
	if negated {
		return not(w)
	}
	return w
}

var flipped = map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (p *parse) compare(op string, a, b side) *where {
	if op == "!=" {
		op = "<>"
	}
	w := opaque(syntax.Must(expr.Compare(op, a.Operand, b.Operand)))
	if a.name == "" {
		a, b, op = b, a, flipped[op]
	}
	if a.name != "" && !b.value.IsZero() {
		w.test = &test{a.name, op, []item.Value{b.value}}
	}
	return w
}

func (p *parse) between(v, low, high side) *where {
	w := opaque(syntax.Must(expr.Between(v.Operand, low.Operand, high.Operand)))
	if v.name != "" && !low.value.IsZero() && !high.value.IsZero() {
		w.test = &test{v.name, "BETWEEN", []item.Value{low.value, high.value}}
	}
	return w
}

// in reads the list of IN.
func (p *parse) in(a side) *where {
	end := map[string]string{"[": "]", "(": ")", "<<": ">>"}[p.Peek().Text]
	if end == "" || p.Peek().Kind != syntax.Symbol {
		p.unexpected()
	}
	p.Next()
	values := p.list(end, func(int) item.Value { return p.value() })
	if len(values) > maxIn {
		p.fail(errf("The IN operator is provided with too many operands; number of operands: %d", len(values)))
	}
	list := make([]expr.Operand, len(values))
	for i, v := range values {
		list[i] = expr.Literal(v)
	}
	w := opaque(syntax.Must(expr.In(a.Operand, list...)))
	if a.name != "" {
		w.test = &test{a.name, "IN", values}
	}
	return w
}

// typeNames are the names of types after IS, by DynamoDB's names.
var typeNames = map[string]string{
	"NULL": "NULL", "BOOL": "BOOL", "STRING": "S", "DECIMAL": "N", "NUMERIC": "N", "BLOB": "B", "LIST": "L", "STRUCT": "M", "TUPLE": "M",
}

// is reads what follows IS.
func (p *parse) is(a side) *where {
	negated := p.Accept("NOT")
	t := p.Next()
	var w *where
	if t.Is("MISSING") {
		w = not(p.called("attribute_exists", a))
	} else {
		kind, ok := typeNames[strings.ToUpper(t.Text)]
		if t.Kind != syntax.Word || !ok {
			p.fail(malformed("Expected type name"))
		}
		w = p.called("attribute_type", a, side{Operand: expr.Literal(item.S(kind))})
	}
	if negated {
		return not(w)
	}
	return w
}

func (p *parse) called(function string, args ...side) *where {
	operands := make([]expr.Operand, len(args))
	for i, a := range args {
		operands[i] = a.Operand
	}
	return opaque(syntax.Must(expr.Call(function, operands...)))
}

var functions = []string{"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"}

// function reads a call of a function that is a condition.
func (p *parse) function() *where {
	name := strings.ToLower(p.Peek().Text)
	if !slices.Contains(functions, name) {
		p.unrecognized()
	}
	p.Pos += 2
	var args []side
	for !p.Accept(")") {
		if len(args) > 0 {
			p.expect(",")
		}
		args = append(args, p.operand())
	}
	if name == "attribute_type" && len(args) == 2 {
		p.checkType(args[1].value)
	}
	w := p.called(name, args...)
	if name == "begins_with" && args[0].name != "" && !args[1].value.IsZero() {
		w.test = &test{args[0].name, name, []item.Value{args[1].value}}
	}
	return w
}

// checkType refuses a string that names no type.
func (p *parse) checkType(v item.Value) {
	if v.Kind() == item.String && item.ParseKind(v.Str()) == 0 {
		p.fail(errf("Invalid attribute type name found; type: %s, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}", v.Str()))
	}
}
