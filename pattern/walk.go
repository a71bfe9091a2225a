package pattern

import "errors"

// ErrAmbiguous says that an event repeats names around arrays so often that it
// takes too many trials to find out which of them belong together.
var ErrAmbiguous = errors.New("pattern: the event repeats names around arrays too often")

// A run is the way of one event through the automaton. Each state is entered
// at most once, so the time is in proportion to the states that the event
// reaches.
type traversal struct {
	event    int64   // serial number
	entered  []int64 // by state: the last event that entered it
	todo     []int32 // states entered and not left
	accepted []int32 // alternatives of which each field holds by itself
	sum      []int32 // by place, for consistent
	best     []int32 // by array, for consistent
	chosen   []int32 // by array: the element that trials have chosen, plus 1
	undo     []int32 // arrays in order of choice
	trials   int
}

func (r *traversal) reset(s *Set) {
	r.event++
	for len(r.entered) < len(s.states) {
		r.entered = append(r.entered, 0)
	}
	r.todo, r.accepted = r.todo[:0], r.accepted[:0]
}

func (sc *scratch) followOne(next int32) {
	if sc.entered[next] != sc.event {
		sc.entered[next] = sc.event
		sc.todo = append(sc.todo, next)
	}
}

func (sc *scratch) follow(next []int32) {
	for _, n := range next {
		sc.followOne(n)
	}
}

// try hands on the states of the tests that the value passes.
func (sc *scratch) try(probes []probe, v scalar) {
	for i := range probes {
		if p := &probes[i]; sc.entered[p.next] != sc.event && p.test.holds(v) {
			sc.followOne(p.next)
		}
	}
}

// walk enters all states that the values lead to.
func (sc *scratch) walk() {
	sc.followOne(0)
	for len(sc.todo) > 0 {
		last := len(sc.todo) - 1
		s := sc.set.states[sc.todo[last]]
		sc.todo = sc.todo[:last]
		sc.accepted = append(sc.accepted, s.accepts...)
		nodes := s.nodes
		if len(sc.used) < len(nodes) {
			nodes = sc.used
		}
		for _, n := range nodes {
			sc.cross(s.edges[n], n)
		}
		for _, n := range s.absent {
			if sc.at[n].first < 0 {
				sc.follow(s.edges[n].index.absent)
			}
		}
	}
}

// cross follows an edge on each value of its node.
func (sc *scratch) cross(e *edge, n int32) {
	if e == nil {
		return
	}
	for i := sc.at[n].first; i >= 0; i = sc.values[i].next {
		e.index.find(sc, sc.values[i].scalar)
	}
}
