package pattern

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// An index finds the tests of one path that a value passes, and the state that
// follows each. It looks values up, so that the time hardly depends on the number
// of tests; only anything-but and wildcards that begin and end with an asterisk are
// tried one by one.
type index struct {
	exact                  map[scalar][]int32
	folded                 map[string][]int32
	prefix, suffix         affixes[int32]
	prefixFold, suffixFold affixes[int32]
	begins                 affixes[probe] // wildcards, by the literal they begin with
	ends                   affixes[probe] // other wildcards, by the literal they end with
	blocks4, blocks6       blocks
	ranges                 ranges
	rest                   []probe
	present                []int32 // states that follow on any value
	absent                 []int32 // states that follow if there is none
}

// A probe is a test that is tried on the value.
type probe struct {
	test *test
	next int32
}

// clone returns an index to which tests can be added.
func (x *index) clone() *index {
	c := *x
	c.exact, c.folded = maps.Clone(x.exact), maps.Clone(x.folded)
	c.prefix, c.suffix = x.prefix.clone(), x.suffix.clone()
	c.prefixFold, c.suffixFold = x.prefixFold.clone(), x.suffixFold.clone()
	c.begins, c.ends = x.begins.clone(), x.ends.clone()
	c.blocks4, c.blocks6 = x.blocks4.clone(), x.blocks6.clone()
	c.ranges = slices.Clone(x.ranges)
	c.rest, c.present, c.absent = slices.Clip(x.rest), slices.Clip(x.present), slices.Clip(x.absent)
	return &c
}

// add says that the state follows on values that pass the test.
func (x *index) add(t *test, next int32) {
	switch t.op {
	case opExact:
		x.exact = put(x.exact, t.value, next)
	case opFold:
		x.folded = put(x.folded, t.text, next)
	case opPrefix:
		x.prefix.add(t.text, next)
	case opSuffix:
		x.suffix.add(t.text, next)
	case opPrefixFold:
		x.prefixFold.add(t.text, next)
	case opSuffixFold:
		x.suffixFold.add(t.text, next)
	case opWildcard:
		x.addWildcard(t, next)
	case opNumeric:
		x.ranges = append(x.ranges, newInterval(t, next))
	case opCIDR:
		x.addBlock(t.block, next)
	case opPresent:
		x.present = append(x.present, next)
	case opAbsent:
		x.absent = append(x.absent, next)
	default: // opNot
		x.rest = append(x.rest, probe{t, next})
	}
}

func (x *index) addWildcard(t *test, next int32) {
	first, last := t.parts[0], t.parts[len(t.parts)-1]
	switch {
	case first != "":
		x.begins.add(first, probe{t, next})
	case last != "":
		x.ends.add(last, probe{t, next})
	default:
		x.rest = append(x.rest, probe{t, next})
	}
}

func (x *index) addBlock(p netip.Prefix, next int32) {
	if p.Addr().Is4() || p.Bits() == 0 { // ::/0 holds for all addresses
		x.blocks4.add(p, next)
	}
	if p.Addr().Is6() {
		x.blocks6.add(p, next)
	}
}

// find follows the tests that the value passes.
func (x *index) find(sc *scratch, v scalar) {
	sc.follow(x.exact[v])
	sc.follow(x.present)
	switch v.kind {
	case '0':
		x.ranges.find(sc, v.text)
	case '"':
		x.findText(sc, v.text)
	}
	sc.try(x.rest, v)
}

// findText is find for the operators on strings.
func (x *index) findText(sc *scratch, s string) {
	followAll(sc, &x.prefix, s, false)
	followAll(sc, &x.suffix, s, true)
	for i := range x.begins.lengths {
		sc.try(x.begins.at(i, s, false), scalar{'"', s})
	}
	for i := range x.ends.lengths {
		sc.try(x.ends.at(i, s, true), scalar{'"', s})
	}
	x.findAddress(sc, s)
	if x.folded == nil && x.prefixFold.byText == nil && x.suffixFold.byText == nil {
		return
	}
	s = sc.fold(s)
	sc.follow(x.folded[s])
	followAll(sc, &x.prefixFold, s, false)
	followAll(sc, &x.suffixFold, s, true)
}

func (x *index) findAddress(sc *scratch, s string) {
	if len(x.blocks4.byBlock)+len(x.blocks6.byBlock) == 0 {
		return
	}
	switch addr, ok := address(s); {
	case !ok || addr.Zone() != "":
	case addr.Is4():
		x.blocks4.follow(sc, addr)
	default:
		x.blocks6.follow(sc, addr)
	}
}

// address parses an IP address.
func address(s string) (netip.Addr, bool) {
	if len(s) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") || !strings.ContainsAny(s, ".:") || strings.Trim(s, "0123456789abcdefABCDEF.:") != "" {
		return netip.Addr{}, false // without the cost of an error that says why
	}
	addr, err := netip.ParseAddr(s)
	return addr, err == nil
}

// put appends to a list of a map; the list's memory is not that of the list in
// the index that this one was cloned from.
func put[K comparable, T any](m map[K][]T, key K, next T) map[K][]T {
	if m == nil {
		m = map[K][]T{}
	}
	m[key] = append(slices.Clip(m[key]), next)
	return m
}

// affixes finds the strings with which a text begins, or ends, by one look-up
// for each length there is.
type affixes[T any] struct {
	lengths []int // ascending
	byText  map[string][]T
}

func (a affixes[T]) clone() affixes[T] {
	return affixes[T]{slices.Clone(a.lengths), maps.Clone(a.byText)}
}

func (a *affixes[T]) add(text string, next T) {
	a.byText = put(a.byText, text, next)
	a.lengths = insertInt(a.lengths, len(text))
}

// at returns what is kept for the beginning, or end, of s of the i-th length.
func (a *affixes[T]) at(i int, s string, end bool) []T {
	n := a.lengths[i]
	if n > len(s) {
		return nil
	}
	if end {
		return a.byText[s[len(s)-n:]]
	}
	return a.byText[s[:n]]
}

// followAll follows the tests for prefixes, or suffixes, of s.
func followAll(sc *scratch, a *affixes[int32], s string, end bool) {
	for i := range a.lengths {
		sc.follow(a.at(i, s, end))
	}
}

// insertInt puts n into an ascending list, once.
func insertInt(list []int, n int) []int {
	if i, found := slices.BinarySearch(list, n); !found {
		return slices.Insert(list, i, n)
	}
	return list
}

// blocks finds the address blocks of an address, by one look-up for each length
// of mask there is.
type blocks struct {
	bits    []int
	byBlock map[netip.Prefix][]int32
}

func (b blocks) clone() blocks { return blocks{slices.Clone(b.bits), maps.Clone(b.byBlock)} }

func (b *blocks) add(p netip.Prefix, next int32) {
	if p.Bits() == 0 {
		p = netip.Prefix{} // of either family
	}
	b.byBlock = put(b.byBlock, p, next)
	b.bits = insertInt(b.bits, max(p.Bits(), 0))
}

func (b *blocks) follow(sc *scratch, addr netip.Addr) {
	for _, bits := range b.bits {
		var p netip.Prefix
		if bits > 0 {
			p, _ = addr.Prefix(bits) // bits came from a block of this family
		}
		sc.follow(b.byBlock[p])
	}
}
