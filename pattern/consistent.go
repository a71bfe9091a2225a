package pattern

import "slices"

// consistent reports whether a value can be chosen for each field, all of which
// hold by themselves, so that no two values are in different elements of one
// array. Errors: ErrAmbiguous.
//
// If no name is repeated, an element and the arrays in it contain values of
// different fields, and so do two arrays in one element. So the number of fields
// that an element can satisfy is the sum over its own values and its arrays, and
// that of an array is the maximum over its elements.
func (sc *scratch) consistent(fields []boundField) (bool, error) {
	if len(sc.elements) == 0 || len(fields) < 2 {
		return true, nil
	}
	if sc.repeated {
		return sc.search(fields)
	}
	sc.sums = zero(sc.sums, len(sc.elements))
	sc.best = zero(sc.best, int(sc.arrays))
	want, all := int32(0), int32(0)
	for i := range fields {
		if sc.count(&fields[i]) {
			want++
		}
	}
	if want < 2 {
		return true, nil
	}
	for i := len(sc.elements) - 1; i >= 0; i-- {
		p := sc.elements[i]
		sc.best[p.array] = max(sc.best[p.array], sc.sums[i])
		switch {
		case !p.first:
		case p.parent >= 0:
			sc.sums[p.parent] += sc.best[p.array]
		default:
			all += sc.best[p.array]
		}
	}
	return all == want, nil
}

// count adds the field to the sums of the elements that contain a value for it, and
// reports whether there are any; if not, the field holds independently of arrays.
func (sc *scratch) count(f *boundField) bool {
	found := false
	for i := sc.nodeStates[f.node].first; i >= 0; i = sc.values[i].next {
		if v := &sc.values[i]; v.element >= 0 && f.holds(v.scalar) {
			sc.sums[v.element]++
			found = true
		}
	}
	return found
}

// holds reports whether a present value passes one of the field's tests.
func (f *field) holds(v scalar) bool {
	return slices.ContainsFunc(f.tests, func(t test) bool { return t.holds(v) })
}

func zero(list []int32, n int) []int32 {
	list = slices.Grow(list[:0], n)[:n]
	clear(list)
	return list
}

// maxTrials is how many values the search tries, for one alternative.
const maxTrials = 100_000

// search is consistent by backtracking, for events that repeat names.
func (sc *scratch) search(fields []boundField) (bool, error) {
	sc.chosen = zero(sc.chosen, int(sc.arrays))
	sc.undo, sc.trials = sc.undo[:0], 0
	ok := sc.choose(fields)
	if !ok && sc.trials > maxTrials {
		return false, ErrAmbiguous
	}
	return ok, nil
}

// choose chooses values for the fields that are consistent with the elements chosen
// before.
func (sc *scratch) choose(fields []boundField) bool {
	if len(fields) == 0 {
		return true
	}
	f := &fields[0]
	if sc.nodeStates[f.node].first < 0 {
		return sc.choose(fields[1:])
	}
	for i := sc.nodeStates[f.node].first; i >= 0 && sc.trials <= maxTrials; i = sc.values[i].next {
		sc.trials++
		v := &sc.values[i]
		if !f.holds(v.scalar) {
			continue
		}
		before := len(sc.undo)
		if sc.chooseElement(v.element) && sc.choose(fields[1:]) {
			return true
		}
		for _, array := range sc.undo[before:] {
			sc.chosen[array] = 0
		}
		sc.undo = sc.undo[:before]
	}
	return false
}

// chooseElement chooses the element and those around it; false if others of their
// arrays were chosen before.
func (sc *scratch) chooseElement(element int32) bool {
	for ; element >= 0; element = sc.elements[element].parent {
		array := sc.elements[element].array
		switch sc.chosen[array] {
		case 0:
			sc.chosen[array] = element + 1
			sc.undo = append(sc.undo, array)
		case element + 1:
		default:
			return false
		}
	}
	return true
}
