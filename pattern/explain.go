package pattern

import (
	"errors"
	"strings"
)

var errNotObject = errors.New("pattern: the event is not a JSON object")

// A Miss is a field of a pattern that an event does not satisfy.
type Miss struct {
	Path   string   // the field, its names joined by dots
	Wanted []string // the tests of which one should hold, in words
	Found  []string // the values at the path, as JSON; empty: none
}

// Explain returns the fields that keep the event from matching: of the
// alternatives ($or) the one that fails in the fewest. It returns none if the
// event matches; if no single field is to blame, since the values stand in
// different elements of an array, the Miss has an empty path.
func (p *Pattern) Explain(event []byte) ([]Miss, error) {
	ok, err := p.Match(event)
	if ok || err != nil {
		return nil, err
	}
	var best []Miss
	for i, alt := range p.alternatives {
		misses, err := alt.explain(event)
		if err != nil {
			return nil, err
		}
		if i == 0 || len(misses) < len(best) {
			best = misses
		}
	}
	if len(best) == 0 {
		best = []Miss{{Wanted: []string{"values of one and the same array element"}}}
	}
	return best, nil
}

// explain checks each field by itself.
func (a alternative) explain(event []byte) ([]Miss, error) {
	var out []Miss
	for _, f := range a {
		one := &Pattern{alternatives: []alternative{{f}}}
		found, err := NewSet([]*Pattern{one}).Match(event, nil)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			continue
		}
		miss := Miss{Path: strings.Join(f.path, ".")}
		for i := range f.tests {
			miss.Wanted = append(miss.Wanted, f.tests[i].String())
		}
		if miss.Found, err = values(event, f.path); err != nil {
			return nil, err
		}
		out = append(out, miss)
	}
	return out, nil
}

// values returns the scalars at a path of the event.
func values(event []byte, path []string) ([]string, error) {
	var out []string
	collect := test{op: opCollect, collect: func(v scalar) { out = append(out, v.String()) }}
	p := &Pattern{alternatives: []alternative{{{path, []test{collect}}}}}
	_, err := NewSet([]*Pattern{p}).Match(event, nil)
	return out, err
}

// String writes the test in words.
func (t *test) String() string {
	switch t.op {
	case opExact:
		return t.value.String()
	case opPresent:
		return "present"
	case opAbsent:
		return "absent"
	case opNot:
		parts := make([]string, len(t.not))
		for i := range t.not {
			parts[i] = t.not[i].String()
		}
		return "anything but " + strings.Join(parts, ", ")
	case opNumeric:
		return t.rangeText()
	case opCIDR:
		return "address in " + t.block.String()
	}
	return map[op]string{
		opPrefix: "prefix ", opSuffix: "suffix ", opPrefixFold: "prefix (any case) ", opSuffixFold: "suffix (any case) ",
		opFold: "any case of ", opWildcard: "wildcard ",
	}[t.op] + scalar{'"', t.text}.String()
}

func (t *test) rangeText() string {
	var parts []string
	add := func(open, closed string, l limit) {
		if !l.set {
			return
		}
		sign := open
		if l.closed {
			sign = closed
		}
		parts = append(parts, sign+" "+formatFloat(l.at))
	}
	if t.equal {
		return "= " + formatFloat(t.low.at)
	}
	add(">", ">=", t.low)
	add("<", "<=", t.high)
	return strings.Join(parts, " and ")
}
