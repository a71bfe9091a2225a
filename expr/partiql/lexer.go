package partiql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A tokenKind is the class of a token.
type tokenKind uint8

const (
	tokenEOF    tokenKind = iota
	tokenWord             // identifier or keyword
	tokenQuoted           // "identifier"
	tokenText             // 'text'
	tokenNumber           // without a sign
	tokenSymbol           // punctuation, and ? for a parameter
)

// A token is a piece of a statement. The text of quoted ones is what the
// quotes hold.
type token struct {
	kind              tokenKind
	text              string
	line, col, length int // from 1, in characters
}

// at writes the token's place as error texts have it.
func (t token) at() string { return fmt.Sprintf("%d:%d:%d", t.line, t.col, t.length) }

// is reports whether the token is the keyword or symbol s, in any case.
func (t token) is(s string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && strings.EqualFold(t.text, s)
}

// A lexer cuts a statement into tokens.
type lexer struct {
	src       string
	pos       int
	line, col int
}

// lex returns the tokens of a statement; the last is tokenEOF.
func lex(src string) ([]token, error) {
	l := &lexer{src: src, line: 1, col: 1}
	var out []token
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		t := token{line: l.line, col: l.col}
		if l.pos == len(src) {
			return append(out, t), nil
		}
		start := l.pos
		end, err := l.scan(&t)
		if err != nil {
			return nil, err
		}
		l.advance(end)
		t.length = utf8.RuneCountInString(src[start:end])
		out = append(out, t)
	}
}

// advance moves to the byte at end.
func (l *lexer) advance(end int) {
	for _, r := range l.src[l.pos:end] {
		l.col++
		if r == '\n' {
			l.line, l.col = l.line+1, 1
		}
	}
	l.pos = end
}

// skip moves past spaces and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.advance(l.pos + 1)
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.advance(l.pos + n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return malformed("")
			}
			l.advance(l.pos + n + 4)
		default:
			return nil
		}
	}
	return nil
}

// symbols are the punctuation; of two that begin alike the longer comes first.
var symbols = []string{
	"<<", ">>", "<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", ":", ";", "*", "+", "-", "?",
}

// scan fills in the token at the lexer's place and returns its end.
func (l *lexer) scan(t *token) (end int, err error) {
	c := l.src[l.pos]
	next := byte(0)
	if l.pos+1 < len(l.src) {
		next = l.src[l.pos+1]
	}
	switch {
	case c == '\'':
		return l.quoted(t, tokenText)
	case c == '"':
		return l.quoted(t, tokenQuoted)
	case isLetter(c):
		t.kind, end = tokenWord, l.while(l.pos, isWord)
	case isDigit(c) || c == '.' && isDigit(next):
		t.kind, end = tokenNumber, l.number()
	default:
		for _, s := range symbols {
			if strings.HasPrefix(l.src[l.pos:], s) {
				t.kind, t.text = tokenSymbol, s
				return l.pos + len(s), nil
			}
		}
		return 0, malformed("")
	}
	t.text = l.src[l.pos:end]
	return end, nil
}

// quoted reads up to the closing quote; a doubled quote stands for one.
func (l *lexer) quoted(t *token, kind tokenKind) (end int, err error) {
	t.kind = kind
	quote := l.src[l.pos]
	var text strings.Builder
	for i := l.pos + 1; i < len(l.src); i++ {
		if l.src[i] == quote {
			if i+1 == len(l.src) || l.src[i+1] != quote {
				t.text = text.String()
				return i + 1, nil
			}
			i++
		}
		text.WriteByte(l.src[i])
	}
	return 0, malformed("")
}

// number returns the end of the number at the lexer's place: digits, a point
// with digits, an exponent.
func (l *lexer) number() int {
	end := l.while(l.pos, isDigit)
	if end < len(l.src) && l.src[end] == '.' {
		end = l.while(end+1, isDigit)
	}
	if end < len(l.src) && (l.src[end] == 'e' || l.src[end] == 'E') {
		digits := end + 1
		if digits < len(l.src) && (l.src[digits] == '+' || l.src[digits] == '-') {
			digits++
		}
		if after := l.while(digits, isDigit); after > digits {
			return after
		}
	}
	return end
}

// while returns the first place from i on whose byte is not of the class.
func (l *lexer) while(i int, class func(byte) bool) int {
	for i < len(l.src) && class(l.src[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}
func isWord(c byte) bool { return isLetter(c) || isDigit(c) }
