package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/tablecast/tablecast/expr/internal/syntax"
)

// The kinds of tokens of an expression, beside those of package syntax.
const (
	tokenAlias = syntax.Custom + iota // #name
	tokenValue                        // :value
	tokenIndex                        // digits
	tokenBad                          // a character that starts no token
)

// lex cuts an expression into tokens; the last is of kind syntax.EOF.
func lex(src string) []syntax.Token {
	var out []syntax.Token
	last := 0
	for i := 0; i < len(src); {
		c := src[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		t := scan(src, i)
		out = append(out, t)
		i, last = t.End, t.End
	}
	return append(out, syntax.Token{Kind: syntax.EOF, Text: "<EOF>", Start: last, End: last})
}

func scan(src string, i int) syntax.Token {
	c := src[i]
	switch {
	case isLetter(c):
		t := take(src, i, i+1, syntax.Word)
		if isKeyword(t.Text) {
			t.Kind = syntax.Symbol
		}
		return t
	case c == '#' || c == ':':
		kind := tokenAlias
		if c == ':' {
			kind = tokenValue
		}
		if i+1 < len(src) && isWord(src[i+1]) {
			return take(src, i, i+1, kind)
		}
	case isDigit(c):
		end := i + 1
		for c != '0' && end < len(src) && isDigit(src[end]) { // 01 are two numbers
			end++
		}
		return syntax.Token{Kind: tokenIndex, Text: src[i:end], Start: i, End: end}
	case strings.IndexByte("=()+-,.[]", c) >= 0:
		return syntax.Token{Kind: syntax.Symbol, Text: src[i : i+1], Start: i, End: i + 1}
	case c == '<' || c == '>':
		end := i + 1
		if end < len(src) && (src[end] == '=' || c == '<' && src[end] == '>') {
			end++
		}
		return syntax.Token{Kind: syntax.Symbol, Text: src[i:end], Start: i, End: end}
	}
	_, n := utf8.DecodeRuneInString(src[i:]) // error texts are UTF-8
	return syntax.Token{Kind: tokenBad, Text: src[i : i+n], Start: i, End: i + n}
}

// isKeyword reports whether a word is one of the language, in any case. Such a
// word cannot be a name.
func isKeyword(word string) bool {
	for _, k := range []string{"IN", "BETWEEN", "NOT", "AND", "OR", "SET", "ADD", "DELETE", "REMOVE"} {
		if strings.EqualFold(word, k) {
			return true
		}
	}
	return false
}

// take extends a token over all further word characters.
func take(src string, start, end int, kind syntax.Kind) syntax.Token {
	for end < len(src) && isWord(src[end]) {
		end++
	}
	return syntax.Token{Kind: kind, Text: src[start:end], Start: start, End: end}
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }
