package pattern

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errNotObject = errors.New("pattern: the event is not a JSON object")
	errTrailing  = errors.New("pattern: text follows the event")
)

// A Miss is a field of a pattern that an event does not satisfy.
type Miss struct {
	Path   string   `json:"path"`   // the field, its names joined by dots
	Wanted []string `json:"wanted"` // the tests of which one must hold, in words
	Found  []Found  `json:"found"`  // the values at the path, at most ten; empty if there are none
}

// A Found is a value of an event, for a Miss.
type Found struct {
	Pointer string `json:"pointer"` // JSON pointer to it
	Value   string `json:"value"`   // a scalar as JSON, cut to 200 bytes; else "an object" or "an empty array"
}

// String returns the miss as a sentence.
func (m Miss) String() string {
	wanted := strings.Join(m.Wanted, " or ")
	if m.Path == "" {
		return "wanted " + wanted
	}
	if len(m.Found) == 0 {
		return m.Path + ": wanted " + wanted + "; nothing is there"
	}
	found := make([]string, len(m.Found))
	for i, f := range m.Found {
		found[i] = f.Value + " at " + f.Pointer
	}
	return m.Path + ": wanted " + wanted + "; found " + strings.Join(found, ", ")
}

// Explain returns the fields that keep the event from matching, none if it matches.
// Of several alternatives ($or) it takes the one with the fewest such fields. If
// each field matches by itself, but with values from different elements of an
// array, there is one Miss with an empty path. Errors are those of Match.
func (p *Pattern) Explain(event []byte) ([]Miss, error) {
	ok, err := p.Match(event)
	if ok || err != nil {
		return nil, err
	}
	all, err := p.flatten(event)
	if err != nil {
		return nil, err
	}
	best := p.alternatives[0].misses(all)
	for _, alt := range p.alternatives[1:] {
		if misses := alt.misses(all); len(misses) < len(best) {
			best = misses
		}
	}
	if len(best) == 0 {
		best = []Miss{{Wanted: []string{"values of one and the same array element"}}}
	}
	return best, nil
}

// maxFound is how many values a Miss has at most.
const maxFound = 10

// misses checks each field by itself.
func (a alternative) misses(all map[string][]found) []Miss {
	var out []Miss
	for i := range a {
		f := &a[i]
		path := strings.Join(f.path, ".")
		if f.satisfied(all[path]) {
			continue
		}
		miss := Miss{Path: path, Found: []Found{}}
		for i := range f.tests {
			miss.Wanted = append(miss.Wanted, f.tests[i].String())
		}
		for _, v := range all[path][:min(maxFound, len(all[path]))] {
			miss.Found = append(miss.Found, Found{v.pointer, v.String()})
		}
		out = append(out, miss)
	}
	return out
}

// satisfied reports whether the field holds, by itself.
func (f *field) satisfied(at []found) bool {
	scalars := false
	for _, v := range at {
		if v.kind == '{' || v.kind == '[' {
			continue
		}
		if scalars = true; f.holds(v.scalar) {
			return true
		}
	}
	return !scalars && slices.ContainsFunc(f.tests, func(t test) bool { return t.op == opAbsent })
}

// found is a scalar, an object or an empty array of an event.
type found struct {
	scalar
	pointer string
}

const maxShown = 200

// String writes what was found as in Found.Value.
func (v found) String() string {
	switch v.kind {
	case '{':
		return "an object"
	case '[':
		return "an empty array"
	}
	text := v.scalar.String()
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

// flatten returns the values of an event at the paths of the pattern.
func (p *Pattern) flatten(event []byte) (map[string][]found, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(event), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	f := flattener{dec, map[string]bool{}, map[string][]found{}}
	for _, alt := range p.alternatives {
		for _, field := range alt {
			for i := range field.path {
				f.wanted[strings.Join(field.path[:i+1], ".")] = true
			}
		}
	}
	err := f.value("")
	return f.all, err
}

type flattener struct {
	dec    *jsontext.Decoder
	wanted map[string]bool // paths of fields, and those on the way to them
	all    map[string][]found
}

func (f *flattener) value(path string) error {
	tok, err := f.dec.ReadToken()
	if err != nil {
		return err
	}
	switch tok.Kind() {
	case '{':
		f.add(path, scalar{kind: '{'})
		for f.dec.PeekKind() != '}' && err == nil {
			err = f.member(path)
		}
	case '[':
		if f.dec.PeekKind() == ']' {
			f.add(path, scalar{kind: '['})
		}
		for f.dec.PeekKind() != ']' && err == nil {
			err = f.value(path)
		}
	default:
		f.add(path, scalarOf(tok))
		return nil
	}
	if err == nil {
		_, err = f.dec.ReadToken()
	}
	return err
}

func (f *flattener) member(path string) error {
	name, err := f.dec.ReadToken()
	if err != nil {
		return err
	}
	if path != "" {
		path += "."
	}
	if path += name.String(); !f.wanted[path] {
		return f.dec.SkipValue()
	}
	return f.value(path)
}

func (f *flattener) add(path string, v scalar) {
	pointer := ""
	if len(f.all[path]) < maxFound {
		pointer = string(f.dec.StackPointer())
	}
	f.all[path] = append(f.all[path], found{v, pointer})
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
