package pattern

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A scratch is the working memory for one event.
type scratch struct {
	dec     *jsontext.Decoder
	in      bytes.Buffer
	present []bool    // by node: a scalar stands there
	marks   [][]mark  // by alternative
	touched []int32   // alternatives with marks
	used    []int32   // nodes with present set
	trail   []element // arrays around the current value
	trails  []element // memory of the marks' trails
	arrays  int32     // arrays met so far
}

// A mark says that a value satisfies a field, and where the value stands.
type mark struct {
	field int32
	trail []element
}

// An element is a place in an array of the event.
type element struct{ array, index int32 }

func newScratch(s *Set, nodes int) *scratch {
	return &scratch{dec: &jsontext.Decoder{}, present: make([]bool, nodes), marks: make([][]mark, len(s.alts))}
}

func (sc *scratch) reset() {
	for _, a := range sc.touched {
		sc.marks[a] = sc.marks[a][:0]
	}
	for _, n := range sc.used {
		sc.present[n] = false
	}
	sc.touched, sc.used, sc.trail, sc.trails, sc.arrays = sc.touched[:0], sc.used[:0], sc.trail[:0], sc.trails[:0], 0
}

// read walks over an event along the tree.
func (sc *scratch) read(root *node, event []byte) error {
	sc.in = *bytes.NewBuffer(event) // read in place
	sc.dec.Reset(&sc.in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if k := sc.dec.PeekKind(); k != '{' {
		if err := sc.dec.SkipValue(); err != nil {
			return err
		}
		return errNotObject
	}
	return sc.value(root)
}

// value reads the next value, which stands at the node.
func (sc *scratch) value(n *node) error {
	switch sc.dec.PeekKind() {
	case '{':
		return sc.object(n)
	case '[':
		return sc.array(n)
	}
	tok, err := sc.dec.ReadToken()
	if err != nil {
		return err
	}
	if n.exact != nil || n.others != nil {
		sc.scalar(n, scalarOf(tok))
	}
	if !sc.present[n.id] {
		sc.present[n.id] = true
		sc.used = append(sc.used, n.id)
	}
	return nil
}

func (sc *scratch) object(n *node) error {
	if n.children == nil {
		return sc.dec.SkipValue()
	}
	if _, err := sc.dec.ReadToken(); err != nil {
		return err
	}
	for sc.dec.PeekKind() != '}' {
		tok, err := sc.dec.ReadToken()
		if err != nil {
			return err
		}
		if child := n.find(tok.String()); child != nil {
			err = sc.value(child)
		} else {
			err = sc.dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := sc.dec.ReadToken()
	return err
}

// find follows a name, which stands for several steps if it has dots.
func (n *node) find(name string) *node {
	for n != nil {
		first, rest, dotted := strings.Cut(name, ".")
		n = n.children[first]
		if !dotted {
			return n
		}
		name = rest
	}
	return nil
}

// array reads the elements of an array: all of them stand at the node.
func (sc *scratch) array(n *node) error {
	if _, err := sc.dec.ReadToken(); err != nil {
		return err
	}
	sc.arrays++
	sc.trail = append(sc.trail, element{array: sc.arrays})
	for sc.dec.PeekKind() != ']' {
		if err := sc.value(n); err != nil {
			return err
		}
		sc.trail[len(sc.trail)-1].index++
	}
	sc.trail = sc.trail[:len(sc.trail)-1]
	_, err := sc.dec.ReadToken()
	return err
}

// scalar marks the fields that the value at the node satisfies.
func (sc *scratch) scalar(n *node, v scalar) {
	for _, r := range n.exact[v] {
		sc.mark(r)
	}
	for i := range n.others {
		if p := &n.others[i]; p.test.holds(v) {
			sc.mark(p.ref)
		}
	}
}

func (sc *scratch) mark(r ref) {
	if len(sc.marks[r.alt]) == 0 {
		sc.touched = append(sc.touched, r.alt)
	}
	start := len(sc.trails)
	sc.trails = append(sc.trails, sc.trail...)
	sc.marks[r.alt] = append(sc.marks[r.alt], mark{r.field, sc.trails[start:len(sc.trails):len(sc.trails)]})
}

// matches appends the patterns whose alternatives have all their fields.
func (sc *scratch) matches(s *Set, dst []int) []int {
	for _, a := range s.absent {
		if !sc.present[a.node.id] {
			if len(sc.marks[a.alt]) == 0 {
				sc.touched = append(sc.touched, a.alt)
			}
			sc.marks[a.alt] = append(sc.marks[a.alt], mark{field: a.field})
		}
	}
	start := len(dst)
	for _, alt := range sc.touched {
		if c := s.alts[alt]; len(sc.marks[alt]) >= c.fields && consistent(sc.marks[alt], c.fields) {
			dst = append(dst, c.pattern)
		}
	}
	found := dst[start:]
	slices.Sort(found)
	return dst[:start+len(slices.Compact(found))]
}

// consistent reports whether a mark can be chosen for each of the fields so
// that no two of them stand in different elements of one array.
func consistent(marks []mark, fields int) bool {
	var seen uint64
	count, arrays := 0, false
	for _, m := range marks {
		arrays = arrays || len(m.trail) > 0
		if fields <= 64 && seen&(1<<m.field) == 0 {
			seen |= 1 << m.field
			count++
		}
	}
	if fields <= 64 && count < fields {
		return false
	}
	if !arrays && fields <= 64 {
		return true
	}
	chosen := []trails{nil}
	for f := range int32(fields) {
		if chosen = extend(chosen, marks, f); len(chosen) == 0 {
			return false
		}
	}
	return true
}

// trails is a choice of elements, at most one for each array, in order of the
// arrays.
type trails []element

// extend joins each choice so far with each mark of the field that agrees with
// it. Equal choices are kept once.
func extend(chosen []trails, marks []mark, field int32) []trails {
	var out []trails
	for _, c := range chosen {
		for _, m := range marks {
			if m.field != field {
				continue
			}
			joined, ok := c.join(m.trail)
			if ok && !slices.ContainsFunc(out, func(t trails) bool { return slices.Equal(t, joined) }) {
				out = append(out, joined)
			}
		}
	}
	return out
}

func (t trails) join(more []element) (trails, bool) {
	out := slices.Clone(t)
	for _, e := range more {
		i, found := slices.BinarySearchFunc(out, e.array, func(a element, array int32) int { return int(a.array - array) })
		if !found {
			out = slices.Insert(out, i, e)
		} else if out[i].index != e.index {
			return nil, false
		}
	}
	return out, true
}
