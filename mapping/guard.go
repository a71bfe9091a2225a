package mapping

import (
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/tablecast/tablecast/item"
)

// A guard is one of a definition's conditions, in the order in which they are
// asked.
type guard int

const (
	passes guard = iota // all hold
	guardOn
	guardEntity
	guardChanged
	guardAdded
	guardRemoved
	guardMatch
	guardIf
)

// A Transition is a path whose value changes, from one of some values to one of
// some others; none of them stands for any.
type Transition struct {
	Path     Path
	From, To []item.Value
}

// check returns the first guard that does not hold. On is not asked: the set
// has the definitions by kind.
func (d *definition) check(c *change) (guard, error) {
	c.cost = 0
	if d.Entity != "" && d.Entity != c.entity {
		return guardEntity, nil
	}
	if len(d.Changed) > 0 && !slices.ContainsFunc(d.Changed, func(t Transition) bool { return t.holds(c) }) {
		return guardChanged, nil
	}
	if len(d.Added) > 0 && !slices.ContainsFunc(d.Added, func(p Path) bool { return c.gains(p, false) }) {
		return guardAdded, nil
	}
	if len(d.Removed) > 0 && !slices.ContainsFunc(d.Removed, func(p Path) bool { return c.gains(p, true) }) {
		return guardRemoved, nil
	}
	if d.matchAt >= 0 {
		if ok, err := c.matches(d.matchAt); !ok {
			return guardMatch, at("match", err)
		}
	}
	if d.If != nil {
		if ok, err := d.If.holds(c); !ok {
			return guardIf, at("if", err)
		}
	}
	return passes, nil
}

// holds reports whether the value at the path changed as the transition says.
func (t *Transition) holds(c *change) bool {
	if !c.differs(t.Path.root()) {
		return false
	}
	before, had := t.Path.value(c.record.Old)
	after, has := t.Path.value(c.record.New)
	if had == has && (!had || item.Equal(before, after)) {
		return false
	}
	return among(t.From, before) && among(t.To, after)
}

// among reports whether a value is one of those wanted; an absent value is as
// null.
func among(wanted []item.Value, v item.Value) bool {
	if v.IsZero() {
		v = item.NullValue()
	}
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w item.Value) bool { return item.Equal(w, v) })
}

// gains reports whether the path leads to something in the new image that was
// not there in the old one: a value, a member of a map, an element of a list or
// set; with back, to something in the old image that is not in the new one.
func (c *change) gains(p Path, back bool) bool {
	if !c.differs(p.root()) {
		return false
	}
	from, to := c.record.Old, c.record.New
	if back {
		from, to = to, from
	}
	before, had := p.value(from)
	after, has := p.value(to)
	if !had || !has {
		return has
	}
	if after.Kind() == item.MapKind {
		return slices.ContainsFunc(after.Map(), func(f item.Field) bool { _, was := before.Map().Get(f.Name); return !was })
	}
	return exceeds(after.List(), before.List())
}

// exceeds reports whether an element of a is not in b, or is there less often.
// It takes time in proportion to the size of both: an element is looked up by
// its binary form, which equal values share and no others.
func exceeds(a, b []item.Value) bool {
	if len(a) > len(b) {
		return true
	}
	count := make(map[string]int, len(b))
	var key []byte
	for _, v := range b {
		key = item.AppendBinary(key[:0], item.Item{{Value: v}})
		count[string(key)]++
	}
	for _, v := range a {
		key = item.AppendBinary(key[:0], item.Item{{Value: v}})
		if count[string(key)] == 0 {
			return true
		}
		count[string(key)]--
	}
	return false
}

// holds evaluates a condition.
func (e *Expression) holds(c *change) (bool, error) {
	v, err := e.value(c)
	if err != nil {
		return false, err
	}
	switch {
	case v.cel == types.True, v.item.Kind() == item.Bool && v.item.Bool():
		return true, nil
	case v.cel == types.False, v.item.Kind() == item.Bool, v.absent():
		return false, nil
	}
	return false, e.fail(c, errNotBool)
}
