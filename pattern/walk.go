package pattern

import "errors"

// ErrAmbiguous means that an event repeats member names around arrays so often that
// the search for values of one element takes too many steps.
var ErrAmbiguous = errors.New("pattern: the event repeats names around arrays too often")

// A traversal is the way of one event through the automaton. Each state is entered
// at most once, so the time is proportional to the number of states that the event
// reaches.
type traversal struct {
	event    int64   // serial number
	entered  []int64 // by state: the last event that entered it
	pending  []int32 // states entered whose edges were not followed so far
	accepted []int32 // alternatives whose fields all hold, each by itself
	sums     []int32 // by element, for consistent
	best     []int32 // by array, for consistent
	chosen   []int32 // by array: the element that the search has chosen, plus 1; 0 for none
	undo     []int32 // arrays in the order in which their elements were chosen
	trials   int
}

func (r *traversal) reset(s *Set) {
	r.event++
	for len(r.entered) < len(s.states) {
		r.entered = append(r.entered, 0)
	}
	r.pending, r.accepted = r.pending[:0], r.accepted[:0]
}

func (sc *scratch) followOne(next int32) {
	if sc.entered[next] != sc.event {
		sc.entered[next] = sc.event
		sc.pending = append(sc.pending, next)
	}
}

func (sc *scratch) follow(next []int32) {
	for _, n := range next {
		sc.followOne(n)
	}
}

// try follows the probes whose tests the value passes.
func (sc *scratch) try(probes []probe, v scalar) {
	for i := range probes {
		if p := &probes[i]; sc.entered[p.next] != sc.event && p.test.holds(v) {
			sc.followOne(p.next)
		}
	}
}

// walk enters all states that the event reaches.
func (sc *scratch) walk() {
	sc.followOne(0)
	for len(sc.pending) > 0 {
		last := len(sc.pending) - 1
		s := sc.set.states[sc.pending[last]]
		sc.pending = sc.pending[:last]
		sc.accepted = append(sc.accepted, s.accepts...)
		nodes := s.nodes
		if len(sc.valued) < len(nodes) {
			nodes = sc.valued
		}
		for _, n := range nodes {
			sc.cross(s.edges[n], n)
		}
		for _, n := range s.absent {
			if sc.nodeStates[n].first < 0 {
				sc.follow(s.edges[n].index.absent)
			}
		}
	}
}

// cross follows an edge for each value of its node.
func (sc *scratch) cross(e *edge, n int32) {
	if e == nil {
		return
	}
	for i := sc.nodeStates[n].first; i >= 0; i = sc.values[i].next {
		e.index.find(sc, sc.values[i].scalar)
	}
}
