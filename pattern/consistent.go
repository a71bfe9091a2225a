package pattern

import "slices"

// consistent reports whether for each field, all of which hold by themselves, a
// value can be chosen so that no two of them stand in different elements of one
// array. Errors: ErrAmbiguous.
//
// Where no name is repeated, an element and its array hold values of different
// fields, and so do two arrays in one element. So the most fields that can be
// had from an element is the sum over its own values and its arrays, and from
// an array the best of its elements.
func (sc *scratch) consistent(fields []bound) (bool, error) {
	if len(sc.elements) == 0 || len(fields) < 2 {
		return true, nil
	}
	if sc.repeated {
		return sc.search(fields)
	}
	sc.sum = zero(sc.sum, len(sc.elements))
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
		sc.best[p.array] = max(sc.best[p.array], sc.sum[i])
		switch {
		case !p.first:
		case p.parent >= 0:
			sc.sum[p.parent] += sc.best[p.array]
		default:
			all += sc.best[p.array]
		}
	}
	return all == want, nil
}

// count adds the field to the sums of the elements that hold a value for it,
// and reports whether there are any; otherwise it holds without.
func (sc *scratch) count(f *bound) bool {
	found := false
	for i := sc.at[f.node].first; i >= 0; i = sc.values[i].next {
		if v := &sc.values[i]; v.element >= 0 && f.holds(v.scalar) {
			sc.sum[v.element]++
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

// maxTrials is how many values are tried, for one alternative, in events that
// repeat names.
const maxTrials = 100_000

// tryAll is consistent by trial.
func (sc *scratch) search(fields []bound) (bool, error) {
	sc.chosen = zero(sc.chosen, int(sc.arrays))
	sc.undo, sc.trials = sc.undo[:0], 0
	ok := sc.choose(fields)
	if !ok && sc.trials > maxTrials {
		return false, ErrAmbiguous
	}
	return ok, nil
}

// choose chooses values for the fields that agree with what was chosen before.
func (sc *scratch) choose(fields []bound) bool {
	if len(fields) == 0 {
		return true
	}
	f := &fields[0]
	if sc.at[f.node].first < 0 {
		return sc.choose(fields[1:])
	}
	for i := sc.at[f.node].first; i >= 0 && sc.trials <= maxTrials; i = sc.values[i].next {
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

// stand chooses the element and those around it, unless others were chosen.
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
