package partiql

import (
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// Parse reads a statement; params are the values of its parameters in order.
func Parse(src string, params []item.Value) (Statement, error) {
	if len(src) > MaxLength {
		return nil, malformed("")
	}
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parse{tokens: tokens, params: params}
	var out Statement
	return out, p.try(func() { out = p.statement() })
}

// A parse is the parsing of one statement. The first error ends it, by a panic
// that try recovers.
type parse struct {
	tokens  []token
	pos     int
	params  []item.Value
	used    int // parameters
	nesting int
}

type failure struct{ err error }

// try calls fn and returns the error that ended it.
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
	return nil
}

func (p *parse) fail(err error) { panic(failure{err}) }

// must returns v unless there is an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(failure{err})
	}
	return v
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
		p.unexpected()
	}
}

// enter counts a level of nesting against the limit.
func (p *parse) enter() {
	if p.nesting++; p.nesting > maxNesting {
		p.fail(errf("The expression has too many nested levels; nesting levels: %d", p.nesting))
	}
}

func (p *parse) leave() { p.nesting-- }

// operators and keywords cannot be names unless they are quoted.
const (
	operators = " AND OR IN IS BETWEEN LIKE = <> != < <= > >= + - * "
	keywords  = operators + "NOT SELECT FROM WHERE ORDER BY ASC DESC INSERT INTO VALUE VALUES UPDATE SET REMOVE DELETE RETURNING EXISTS NULL MISSING TRUE FALSE AS "
)

func among(words string, t token) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && strings.Contains(words, " "+strings.ToUpper(t.text)+" ")
}

// unexpected fails at the next token.
func (p *parse) unexpected() {
	switch t := p.peek(); {
	case among(operators, t):
		p.fail(malformed("Unexpected operator"))
	case among(keywords, t):
		p.fail(malformed("Unexpected keyword"))
	default:
		p.fail(malformed("Unexpected term"))
	}
}

// isName reports whether a name is next.
func (p *parse) isName() bool {
	t := p.peek()
	return t.kind == tokenQuoted || t.kind == tokenWord && !among(keywords, t)
}

func (p *parse) name() string {
	if !p.isName() {
		p.unexpected()
	}
	return p.next().text
}

// path reads a document path.
func (p *parse) path() expr.Path {
	path := expr.Attribute(p.component())
	for {
		switch {
		case p.accept("."):
			if !p.isName() {
				p.fail(malformed("Invalid path dot component"))
			}
			path = path.Field(p.component())
		case p.accept("["):
			if t := p.peek(); t.kind == tokenText {
				path = path.Field(p.next().text)
			} else {
				path = path.Element(p.index())
			}
			p.expect("]")
		default:
			return path
		}
	}
}

// component reads a name that is not empty.
func (p *parse) component() string {
	name := p.name()
	if name == "" {
		p.fail(errf("Path component cannot be an empty string"))
	}
	return name
}

// index reads the index of a list element.
func (p *parse) index() int {
	minus := p.accept("-")
	t := p.next()
	if t.kind != tokenNumber || strings.Trim(t.text, "0123456789") != "" {
		p.fail(malformed("Unexpected term"))
	}
	n, err := strconv.ParseInt(t.text, 10, 32)
	if err != nil || minus && n != 0 {
		sign := ""
		if minus {
			sign = "-"
		}
		p.fail(errf("List index is not within the allowable range; index: [%s%s] at %s", sign, t.text, t.at()))
	}
	return int(n)
}

// param reads the value of the next parameter.
func (p *parse) param() item.Value {
	p.expect("?")
	if p.used == len(p.params) {
		p.fail(errf("Number of parameters in request and statement don't match."))
	}
	p.used++
	return p.params[p.used-1]
}

// call reports whether a function call is next.
func (p *parse) call() bool { return p.peek().kind == tokenWord && p.peekAt(1).is("(") }
