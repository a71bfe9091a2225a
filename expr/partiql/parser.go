package partiql

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// Parse reads a statement; params are the values of its parameters in order.
func Parse(src string, params []item.Value) (Statement, error) {
	if utf8.RuneCountInString(src) > MaxLength {
		return nil, malformed("")
	}
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parse{Cursor: syntax.Cursor{Src: src, Tokens: tokens}, params: params}
	var out Statement
	err = syntax.Try(func() { out = p.statement() })
	return out, err
}

// A parse is the parsing of one statement. The first error ends it.
type parse struct {
	syntax.Cursor
	params  []item.Value
	used    int // parameters
	nesting int
}

func (p *parse) fail(err error) { syntax.Fail(err) }

func (p *parse) expect(s string) {
	if !p.Accept(s) {
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

func among(words string, t syntax.Token) bool {
	return (t.Kind == syntax.Word || t.Kind == syntax.Symbol) && strings.Contains(words, " "+strings.ToUpper(t.Text)+" ")
}

// unexpected fails at the next token.
func (p *parse) unexpected() {
	switch t := p.Peek(); {
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
	t := p.Peek()
	return t.Kind == tokenQuoted || t.Kind == syntax.Word && !among(keywords, t)
}

func (p *parse) name() string {
	if !p.isName() {
		p.unexpected()
	}
	return p.Next().Text
}

// path reads a document path.
func (p *parse) path() expr.Path {
	path := expr.Attribute(p.component())
	for {
		if len(path) > maxPath {
			p.fail(errf("The document path has too many nesting levels; nesting levels: %d", len(path)))
		}
		switch {
		case p.Accept("."):
			if !p.isName() {
				p.fail(malformed("Invalid path dot component"))
			}
			path = path.Field(p.component())
		case p.Accept("["):
			if t := p.Peek(); t.Kind == tokenText {
				path = path.Field(p.notEmpty(p.Next().Text))
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
func (p *parse) component() string { return p.notEmpty(p.name()) }

func (p *parse) notEmpty(name string) string {
	if name == "" {
		p.fail(errf("Path component cannot be an empty string"))
	}
	return name
}

// index reads the index of a list element.
func (p *parse) index() int {
	minus := p.Accept("-")
	t := p.Next()
	if t.Kind != tokenNumber || strings.Trim(t.Text, "0123456789") != "" {
		p.fail(malformed("Unexpected term"))
	}
	n, err := strconv.ParseInt(t.Text, 10, 32)
	if err != nil || minus && n != 0 {
		sign := ""
		if minus {
			sign = "-"
		}
		p.fail(errf("List index is not within the allowable range; index: [%s%s] at %s", sign, t.Text, p.at(t)))
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
