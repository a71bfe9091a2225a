package pattern

import (
	"slices"
	"sync"
)

// A Set is many patterns compiled into one automaton. It is immutable and may be
// used by many goroutines.
type Set struct {
	patterns int
	nodes    []*node  // the tree of names; nodes[0] is the root
	states   []*state // states[0] is the start
	alts     []setAlternative
	scratch  *sync.Pool // *scratch, shared with the sets that With makes
}

// A setAlternative is an alternative of one of the patterns.
type setAlternative struct {
	pattern int // index of the pattern
	fields  []boundField
}

// A boundField is a field with its node in the tree of names.
type boundField struct {
	field
	node int32
}

// A node is a path in the tree of names.
type node struct {
	children map[string]int32
	wanted   bool // the path of a field: its values are kept
}

// A state is reached by an event for which some fields hold; its edges are the
// fields that may follow.
type state struct {
	accepts []int32         // alternatives whose fields all hold in this state
	edges   map[int32]*edge // by the node of the next field
	nodes   []int32         // the nodes of edges
	absent  []int32         // those of them with a test for an absent value
}

// An edge leads from a state to others by the values at one node.
type edge struct {
	index *index
	next  map[string]int32 // the next state by the text of a field's tests
}

// NewSet compiles patterns into a set. Match returns their indexes in patterns.
func NewSet(patterns []*Pattern) *Set {
	b := newBuilder(&Set{nodes: []*node{{}}, states: []*state{{}}, scratch: &sync.Pool{New: func() any { return newScratch() }}})
	for _, p := range patterns {
		b.add(p)
	}
	return b.set()
}

// With returns a set with one more pattern, whose index is s.Len(). It copies only
// what changes, so it takes far less time than compiling all of them; s stays
// valid.
func (s *Set) With(p *Pattern) *Set {
	b := newBuilder(s)
	b.add(p)
	return b.set()
}

// Len returns the number of patterns.
func (s *Set) Len() int { return s.patterns }

// maxKept is how many bytes of working memory are kept for later events.
const maxKept = 1 << 18

// Match appends to dst the indexes of all patterns that the event matches, each
// once, in ascending order. The event is a JSON object, nested at most 10,000
// levels deep; time and memory are proportional to its size. Errors:
// ErrAmbiguous; all others mean that the event is malformed.
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
