package pattern

import (
	"slices"
	"sync"
)

// A Set is many patterns compiled into one index. It never changes and may be
// used by many goroutines.
type Set struct {
	root    *node
	alts    []compiled
	absent  []absence // tests for absence, by field
	scratch sync.Pool // *scratch
}

// compiled is an alternative of one of the patterns.
type compiled struct {
	pattern int // index of the pattern
	fields  int // how many fields must be marked
}

// A ref is a field of an alternative.
type ref struct{ alt, field int32 }

// absence is a field that is satisfied if nothing stands at its path.
type absence struct {
	ref
	node *node
}

// A node of the tree of names.
type node struct {
	id       int32
	children map[string]*node
	exact    map[scalar][]ref
	others   []probe
}

// A probe is a test that is not found by its value.
type probe struct {
	ref
	test test
}

// NewSet compiles patterns into a set. Match tells them by their index.
func NewSet(patterns []*Pattern) *Set {
	s := &Set{root: &node{}}
	nodes := int32(1)
	for i, p := range patterns {
		for _, alt := range p.alternatives {
			n := int32(len(s.alts))
			s.alts = append(s.alts, compiled{i, len(alt)})
			for j, f := range alt {
				leaf := s.root
				for _, name := range f.path {
					leaf = leaf.child(name, &nodes)
				}
				s.add(leaf, ref{n, int32(j)}, f.tests)
			}
		}
	}
	s.scratch.New = func() any { return newScratch(s, int(nodes)) }
	return s
}

func (n *node) child(name string, nodes *int32) *node {
	if c := n.children[name]; c != nil {
		return c
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c := &node{id: *nodes}
	*nodes++
	n.children[name] = c
	return c
}

// add indexes the tests of a field at its node.
func (s *Set) add(n *node, r ref, tests []test) {
	for _, t := range tests {
		switch t.op {
		case opExact:
			if n.exact == nil {
				n.exact = map[scalar][]ref{}
			}
			if refs := n.exact[t.value]; !slices.Contains(refs, r) {
				n.exact[t.value] = append(refs, r)
			}
		case opAbsent:
			s.absent = append(s.absent, absence{r, n})
		default:
			n.others = append(n.others, probe{r, t})
		}
	}
}

// Match appends to dst the indexes of all patterns that the event matches, each
// once, in ascending order. The event is a JSON object; an error says that it
// is malformed.
func (s *Set) Match(event []byte, dst []int) ([]int, error) {
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	sc.reset()
	if err := sc.read(s.root, event); err != nil {
		return dst, err
	}
	return sc.matches(s, dst), nil
}

// Match reports whether the event matches the pattern. An error says that the
// event is malformed.
func (p *Pattern) Match(event []byte) (bool, error) {
	var buf [1]int
	found, err := p.set.Match(event, buf[:0])
	return len(found) > 0, err
}
