package partiql

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tablecast/tablecast/expr/internal/syntax"
)

// The kinds of tokens of a statement, beside those of package syntax.
const (
	tokenQuoted = syntax.Custom + iota // "identifier"
	tokenText                          // 'text'
	tokenNumber                        // without a sign
)

// at writes a token's place as error texts have it: line and column, from 1, and
// length, in characters.
func (p *parse) at(t syntax.Token) string {
	before := p.Src[:t.Start]
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("%d:%d:%d", strings.Count(before, "\n")+1, column, utf8.RuneCountInString(p.Src[t.Start:t.End]))
}

// A lexer cuts a statement into tokens.
type lexer struct {
	src string
	pos int
}

// lex returns the tokens of a statement; the last is of kind syntax.EOF.
func lex(src string) ([]syntax.Token, error) {
	l := &lexer{src: src}
	var out []syntax.Token
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		t := syntax.Token{Start: l.pos, End: l.pos}
		if l.pos == len(src) {
			return append(out, t), nil
		}
		var err error
		if t.End, err = l.scan(&t); err != nil {
			return nil, err
		}
		l.pos = t.End
		out = append(out, t)
	}
}

// skip moves past spaces and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.pos += n
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return malformed("")
			}
			l.pos += n + 4
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
func (l *lexer) scan(t *syntax.Token) (end int, err error) {
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
		t.Kind, end = syntax.Word, l.while(l.pos, isWord)
	case isDigit(c) || c == '.' && isDigit(next):
		t.Kind, end = tokenNumber, l.number()
	default:
		for _, s := range symbols {
			if strings.HasPrefix(l.src[l.pos:], s) {
				t.Kind, t.Text = syntax.Symbol, s
				return l.pos + len(s), nil
			}
		}
		return 0, malformed("")
	}
	t.Text = l.src[l.pos:end]
	return end, nil
}

// quoted reads up to the closing quote; a doubled quote stands for one.
func (l *lexer) quoted(t *syntax.Token, kind syntax.Kind) (end int, err error) {
	t.Kind = kind
	quote := l.src[l.pos]
	var text strings.Builder
	for i := l.pos + 1; i < len(l.src); i++ {
		if l.src[i] == quote {
			if i+1 == len(l.src) || l.src[i+1] != quote {
				t.Text = text.String()
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
