package pattern

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An op is the kind of a test.
type op uint8

const (
	opExact op = iota
	opPrefix
	opSuffix
	opPrefixFold
	opSuffixFold
	opFold
	opWildcard
	opNumeric
	opCIDR
	opPresent
	opAbsent
	opNot
)

// A test is one entry of a leaf array.
type test struct {
	op        op
	value     scalar   // opExact
	text      string   // string operators
	parts     []string // opWildcard: the literals around the asterisks
	low, high limit    // opNumeric
	equal     bool     // opNumeric: "="
	block     netip.Prefix
	not       []test // opNot: none of these may hold
}

// A limit is one end of a numeric range.
type limit struct {
	set, closed bool
	at          float64
}

// holds reports whether a present scalar passes the test.
func (t *test) holds(v scalar) bool {
	switch t.op {
	case opExact:
		return v == t.value
	case opPresent:
		return true
	case opAbsent:
		return false
	case opNot:
		for i := range t.not {
			if t.not[i].holds(v) {
				return false
			}
		}
		return true
	case opNumeric:
		return v.kind == '0' && t.inRange(v.text)
	}
	return v.kind == '"' && t.holdsText(v.text)
}

// holdsText is holds for the operators on strings.
func (t *test) holdsText(s string) bool {
	switch t.op {
	case opPrefix:
		return strings.HasPrefix(s, t.text)
	case opSuffix:
		return strings.HasSuffix(s, t.text)
	case opPrefixFold:
		return hasPrefixFold(s, t.text)
	case opSuffixFold:
		return hasSuffixFold(s, t.text)
	case opFold:
		return equalFold(s, t.text)
	case opWildcard:
		return matchWildcard(t.parts, s)
	default: // opCIDR
		addr, ok := address(s)
		return ok && (t.block.Contains(addr) || t.block.Bits() == 0 && t.block.Addr().Is6() && addr.Is4())
	}
}

func (t *test) inRange(canon string) bool {
	f, ok := comparableNumber(canon)
	if !ok {
		return false
	}
	return within(t.low, t.high, f)
}

// matchWildcard reports whether s is the literals in order, with anything
// between them. Taking each literal at its first place is enough, so the time
// is linear in the number of literals times the length of s at worst.
func matchWildcard(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// dottedI is a capital that becomes two characters in lower case.
const dottedI = 'İ'

// foldRune maps a letter to the form that stands for all its cases. As in
// EventBridge, characters outside the basic plane have no case, nor have letters
// that are the lower case of a capital which has another one: ς, ſ and ı.
func foldRune(r rune) rune {
	if r > 0xFFFF || r == utf8.RuneError || r == dottedI {
		return r
	}
	upper := unicode.ToUpper(r)
	if lower := unicode.ToLower(upper); lower == r || upper == r {
		return lower
	}
	return r
}

// fold maps each letter of s.
func fold(s string) string { return strings.Map(foldRune, s) }

// equalFold reports whether s is folded, but for case.
func equalFold(s, folded string) bool {
	rest, ok := cutPrefixFold(s, folded)
	return ok && rest == ""
}

func hasPrefixFold(s, folded string) bool {
	_, ok := cutPrefixFold(s, folded)
	return ok
}

func cutPrefixFold(s, folded string) (rest string, ok bool) {
	for _, want := range folded {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || foldRune(r) != want {
			return "", false
		}
		s = s[size:]
	}
	return s, true
}

func hasSuffixFold(s, folded string) bool {
	for folded != "" {
		want, n := utf8.DecodeLastRuneInString(folded)
		r, size := utf8.DecodeLastRuneInString(s)
		if size == 0 || foldRune(r) != want {
			return false
		}
		folded, s = folded[:len(folded)-n], s[:len(s)-size]
	}
	return true
}
