package expr

import (
	"strings"
	"unicode/utf8"
)

// A tokenKind is the class of a token.
type tokenKind uint8

const (
	tokenEOF   tokenKind = iota
	tokenName            // identifier or keyword
	tokenAlias           // #name
	tokenValue           // :value
	tokenIndex           // digits
	tokenSymbol
	tokenBad // a character that starts no token
)

// A token is a piece of an expression, from start to end.
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// is reports whether the token is the keyword or symbol s, in any case.
func (t token) is(s string) bool {
	return (t.kind == tokenName || t.kind == tokenSymbol) && strings.EqualFold(t.text, s)
}

// lex cuts an expression into tokens; the last is tokenEOF.
func lex(src string) []token {
	var out []token
	last := 0
	for i := 0; i < len(src); {
		c := src[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		t := scan(src, i)
		out = append(out, t)
		i, last = t.end, t.end
	}
	return append(out, token{kind: tokenEOF, text: "<EOF>", start: last, end: last})
}

func scan(src string, i int) token {
	c := src[i]
	switch {
	case isLetter(c) || c == '_':
		return take(src, i, i+1, tokenName)
	case c == '#' || c == ':':
		kind := tokenAlias
		if c == ':' {
			kind = tokenValue
		}
		if i+1 < len(src) && isWord(src[i+1]) {
			return take(src, i, i+1, kind)
		}
	case isDigit(c):
		end := i
		for end < len(src) && isDigit(src[end]) {
			end++
		}
		return token{tokenIndex, src[i:end], i, end}
	case strings.IndexByte("=()+-,.[]", c) >= 0:
		return token{tokenSymbol, src[i : i+1], i, i + 1}
	case c == '<' || c == '>':
		end := i + 1
		if end < len(src) && (src[end] == '=' || c == '<' && src[end] == '>') {
			end++
		}
		return token{tokenSymbol, src[i:end], i, end}
	}
	_, n := utf8.DecodeRuneInString(src[i:]) // error texts are UTF-8
	return token{tokenBad, src[i : i+n], i, i + n}
}

// take extends a token over all further word characters.
func take(src string, start, end int, kind tokenKind) token {
	for end < len(src) && isWord(src[end]) {
		end++
	}
	return token{kind, src[start:end], start, end}
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }
