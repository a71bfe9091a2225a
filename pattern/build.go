package pattern

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// A builder makes a set from another one, whose nodes, states and edges it copies
// before it changes them; the fresh maps say which it has copied or made.
type builder struct {
	Set
	freshNodes  map[int32]bool
	freshStates map[int32]bool
	freshEdges  map[*edge]bool
}

func newBuilder(from *Set) *builder {
	b := &builder{Set: *from, freshNodes: map[int32]bool{}, freshStates: map[int32]bool{}, freshEdges: map[*edge]bool{}}
	b.nodes, b.states, b.alts = slices.Clone(from.nodes), slices.Clone(from.states), slices.Clip(from.alts)
	return b
}

// set returns the finished set.
func (b *builder) set() *Set {
	for e := range b.freshEdges {
		e.index.ranges.order()
	}
	s := b.Set
	return &s
}

// add puts the alternatives of a pattern into the automaton.
func (b *builder) add(p *Pattern) {
	for _, alt := range p.alternatives {
		fields := make([]boundField, len(alt))
		for i, f := range alt {
			fields[i] = boundField{f, b.node(f.path)}
		}
		at := int32(0)
		for _, f := range sequence(fields) {
			at = b.step(at, f)
		}
		s := b.state(at)
		s.accepts = append(slices.Clip(s.accepts), int32(len(b.alts)))
		b.alts = append(b.alts, setAlternative{b.patterns, fields})
	}
	b.patterns++
}

// sequence returns the fields in the order in which the automaton checks them: the
// most selective first, and those that are looked up before those that are tried.
func sequence(fields []boundField) []boundField {
	out := slices.Clone(fields)
	slices.SortStableFunc(out, func(a, b boundField) int {
		return cmp.Or(cmp.Compare(a.cost(), b.cost()), cmp.Compare(len(a.tests), len(b.tests)), slices.Compare(a.path, b.path))
	})
	return out
}

// cost ranks a field by its least selective test.
func (f *field) cost() int {
	worst := 0
	for i := range f.tests {
		switch f.tests[i].op {
		case opExact, opFold:
		case opNumeric:
			worst = max(worst, 2)
		case opNot, opPresent, opAbsent:
			worst = max(worst, 3)
		default:
			worst = max(worst, 1)
		}
	}
	return worst
}

// node returns the node at a path, and makes it wanted.
func (b *builder) node(path []string) int32 {
	at := int32(0)
	for _, name := range path {
		next, found := b.nodes[at].children[name]
		if !found {
			next = int32(len(b.nodes))
			b.nodes = append(b.nodes, &node{})
			b.freshNodes[next] = true
			b.ownNode(at).children[name] = next
		}
		at = next
	}
	if !b.nodes[at].wanted {
		b.ownNode(at).wanted = true
	}
	return at
}

func (b *builder) ownNode(id int32) *node {
	if !b.freshNodes[id] {
		n := *b.nodes[id]
		n.children = maps.Clone(n.children)
		b.nodes[id], b.freshNodes[id] = &n, true
	}
	n := b.nodes[id]
	if n.children == nil {
		n.children = map[string]int32{}
	}
	return n
}

// state returns a state that may be changed.
func (b *builder) state(id int32) *state {
	if !b.freshStates[id] {
		s := *b.states[id]
		s.edges = maps.Clone(s.edges)
		s.nodes, s.absent = slices.Clip(s.nodes), slices.Clip(s.absent)
		b.states[id], b.freshStates[id] = &s, true
	}
	return b.states[id]
}

// step returns the state that follows if the field holds.
func (b *builder) step(at int32, f boundField) int32 {
	tests := f.String()
	if e := b.states[at].edges[f.node]; e != nil {
		if next, found := e.next[tests]; found {
			return next
		}
	}
	next := int32(len(b.states))
	b.states = append(b.states, &state{})
	b.freshStates[next] = true
	s := b.state(at)
	e := b.edge(s, f.node)
	e.next[tests] = next
	for i := range f.tests {
		e.index.add(&f.tests[i], next)
		if f.tests[i].op == opAbsent && !slices.Contains(s.absent, f.node) {
			s.absent = append(s.absent, f.node)
		}
	}
	return next
}

// edge returns the edge of a fresh state at a node, which may be changed.
func (b *builder) edge(s *state, node int32) *edge {
	e := s.edges[node]
	if b.freshEdges[e] {
		return e
	}
	if e == nil {
		e = &edge{index: &index{}, next: map[string]int32{}}
		s.nodes = append(s.nodes, node)
	} else {
		e = &edge{index: e.index.clone(), next: maps.Clone(e.next)}
	}
	if s.edges == nil {
		s.edges = map[int32]*edge{}
	}
	s.edges[node], b.freshEdges[e] = e, true
	return e
}

// String returns the tests of the field as text; equal tests have equal texts.
func (f *field) String() string {
	var b strings.Builder
	for i := range f.tests {
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString(f.tests[i].String())
	}
	return b.String()
}
