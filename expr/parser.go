package expr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/item"
)

// Names are the expression attribute names of a request: #alias to name.
type Names map[string]string

// Values are the expression attribute values of a request: :alias to value.
type Values map[string]item.Value

// A Parser parses the expressions of one request, which share their names and
// values. It is for one goroutine.
type Parser struct {
	names      Names
	values     Values
	usedNames  map[string]bool
	usedValues map[string]bool
}

// NewParser returns a parser for expressions over the given names and values.
func NewParser(names Names, values Values) *Parser {
	return &Parser{names: names, values: values, usedNames: map[string]bool{}, usedValues: map[string]bool{}}
}

// Unused returns an *Error that names the names or values that no expression
// parsed so far refers to, or nil.
func (p *Parser) Unused() error {
	if keys := unused(p.names, p.usedNames); keys != "" {
		return &Error{"Value provided in ExpressionAttributeNames unused in expressions: keys: {" + keys + "}"}
	}
	if keys := unused(p.values, p.usedValues); keys != "" {
		return &Error{"Value provided in ExpressionAttributeValues unused in expressions: keys: {" + keys + "}"}
	}
	return nil
}

func unused[V any](given map[string]V, used map[string]bool) string {
	var keys []string
	for k := range given {
		if !used[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// A parse is the parsing of one expression. The first error ends it, by a
// panic that begin's caller recovers: a recursive-descent parser of pure
// functions reads better without an error after each call.
type parse struct {
	*Parser
	field     string
	src       string
	tokens    []token
	pos       int
	nesting   int
	operators int
	complaint *Error // what to tell if the text is well formed
	worst     grade  // of the complaint
}

type failure struct{ err *Error }

// run parses src by calling fn, which must consume all of it.
func (p *Parser) run(field, src string, fn func(*parse)) error {
	if strings.TrimSpace(src) == "" {
		return errf(field, "The expression can not be empty;")
	}
	if len(src) > maxLength {
		return errf(field, "Expression size has exceeded the maximum allowed size; expression size: %d", len(src))
	}
	q := &parse{Parser: p, field: field, src: src, tokens: lex(src)}
	return q.try(func() {
		fn(q)
		if q.peek().kind != tokenEOF {
			q.syntax()
		}
	})
}

// try calls fn and returns the error that ended it, or else the complaint that it
// left.
func (p *parse) try(fn func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			err = f.err
		}
	}()
	fn()
	if p.complaint != nil {
		return p.complaint
	}
	return nil
}

// fail ends the parsing.
func (p *parse) fail(format string, args ...any) {
	panic(failure{errf(p.field, format, args...)})
}

// failBare fails with a text that does not name the parameter.
func (p *parse) failBare(msg string) { panic(failure{&Error{msg}}) }

// syntax fails at the next token.
func (p *parse) syntax() {
	t := p.peek()
	from, to := t.start, t.end
	if p.pos > 0 {
		from = p.tokens[p.pos-1].start
	}
	if p.pos+1 < len(p.tokens) {
		to = p.tokens[p.pos+1].end
	}
	panic(failure{&Error{"1 validation error detected: " + errf(p.field, `Syntax error; token: "%s", near: "%s"`, t.text, p.src[from:to]).Msg}})
}

func (p *parse) peek() token { return p.tokens[p.pos] }

func (p *parse) peekAt(n int) token { return p.tokens[min(p.pos+n, len(p.tokens)-1)] }

func (p *parse) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokenEOF {
		p.pos++
	}
	return t
}

// accept consumes the keyword or symbol s if it is next.
func (p *parse) accept(s string) bool {
	if p.peek().is(s) {
		p.pos++
		return true
	}
	return false
}

func (p *parse) expect(s string) {
	if !p.accept(s) {
		p.syntax()
	}
}

// operator counts an operator or function against the limit.
func (p *parse) operator() {
	if p.operators++; p.operators > maxOperators {
		p.fail("The expression contains too many operators; operator count: %d", p.operators)
	}
}

// name reads an attribute name, given as it is or by alias.
func (p *parse) name() string {
	t := p.next()
	switch t.kind {
	case tokenName:
		if isReserved(t.text) {
			p.complain(gradeReserved, "Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
		return t.text
	case tokenAlias:
		name, ok := p.names[t.text]
		if !ok {
			p.complain(gradeName, "An expression attribute name used in the document path is not defined; attribute name: %s", t.text)
		}
		p.usedNames[t.text] = true
		return name
	default:
		p.pos = max(p.pos-btoi(t.kind != tokenEOF), 0)
		p.syntax()
		return ""
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// path reads a document path.
func (p *parse) path() Path {
	path := Path{{name: p.name()}}
	for {
		switch {
		case p.accept("."):
			path = append(path, step{name: p.name()})
		case p.accept("["):
			t := p.peek()
			n, err := strconv.Atoi(t.text)
			if t.kind != tokenIndex || err != nil {
				p.syntax()
			}
			p.next()
			p.expect("]")
			path = append(path, step{index: n})
		default:
			if len(path) > item.MaxDepth+1 {
				p.complain(gradeOperand, "The document path has too many nesting elements; nesting levels: %d", len(path))
			}
			return path
		}
	}
}

// value reads a value by its alias.
func (p *parse) value() item.Value {
	t := p.next()
	v, ok := p.values[t.text]
	if !ok {
		p.complain(gradeValue, "An expression attribute value used in expression is not defined; attribute value: %s", t.text)
	}
	p.usedValues[t.text] = true
	return v
}

// call reports whether a function call is next.
func (p *parse) call() bool { return p.peek().kind == tokenName && p.peekAt(1).is("(") }

// An Operand is a path, a value, the size of what a path leads to, or whether a
// condition holds; see At, Literal, SizeOf and Truth.
type Operand struct {
	path   Path
	value  item.Value // if path is nil
	sizeOf bool
	cond   node // whose truth is the value, if not nil
}

// operand reads an operand of a condition.
func (p *parse) operand() Operand {
	switch t := p.peek(); {
	case t.kind == tokenValue:
		return Operand{value: p.value()}
	case p.call():
		p.operator()
		if t.text != "size" {
			p.badCall(t.text)
			p.args()
			return Operand{}
		}
		args := p.args()
		if p.checkCount("size", len(args), 1) && args[0].path == nil {
			p.complain(gradeOperand, "Operator or function requires a document path; operator or function: size")
		}
		return Operand{path: args[0].path, sizeOf: true}
	case t.kind == tokenName || t.kind == tokenAlias:
		return Operand{path: p.path()}
	default:
		p.syntax()
		return Operand{}
	}
}

// badCall complains of a function that does not exist or not here.
func (p *parse) badCall(name string) {
	if _, ok := arity[name]; ok || name == "if_not_exists" || name == "list_append" {
		p.complain(gradeMisused, "The function is not allowed to be used this way in an expression; function: %s", name)
		return
	}
	p.complain(gradeUnknown, "Invalid function name; function: %s", name)
}

// args reads the arguments of a call, name included.
func (p *parse) args() []Operand {
	p.next()
	p.expect("(")
	args := []Operand{p.operand()}
	for p.accept(",") {
		args = append(args, p.operand())
	}
	p.expect(")")
	return args
}

// checkCount reports whether a function has as many operands as it wants.
func (p *parse) checkCount(name string, n, want int) bool {
	if n != want {
		p.complain(gradeOperand, "Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, n)
	}
	return n == want
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

// sizeOf returns the number that the size function gives for a value.
func sizeOf(v item.Value) (item.Value, bool) {
	n := 0
	switch v.Kind() {
	case item.String, item.Binary:
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

// same reports whether two operands are the same path.
func (o Operand) same(q Operand) bool {
	return o.path != nil && !o.sizeOf && !q.sizeOf && slices.Equal(o.path, q.path)
}
