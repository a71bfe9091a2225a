// Package syntax holds what the recursive-descent parsers of expressions and of
// PartiQL statements share: tokens, a cursor over them, and errors that end the
// parsing.
package syntax

import "strings"

// A Kind is the class of a token. All languages have the kinds below; each defines
// further ones, from Custom on.
type Kind uint8

// The kinds that all languages have.
const (
	EOF    Kind = iota // the end of the text
	Word               // an identifier or keyword
	Symbol             // punctuation
	Custom
)

// A Token is a piece of a text, from byte Start to before byte End. Text is the
// piece itself; of a quoted token, it is what stands between the quotes.
type Token struct {
	Kind       Kind
	Text       string
	Start, End int
}

// Is reports whether the token is the keyword or symbol s, in any case.
func (t Token) Is(s string) bool {
	return (t.Kind == Word || t.Kind == Symbol) && strings.EqualFold(t.Text, s)
}

// A Cursor reads the tokens of Src one after another. The last of Tokens is of
// kind EOF; Pos is the index of the next one.
type Cursor struct {
	Src    string
	Tokens []Token
	Pos    int
}

// Peek returns the next token and does not consume it.
func (c *Cursor) Peek() Token { return c.Tokens[c.Pos] }

// PeekAt returns the token n places after the next one, or before it if n is
// negative. Beyond an end it returns the token at that end.
func (c *Cursor) PeekAt(n int) Token {
	return c.Tokens[max(min(c.Pos+n, len(c.Tokens)-1), 0)]
}

// Next consumes the next token, unless it is EOF, and returns it.
func (c *Cursor) Next() Token {
	t := c.Tokens[c.Pos]
	if t.Kind != EOF {
		c.Pos++
	}
	return t
}

// Accept consumes the keyword or symbol s if it is next, and reports whether it
// was.
func (c *Cursor) Accept(s string) bool {
	if c.Peek().Is(s) {
		c.Pos++
		return true
	}
	return false
}

// IsCall reports whether a function call is next: a word and a parenthesis.
func (c *Cursor) IsCall() bool { return c.Peek().Kind == Word && c.PeekAt(1).Is("(") }

// failure is what Fail panics with.
type failure struct{ err error }

// Fail ends the parsing with an error, which Try returns. It panics: a parser of
// nested functions reads better without an error after each call.
func Fail(err error) { panic(failure{err}) }

// Must returns v, or calls Fail if there is an error.
func Must[T any](v T, err error) T {
	if err != nil {
		Fail(err)
	}
	return v
}

// Try calls fn and returns the error that it failed with, or nil.
func Try(fn func()) (err error) {
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
