package expr

import (
	"encoding/base64"
	"strings"

	"github.com/tablecast/tablecast/item"
)

// A Condition is a parsed condition or filter expression.
type Condition struct {
	root   node
	nested []Path // see Nested
}

// Condition parses a condition. field is the name of the request's parameter,
// for error texts: ConditionExpression or FilterExpression.
func (p *Parser) Condition(field, src string) (*Condition, error) {
	var c Condition
	err := p.run(field, src, func(q *parse) {
		c.root = q.condition(q.or())
		c.nested = q.nested
	})
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// Match reports whether the item satisfies the condition. A nil item is an item
// without attributes, and a nil Condition is always satisfied.
func (c *Condition) Match(it item.Item) bool { return c == nil || c.root.match(it) }

// Nested returns the paths of the condition that lead into top-level attributes. A
// nil Condition has none.
func (c *Condition) Nested() []Path {
	if c == nil {
		return nil
	}
	return c.nested
}

// Roots returns the top-level attributes that the condition refers to.
func (c *Condition) Roots() []string {
	var out []string
	var root func(o Operand)
	root = func(o Operand) {
		switch {
		case o.cond != nil:
			o.cond.walk(root)
		case o.path != nil:
			out = append(out, o.path.Root())
		}
	}
	c.root.walk(root)
	return out
}

// A node is one condition in the tree.
type node interface {
	match(it item.Item) bool
	walk(fn func(Operand))
}

type (
	and struct{ a, b node }
	or  struct{ a, b node }
	not struct{ a node }
	// compare is a comparator with two operands.
	compare struct {
		op   string
		a, b Operand
	}
	between struct{ v, low, high Operand }
	in      struct {
		v    Operand
		list []Operand
	}
	call struct {
		name string
		args []Operand
	}
)

func (n and) match(it item.Item) bool { return n.a.match(it) && n.b.match(it) }
func (n or) match(it item.Item) bool  { return n.a.match(it) || n.b.match(it) }
func (n not) match(it item.Item) bool { return !n.a.match(it) }

func (n and) walk(fn func(Operand)) { n.a.walk(fn); n.b.walk(fn) }
func (n or) walk(fn func(Operand))  { n.a.walk(fn); n.b.walk(fn) }
func (n not) walk(fn func(Operand)) { n.a.walk(fn) }

func (n compare) walk(fn func(Operand)) { fn(n.a); fn(n.b) }
func (n between) walk(fn func(Operand)) { fn(n.v); fn(n.low); fn(n.high) }
func (n in) walk(fn func(Operand)) {
	fn(n.v)
	for _, o := range n.list {
		fn(o)
	}
}
func (n call) walk(fn func(Operand)) {
	for _, o := range n.args {
		fn(o)
	}
}

func (n compare) match(it item.Item) bool {
	a, okA := n.a.get(it)
	b, okB := n.b.get(it)
	switch n.op {
	case "=":
		return okA && okB && item.Equal(a, b)
	case "<>":
		return !okA || !okB || !item.Equal(a, b)
	}
	if !okA || !okB {
		return false
	}
	c, ok := item.Compare(a, b)
	return ok && (strings.HasPrefix(n.op, "<") && c < 0 || strings.HasPrefix(n.op, ">") && c > 0 || len(n.op) == 2 && c == 0)
}

func (n between) match(it item.Item) bool {
	return compare{">=", n.v, n.low}.match(it) && compare{"<=", n.v, n.high}.match(it)
}

func (n in) match(it item.Item) bool {
	for _, o := range n.list {
		if (compare{"=", n.v, o}).match(it) {
			return true
		}
	}
	return false
}

func (n call) match(it item.Item) bool {
	v, ok := n.args[0].get(it)
	switch n.name {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	w, okW := n.args[1].get(it)
	if !ok || !okW {
		return false
	}
	switch n.name {
	case "attribute_type":
		return v.Kind().String() == w.Str()
	case "begins_with":
		return v.Kind() == w.Kind() && (v.Kind() == item.String || v.Kind() == item.Binary) && strings.HasPrefix(v.Str(), w.Str())
	default:
		return contains(v, w)
	}
}

// contains is the function of that name: part of a string or binary, member of
// a set, element of a list.
func contains(v, w item.Value) bool {
	switch {
	case v.Kind() == item.String || v.Kind() == item.Binary:
		return v.Kind() == w.Kind() && strings.Contains(v.Str(), w.Str())
	default:
		for _, e := range v.List() {
			if item.Equal(e, w) {
				return true
			}
		}
		return false
	}
}

// condition returns the condition that a part is; an operand alone is none.
func (p *parse) condition(a part) node {
	switch {
	case a.node != nil:
		return a.node
	case a.function == "":
		p.syntaxError()
	}
	p.checkFunction(a.pos, a.function, a.args)
	p.operator()
	return call{a.function, a.args}
}

func (p *parse) or() part {
	a := p.and()
	for p.Peek().Is("OR") {
		n := p.condition(a)
		p.Next()
		a = part{node: or{n, p.condition(p.and())}}
		p.operator()
	}
	return a
}

func (p *parse) and() part {
	a := p.not()
	for p.Peek().Is("AND") {
		n := p.condition(a)
		p.Next()
		a = part{node: and{n, p.condition(p.not())}}
		p.operator()
	}
	return a
}

func (p *parse) not() part {
	if !p.Accept("NOT") {
		return p.primary()
	}
	a := part{node: not{p.condition(p.not())}}
	p.operator()
	return a
}

// primary reads a condition without AND, OR and NOT, or anything in parentheses,
// or an operand.
func (p *parse) primary() part {
	a := p.group()
	if a.node != nil {
		return a
	}
	t := p.Peek()
	switch {
	case t.Is("=") || t.Is("<>") || t.Is("<") || t.Is("<=") || t.Is(">") || t.Is(">="):
		p.Next()
		n := compare{t.Text, p.operandOf(a), p.operand()}
		p.check(n)
		a = part{node: n}
	case p.Accept("BETWEEN"):
		n := between{v: p.operandOf(a), low: p.operand()}
		p.expect("AND")
		n.high = p.operand()
		p.checkBetween(n)
		a = part{node: n}
	case p.Accept("IN"):
		a = part{node: p.in(p.operandOf(a))}
	default:
		return a
	}
	p.operator()
	return a
}

// group reads an operand, or anything in parentheses.
func (p *parse) group() part {
	if !p.Accept("(") {
		return p.simple()
	}
	a := p.or()
	p.expect(")")
	a.parens = p.enclose(a.parens)
	return a
}

func (p *parse) in(a Operand) node {
	p.expect("(")
	n := in{v: a, list: []Operand{p.operand()}}
	for p.Accept(",") {
		n.list = append(n.list, p.operand())
	}
	p.expect(")")
	if len(n.list) > maxIn {
		p.report(gradeOperand, "The IN operator is provided with too many operands; number of operands: %d", len(n.list)+1)
	}
	p.checkIn(n)
	return n
}

func (p *parse) checkIn(n in) {
	for _, o := range n.list {
		if n.v.same(o) {
			p.distinct("IN", n.v)
		}
	}
}

// checkFunction refuses functions that are not for conditions, and operands that
// a function does not take.
func (p *parse) checkFunction(pos int, name string, args []Operand) {
	switch name {
	case "attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains":
		if p.checkCount(name, len(args), arity[name]) {
			p.checkCall(name, args)
		}
	default:
		p.badCall(pos, name)
	}
}

func (p *parse) checkCall(name string, args []Operand) {
	want := arity[name]
	switch {
	case want == 1 && (args[0].path == nil || args[0].sizeOf):
		p.report(gradeOperand, "Operator or function requires a document path; operator or function: %s", name)
	case want == 2 && args[0].same(args[1]):
		p.distinct(name, args[0])
	}
	switch second := args[len(args)-1]; name {
	case "attribute_type":
		p.checkType(second)
	case "begins_with":
		for _, a := range args {
			if k := a.kind(); k != 0 && k != item.String && k != item.Binary {
				p.operandType(name, k)
			}
		}
	}
}

// checkType checks the second operand of attribute_type.
func (p *parse) checkType(o Operand) {
	switch {
	case o.kind() != item.String:
		p.operandType("attribute_type", o.kind())
	case item.ParseKind(o.value.Str()) == 0:
		p.report(gradeOperand, "Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", o.value.Str())
	}
}

// check refuses comparisons that can never be meant.
func (p *parse) check(n compare) {
	if n.a.same(n.b) {
		p.distinct(n.op, n.a)
	}
	if n.op == "=" || n.op == "<>" {
		return
	}
	for _, o := range []Operand{n.a, n.b} {
		p.ordered(n.op, o)
	}
}

// ordered fails for a value that has no order.
func (p *parse) ordered(op string, o Operand) {
	if k := o.kind(); k != 0 && (k < item.String || k > item.Binary) {
		p.operandType(op, k)
	}
}

func (p *parse) checkBetween(n between) {
	for _, o := range []Operand{n.v, n.low, n.high} {
		p.ordered("BETWEEN", o)
	}
	if n.low.path != nil || n.high.path != nil {
		return
	}
	low, high := n.low.value, n.high.value
	if low.Kind() != high.Kind() {
		p.report(gradeOperand, "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s",
			describe(low), describe(high))
	}
	if c, ok := item.Compare(low, high); ok && c > 0 {
		p.report(gradeOperand, "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s",
			describe(low), describe(high))
	}
}

func describe(v item.Value) string {
	text := v.Str()
	if v.Kind() == item.Binary {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return "{" + v.Kind().String() + ":" + text + "}"
}

func (p *parse) distinct(op string, o Operand) {
	p.report(gradeOperand, "The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", op, o.path)
}
