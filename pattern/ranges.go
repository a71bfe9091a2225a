package pattern

import (
	"cmp"
	"math"
	"slices"
)

// ranges finds the numeric ranges that hold a number. They are in order of
// their lower ends; top is the highest upper end in the part of the list of
// which the interval is the middle, so that a search passes over parts that end
// too low.
type ranges []interval

type interval struct {
	low, high limit
	top       float64
	next      int32
}

func newInterval(t *test, next int32) interval {
	v := interval{low: t.low, high: t.high, next: next}
	if !v.low.set {
		v.low.at = math.Inf(-1)
	}
	if !v.high.set {
		v.high.at = math.Inf(1)
	}
	return v
}

// order sorts the list, which find needs.
func (r ranges) order() {
	slices.SortStableFunc(r, func(a, b interval) int { return cmp.Compare(a.low.at, b.low.at) })
	r.tops()
}

func (r ranges) tops() float64 {
	if len(r) == 0 {
		return math.Inf(-1)
	}
	mid := len(r) / 2
	r[mid].top = max(r[mid].high.at, r[:mid].tops(), r[mid+1:].tops())
	return r[mid].top
}

// find follows the ranges that contain the canonical number.
func (r ranges) find(sc *scratch, canon string) {
	if len(r) == 0 {
		return
	}
	if f, ok := comparableNumber(canon); ok {
		r.findFloat(sc, f)
	}
}

func (r ranges) findFloat(sc *scratch, f float64) {
	if len(r) == 0 {
		return
	}
	mid := len(r) / 2
	v := &r[mid]
	if f > v.top {
		return
	}
	r[:mid].findFloat(sc, f)
	if f < v.low.at {
		return
	}
	if within(v.low, v.high, f) {
		sc.followOne(v.next)
	}
	r[mid+1:].findFloat(sc, f)
}

// within reports whether f lies between the limits.
func within(low, high limit, f float64) bool {
	if low.set && (f < low.at || f == low.at && !low.closed) {
		return false
	}
	return !high.set || f < high.at || f == high.at && high.closed
}
