package expr

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/expr/internal/syntax"
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

// A parse is the parsing of one expression. The first error ends it.
type parse struct {
	*Parser
	syntax.Cursor
	field     string // the request's parameter, for error texts
	nesting   int
	operators int
	nested    []Path // the paths that lead into top-level attributes
	violation *Error // what to report if the text is well formed
	violated  grade  // the priority of the violation
}

// run parses src by calling fn, which must consume all of it.
func (p *Parser) run(field, src string, fn func(*parse)) error {
	if strings.TrimSpace(src) == "" {
		return errf(field, "The expression can not be empty;")
	}
	if len(src) > maxLength {
		return errf(field, "Expression size has exceeded the maximum allowed size; expression size: %d", len(src))
	}
	q := &parse{Parser: p, field: field, Cursor: syntax.Cursor{Src: src, Tokens: lex(src)}}
	return q.try(func() {
		fn(q)
		if q.Peek().Kind != syntax.EOF {
			q.syntaxError()
		}
	})
}

// try calls fn and returns the error that ended it, or else the first violation
// that it reported.
func (p *parse) try(fn func()) error {
	if err := syntax.Try(fn); err != nil {
		return err
	}
	if p.violation != nil {
		return p.violation
	}
	return nil
}

// fail ends the parsing.
func (p *parse) fail(format string, args ...any) { syntax.Fail(errf(p.field, format, args...)) }

// syntaxError fails at the next token.
func (p *parse) syntaxError() {
	near := p.Src[p.PeekAt(-1).Start:p.PeekAt(1).End]
	syntax.Fail(&Error{"1 validation error detected: " + errf(p.field, `Syntax error; token: "%s", near: "%s"`, p.Peek().Text, near).Msg})
}

func (p *parse) expect(s string) {
	if !p.Accept(s) {
		p.syntaxError()
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
	t := p.Next()
	switch t.Kind {
	case syntax.Word:
		if isReserved(t.Text) {
			p.report(gradeReserved, "Attribute name is a reserved keyword; reserved keyword: %s", t.Text)
		}
		return t.Text
	case tokenAlias:
		name, ok := p.names[t.Text]
		if !ok {
			p.report(gradeName, "An expression attribute name used in the document path is not defined; attribute name: %s", t.Text)
		}
		p.usedNames[t.Text] = true
		return name
	default:
		p.Pos = max(p.Pos-btoi(t.Kind != syntax.EOF), 0)
		p.syntaxError()
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
		case p.Accept("."):
			path = append(path, step{name: p.name()})
		case p.Accept("["):
			t := p.Peek()
			n, err := strconv.Atoi(t.Text)
			if t.Kind != tokenIndex || err != nil {
				p.syntaxError()
			}
			p.Next()
			p.expect("]")
			path = append(path, step{index: n})
		default:
			if len(path) > item.MaxDepth+1 {
				p.report(gradeOperand, "The document path has too many nesting elements; nesting levels: %d", len(path))
			}
			if len(path) > 1 {
				p.nested = append(p.nested, path)
			}
			return path
		}
	}
}

// value reads a value by its alias.
func (p *parse) value() item.Value {
	t := p.Next()
	v, ok := p.values[t.Text]
	if !ok {
		p.report(gradeValue, "An expression attribute value used in expression is not defined; attribute value: %s", t.Text)
	}
	p.usedValues[t.Text] = true
	return v
}

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
	switch t := p.Peek(); {
	case t.Kind == tokenValue:
		return Operand{value: p.value()}
	case p.IsCall():
		p.operator()
		if t.Text != "size" {
			p.badCall(t.Text)
			p.args()
			return Operand{}
		}
		args := p.args()
		if p.checkCount("size", len(args), 1) && args[0].path == nil {
			p.report(gradeOperand, "Operator or function requires a document path; operator or function: size")
		}
		return Operand{path: args[0].path, sizeOf: true}
	case t.Kind == syntax.Word || t.Kind == tokenAlias:
		return Operand{path: p.path()}
	default:
		p.syntaxError()
		return Operand{}
	}
}

// badCall reports a function that does not exist, or is not allowed here.
func (p *parse) badCall(name string) {
	if _, ok := arity[name]; ok || name == "if_not_exists" || name == "list_append" {
		p.report(gradeMisused, "The function is not allowed to be used this way in an expression; function: %s", name)
		return
	}
	p.report(gradeUnknown, "Invalid function name; function: %s", name)
}

// args reads the arguments of a call, name included.
func (p *parse) args() []Operand {
	p.Next()
	p.expect("(")
	args := []Operand{p.operand()}
	for p.Accept(",") {
		args = append(args, p.operand())
	}
	p.expect(")")
	return args
}

// checkCount reports whether a function has as many operands as it wants.
func (p *parse) checkCount(name string, n, want int) bool {
	if n != want {
		p.report(gradeOperand, "Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, n)
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
