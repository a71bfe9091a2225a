package pattern

import (
	"slices"
	"sync"
)

// A Set is many patterns compiled into one automaton. It never changes and may
// be used by many goroutines.
type Set struct {
	patterns int
	nodes    []*node  // the tree of names; the first is its root
	states   []*state // the first is the start
	alts     []compiled
	scratch  *sync.Pool // *scratch, shared with the sets that With makes
}

// compiled is an alternative of one of the patterns.
type compiled struct {
	pattern int // index of the pattern
	fields  []bound
}

// bound is a field at its place in the tree of names.
type bound struct {
	field
	node int32
}

// A node of the tree of names.
type node struct {
	children map[string]int32
	wanted   bool // a field ends here: values are kept
}

// A state stands for fields that hold; what follows depends on the next field.
type state struct {
	accepts []int32         // alternatives of which no field is left
	edges   map[int32]*edge // by the node of the next field
	nodes   []int32         // the nodes of edges
	absent  []int32         // those of them that go on if nothing stands there
}

// An edge leads from a state over the values of one node.
type edge struct {
	index *index
	next  map[string]int32 // the state behind a list of tests, by its text
}

// NewSet compiles patterns into a set. Match tells them by their index.
func NewSet(patterns []*Pattern) *Set {
	b := newBuilder(&Set{nodes: []*node{{}}, states: []*state{{}}, scratch: &sync.Pool{New: func() any { return newScratch() }}})
	for _, p := range patterns {
		b.add(p)
	}
	return b.set()
}

// With returns a set that holds one pattern more, whose index is the number of
// patterns so far. It copies only what changes, so it takes far less time than
// compiling all; s is still good.
func (s *Set) With(p *Pattern) *Set {
	b := newBuilder(s)
	b.add(p)
	return b.set()
}

// Len returns how many patterns the set holds.
func (s *Set) Len() int { return s.patterns }

// maxKept is how many bytes of an event's values may be in memory that is kept
// for later events.
const maxKept = 1 << 18

// Match appends to dst the indexes of all patterns that the event matches, each
// once, in ascending order. The event is a JSON object of at most 10,000
// levels; time and memory are in proportion to its size. Errors: ErrAmbiguous,
// else the event is malformed.
func (s *Set) Match(event []byte, dst []int) ([]int, error) {
	sc := s.scratch.Get().(*scratch)
	dst, err := s.match(sc, event, dst)
	if cap(sc.texts) <= maxKept && cap(sc.values) <= maxKept/32 && cap(sc.elements) <= maxKept/32 {
		s.scratch.Put(sc)
	}
	return dst, err
}

func (s *Set) match(sc *scratch, event []byte, dst []int) ([]int, error) {
	sc.reset(s)
	if err := sc.read(event); err != nil {
		return dst, err
	}
	sc.walk()
	start := len(dst)
	for _, alt := range sc.accepted {
		ok, err := sc.consistent(s.alts[alt].fields)
		if err != nil {
			return dst[:start], err
		}
		if ok {
			dst = append(dst, s.alts[alt].pattern)
		}
	}
	slices.Sort(dst[start:])
	return dst[:start+len(slices.Compact(dst[start:]))], nil
}

// Match reports whether the event matches the pattern. An error says that the
// event is malformed, or is ErrAmbiguous.
func (p *Pattern) Match(event []byte) (bool, error) {
	var buf [1]int
	found, err := p.set.Match(event, buf[:0])
	return len(found) > 0, err
}
