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
	field      string // the request's parameter, for error texts
	operators  int
	nested     []Path // the paths that lead into top-level attributes
	violation  *Error // what to report if the text is well formed
	violated   grade  // the priority of the violation
	violatedAt int    // the token at which it is
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
	if p.operators++; p.operators == maxOperators+1 {
		p.report(gradeOperand, "The expression contains too many operators; operator count: %d", p.operators)
	}
}

// name reads an attribute name, given as it is or by alias.
func (p *parse) name() string {
	switch t := p.Peek(); t.Kind {
	case syntax.Word:
		if isReserved(t.Text) {
			p.report(gradeReserved, "Attribute name is a reserved keyword; reserved keyword: %s", t.Text)
		}
		return p.Next().Text
	case tokenAlias:
		name, ok := p.names[t.Text]
		if !ok {
			p.report(gradeName, "An expression attribute name used in the document path is not defined; attribute name: %s", t.Text)
		}
		p.usedNames[p.Next().Text] = true
		return name
	default:
		p.syntaxError()
		return ""
	}
}

// path reads a document path.
func (p *parse) path() Path {
	path := Path{{name: p.name()}}
	for {
		switch {
		case p.Accept("."):
			path = append(path, step{name: p.name()})
		case p.Accept("["):
			path = append(path, step{element: true, index: p.index()})
			p.expect("]")
		default:
			if len(path) > maxPath {
				p.report(gradeOperand, "The document path has too many nesting levels; nesting levels: %d", len(path))
			}
			if len(path) > 1 {
				p.nested = append(p.nested, path)
			}
			return path
		}
	}
}

// index reads the index of a list element.
func (p *parse) index() int {
	t := p.Peek()
	if t.Kind != tokenIndex {
		p.syntaxError()
	}
	n, err := strconv.ParseInt(t.Text, 10, 32)
	if err != nil {
		p.report(gradeReserved, "List index is not within the allowable range; index: [%s]", t.Text)
	}
	p.Next()
	return int(n)
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
