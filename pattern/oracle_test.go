package pattern

import (
	"bytes"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// The oracle interprets a valid pattern from its JSON, with nothing of the
// engine: all leaves of the event, all combinations of them.

type member struct {
	name  string
	value any // []member, []any, string, number, bool, nil
}

// A number is the text of a JSON number.
type number string

// ordered decodes JSON and keeps the order and repetition of names.
func ordered(src []byte) any {
	return orderedValue(jsontext.NewDecoder(bytes.NewReader(src), jsontext.AllowDuplicateNames(true)))
}

func orderedValue(dec *jsontext.Decoder) any {
	token := func() jsontext.Token {
		tok, err := dec.ReadToken()
		if err != nil {
			panic(err)
		}
		return tok
	}
	switch tok := token(); tok.Kind() {
	case '{':
		list := []member{}
		for dec.PeekKind() != '}' {
			name := token().String()
			list = append(list, member{name, orderedValue(dec)})
		}
		token()
		return list
	case '[':
		list := []any{}
		for dec.PeekKind() != ']' {
			list = append(list, orderedValue(dec))
		}
		token()
		return list
	case '"':
		return tok.String()
	case '0':
		return number(tok.String())
	case 't', 'f':
		return tok.Bool()
	}
	return nil
}

// A leafRule is a path and its tests as written.
type leafRule struct {
	path  string
	tests []any
}

// expand returns the combinations of $or branches, each a list of leaves, of
// which a later one replaces an earlier of the same path.
func expand(combos [][]leafRule, path string, obj []member) [][]leafRule {
	for _, m := range obj {
		below := strings.TrimPrefix(path+"."+m.name, ".")
		switch v := m.value.(type) {
		case []member:
			combos = expand(combos, below, v)
		case []any:
			var next [][]leafRule
			if m.name == "$or" {
				for _, branch := range v {
					next = append(next, expand(combos, path, branch.([]member))...)
				}
			} else {
				for _, c := range combos {
					c = slices.DeleteFunc(slices.Clone(c), func(l leafRule) bool { return l.path == below })
					next = append(next, append(c, leafRule{below, v}))
				}
			}
			combos = next
		}
	}
	return combos
}

// A leaf is a scalar of an event; trail has, for each array around it, its
// serial number and the index.
type leaf struct {
	path  string
	value any
	trail map[int]int
}

func leaves(path string, v any, trail map[int]int, arrays *int) []leaf {
	var out []leaf
	switch v := v.(type) {
	case []member:
		for _, m := range v {
			out = append(out, leaves(strings.TrimPrefix(path+"."+m.name, "."), m.value, trail, arrays)...)
		}
	case []any:
		*arrays++
		id := *arrays
		for i, e := range v {
			inner := map[int]int{id: i}
			for a, j := range trail {
				inner[a] = j
			}
			out = append(out, leaves(path, e, inner, arrays)...)
		}
	default:
		out = append(out, leaf{path, v, trail})
	}
	return out
}

func oracle(pattern, event []byte) bool {
	arrays := 0
	all := leaves("", ordered(event), nil, &arrays)
	for _, combo := range expand([][]leafRule{nil}, "", ordered(pattern).([]member)) {
		if satisfies(combo, all, nil) {
			return true
		}
	}
	return false
}

// satisfies tries every leaf for every rule.
func satisfies(rules []leafRule, all []leaf, chosen []leaf) bool {
	if len(rules) == 0 {
		return true
	}
	present := false
	for _, l := range all {
		if l.path != rules[0].path {
			continue
		}
		present = true
		if agrees(l, chosen) && slices.ContainsFunc(rules[0].tests, func(t any) bool { return passes(t, l.value) }) &&
			satisfies(rules[1:], all, append(slices.Clip(chosen), l)) {
			return true
		}
	}
	wantsNone := slices.ContainsFunc(rules[0].tests, func(t any) bool {
		op, is := t.([]member)
		return is && op[0].name == "exists" && op[0].value == false
	})
	return !present && wantsNone && satisfies(rules[1:], all, chosen)
}

func agrees(l leaf, chosen []leaf) bool {
	for _, c := range chosen {
		for array, i := range l.trail {
			if j, both := c.trail[array]; both && i != j {
				return false
			}
		}
	}
	return true
}

// passes reports whether a scalar passes a test as written.
func passes(t, v any) bool {
	op, is := t.([]member)
	if !is {
		return same(t, v)
	}
	name, arg := op[0].name, op[0].value
	switch name {
	case "exactly":
		return same(arg, v)
	case "exists":
		return arg == true
	case "anything-but":
		return !excluded(arg, v)
	case "numeric":
		return numericPasses(arg.([]any), v)
	}
	s, is := v.(string)
	if !is {
		return false
	}
	switch inner, nested := arg.([]member); {
	case nested && name == "prefix":
		n := len([]rune(inner[0].value.(string)))
		return len([]rune(s)) >= n && sameFold(string([]rune(s)[:n]), inner[0].value.(string))
	case nested && name == "suffix":
		n := len([]rune(s)) - len([]rune(inner[0].value.(string)))
		return n >= 0 && sameFold(string([]rune(s)[n:]), inner[0].value.(string))
	}
	text := arg.(string)
	switch name {
	case "prefix":
		return strings.HasPrefix(s, text)
	case "suffix":
		return strings.HasSuffix(s, text)
	case "equals-ignore-case":
		return sameFold(s, text)
	case "wildcard":
		return wild(text, s)
	case "cidr":
		block := netip.MustParsePrefix(text)
		addr, err := netip.ParseAddr(s)
		return err == nil && (block.Contains(addr) || text == "::/0" && addr.Is4())
	}
	panic(name)
}

func excluded(arg, v any) bool {
	switch arg := arg.(type) {
	case []member:
		list, is := arg[0].value.([]any)
		if !is {
			list = []any{arg[0].value}
		}
		return slices.ContainsFunc(list, func(x any) bool { return passes([]member{{arg[0].name, x}}, v) })
	case []any:
		return slices.ContainsFunc(arg, func(x any) bool { return same(x, v) })
	}
	return same(arg, v)
}

func same(a, b any) bool {
	x, isX := a.(number)
	y, isY := b.(number)
	if isX && isY {
		return rational(x).Cmp(rational(y)) == 0
	}
	return a == b
}

func rational(n number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		panic(n)
	}
	return r
}

func numericPasses(terms []any, v any) bool {
	n, is := v.(number)
	if !is {
		return false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || rational(number(strconv.FormatFloat(f, 'g', -1, 64))).Cmp(rational(n)) != 0 {
		return false // no number of the range's kind
	}
	for i := 0; i < len(terms); i += 2 {
		c := rational(n).Cmp(rational(terms[i+1].(number)))
		if ok := map[string]bool{"=": c == 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[terms[i].(string)]; !ok {
			return false
		}
	}
	return true
}

func sameFold(a, b string) bool {
	x, y := []rune(a), []rune(b)
	return slices.EqualFunc(x, y, func(r, s rune) bool {
		capital := func(a, b rune) bool { // a is the capital of b, and b what a becomes
			return max(a, b) <= 0xFFFF && a != 'İ' && unicode.ToUpper(a) == a && unicode.ToLower(a) == b
		}
		same := r == s || capital(r, s) || capital(s, r)
		for c := rune(0); !same && c <= 0xFFFF; c++ { // two capitals, as K and the sign of the kelvin
			same = capital(r, c) && capital(s, c)
		}
		return same
	})
}

// wild matches by trying each length for an asterisk.
func wild(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return wild(p[1:], s) || s != "" && wild(p, s[1:])
	case p[0] == '\\':
		p = p[1:]
	}
	return s != "" && p[0] == s[0] && wild(p[1:], s[1:])
}
