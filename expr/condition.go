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
	err := p.run(field, src, func(q *parse) { c.root, c.nested = q.or(), q.nested })
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

func (p *parse) or() node {
	n := p.and()
	for p.Accept("OR") {
		p.operator()
		n = or{n, p.and()}
	}
	return n
}

func (p *parse) and() node {
	n := p.not()
	for p.Accept("AND") {
		p.operator()
		n = and{n, p.not()}
	}
	return n
}

func (p *parse) not() node {
	if p.Accept("NOT") {
		p.operator()
		p.enter()
		defer p.leave()
		return not{p.not()}
	}
	return p.primary()
}

// enter counts a level of nesting against the limit.
func (p *parse) enter() {
	if p.nesting++; p.nesting > maxNesting {
		p.fail("The expression has too many nested levels; nesting levels: %d", p.nesting)
	}
}

func (p *parse) leave() { p.nesting-- }

func (p *parse) primary() node {
	if p.Accept("(") {
		p.enter()
		defer p.leave()
		double := p.Peek().Is("(")
		n := p.or()
		if double && p.redundant() {
			p.report(gradeParens, "The expression has redundant parentheses;")
		}
		p.expect(")")
		return n
	}
	if p.IsCall() && p.Peek().Text != "size" {
		return p.condCall()
	}
	a := p.operand()
	t := p.Peek()
	switch {
	case t.Is("=") || t.Is("<>") || t.Is("<") || t.Is("<=") || t.Is(">") || t.Is(">="):
		p.Next()
		p.operator()
		n := compare{t.Text, a, p.operand()}
		p.check(n)
		return n
	case p.Accept("BETWEEN"):
		p.operator()
		n := between{v: a, low: p.operand()}
		p.expect("AND")
		n.high = p.operand()
		p.checkBetween(n)
		return n
	case p.Accept("IN"):
		p.operator()
		return p.in(a)
	default:
		p.syntaxError()
		return nil
	}
}

// redundant reports whether the parentheses that are about to close hold
// nothing but another pair: ((a)).
func (p *parse) redundant() bool {
	if p.Pos == 0 || !p.Tokens[p.Pos-1].Is(")") || !p.Peek().Is(")") {
		return false
	}
	depth := 0
	for i := p.Pos - 1; i > 0; i-- {
		if p.Tokens[i].Is(")") {
			depth++
		}
		if p.Tokens[i].Is("(") {
			if depth--; depth == 0 {
				return p.Tokens[i-1].Is("(")
			}
		}
	}
	return false
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

// arity holds the functions of conditions and how many operands they take.
var arity = map[string]int{
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2, "size": 1,
}

func (p *parse) condCall() node {
	name := p.Peek().Text
	p.operator()
	args := p.args()
	p.checkFunction(name, args)
	return call{name, args}
}

// checkFunction refuses functions that are not for conditions, and operands that
// a function does not take.
func (p *parse) checkFunction(name string, args []Operand) {
	want, ok := arity[name]
	switch {
	case !ok || name == "size":
		p.badCall(name)
	case p.checkCount(name, len(args), want):
		p.checkCall(name, args)
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
			if a.path == nil && a.value.Kind() != item.String && a.value.Kind() != item.Binary {
				p.operandType(name, a.value)
			}
		}
	}
}

// checkType checks the second operand of attribute_type.
func (p *parse) checkType(o Operand) {
	switch {
	case o.path != nil || o.value.Kind() != item.String:
		p.operandType("attribute_type", o.value)
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
	if k := o.value.Kind(); o.path == nil && (k < item.String || k > item.Binary) {
		p.operandType(op, o.value)
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

func (p *parse) operandType(op string, v item.Value) {
	kind := v.Kind().String()
	if v.IsZero() {
		kind = "document path"
	}
	p.report(gradeOperand, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s", op, kind)
}

func (p *parse) distinct(op string, o Operand) {
	p.report(gradeOperand, "The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", op, o.path)
}
