package expr

import (
	"slices"

	"github.com/tablecast/tablecast/item"
)

var (
	errNoPath   = &Error{"The document path provided in the update expression is invalid for update"}
	errType     = &Error{"An operand in the update expression has an incorrect data type"}
	errNoAttr   = &Error{"The provided expression refers to an attribute that does not exist in the item"}
	errItemSize = &Error{"Item size to update has exceeded the maximum allowed size"}
)

// A change is what an action does at its path: it stores a value there, or it
// removes what is there if the value is the zero Value.
type change struct {
	path  Path
	value item.Value
}

// Apply returns the item as the update leaves it. Every path and every right side
// means the item as it was: an index of a list means the element that has it in
// the item, and values that are stored beyond the end of a list are appended in
// the order of their indexes. The item itself is not changed. Errors are of type
// *Error or *item.Error (numbers out of range, more than item.MaxDepth levels).
func (u *Update) Apply(it item.Item) (item.Item, error) {
	changes, err := u.eval(it)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return it, nil
	}
	// No path is the beginning of another one, so that in this order the changes of
	// one value, or of what is in it, are neighbors.
	slices.SortFunc(changes, func(a, b change) int { return a.path.compare(b.path) })
	root, err := rewrite(item.M(it), changes, 0)
	if err != nil {
		return nil, err
	}
	out := root.Map()
	if item.Size(out) > item.MaxSize {
		return nil, errItemSize
	}
	// A value that is not too deep by itself may be so where it was put.
	if err := item.Check(out); err != nil {
		return nil, err
	}
	return out, nil
}

// eval returns what the actions do to an item.
func (u *Update) eval(it item.Item) ([]change, error) {
	changes := make([]change, 0, len(u.sets)+len(u.removes)+len(u.adds)+len(u.deletes))
	stored := 0
	add := func(path Path, v item.Value, err error) error {
		if err != nil {
			return err
		}
		// All values that are stored are in the new item. It is known to be too large
		// before one list that is appended to itself again and again fills the memory.
		if !v.IsZero() {
			stored += v.Size()
		}
		if stored > item.MaxSize {
			return errItemSize
		}
		changes = append(changes, change{path, v})
		return nil
	}
	for _, a := range u.sets {
		v, err := a.rhs.eval(it)
		if err := add(a.path, v, err); err != nil {
			return nil, err
		}
	}
	for _, m := range u.adds {
		v, err := m.sum(it)
		if err := add(m.path, v, err); err != nil {
			return nil, err
		}
	}
	for _, path := range u.removes {
		changes = append(changes, change{path: path})
	}
	for _, m := range u.deletes {
		v, err := m.difference(it)
		if err := add(m.path, v, err); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// rewrite returns v with the changes made. The first depth steps of their paths
// lead to v, and all of them go on from there.
func rewrite(v item.Value, changes []change, depth int) (item.Value, error) {
	named := !changes[0].path[depth].element // as in all of them: conflicts are refused
	switch {
	case named && v.Kind() == item.MapKind:
		return rewriteMap(v.Map(), changes, depth)
	case !named && v.Kind() == item.List:
		return rewriteList(v.List(), changes, depth)
	default:
		return v, errNoPath
	}
}

// rewriteMap is rewrite for a map.
func rewriteMap(m item.Map, changes []change, depth int) (item.Value, error) {
	out := make(item.Map, 0, len(m)+len(changes))
	for len(changes) > 0 {
		var here []change
		here, changes = cut(changes, depth)
		name := here[0].path[depth].name
		for len(m) > 0 && m[0].Name < name {
			out, m = append(out, m[0]), m[1:]
		}
		var old item.Value
		if len(m) > 0 && m[0].Name == name {
			old, m = m[0].Value, m[1:]
		}
		now, err := replace(old, here, depth+1)
		if err != nil {
			return now, err
		}
		if !now.IsZero() {
			out = append(out, item.Field{Name: name, Value: now})
		}
	}
	return item.M(append(out, m...)), nil
}

// rewriteList is rewrite for a list.
func rewriteList(list []item.Value, changes []change, depth int) (item.Value, error) {
	out := make([]item.Value, 0, len(list)+len(changes))
	next := 0 // the first element of the list that is not in out yet
	for len(changes) > 0 {
		var here []change
		here, changes = cut(changes, depth)
		i := min(here[0].path[depth].index, len(list))
		out = append(out, list[next:i]...)
		next = i
		var old item.Value
		if i < len(list) {
			old, next = list[i], i+1
		}
		now, err := replace(old, here, depth+1)
		if err != nil {
			return now, err
		}
		if !now.IsZero() {
			out = append(out, now)
		}
	}
	return item.L(append(out, list[next:]...)...), nil
}

// cut splits off the changes whose paths have the same step at depth as the first.
func cut(changes []change, depth int) (same, rest []change) {
	n := 1
	for n < len(changes) && changes[n].path[depth] == changes[0].path[depth] {
		n++
	}
	return changes[:n], changes[n:]
}

// replace returns what becomes of the value to which the first depth steps of the
// paths lead. The zero Value stands for one that is not there.
func replace(old item.Value, changes []change, depth int) (item.Value, error) {
	if len(changes[0].path) == depth {
		return changes[0].value, nil
	}
	return rewrite(old, changes, depth)
}

// sum returns the value of the action ADD: a sum of numbers, or a union of sets.
func (m modification) sum(it item.Item) (item.Value, error) {
	old, ok := m.path.Get(it)
	switch {
	case !ok:
		return m.value, nil
	case old.Kind() != m.value.Kind():
		return old, errType
	case old.Kind() != item.Number:
		return item.Union(old, m.value), nil
	}
	sum, err := old.Num().Add(m.value.Num())
	if err != nil {
		return old, err
	}
	return sum.Value(), nil
}

// difference returns what the action DELETE leaves of a set, which is the zero
// Value if nothing is left or if there is no set.
func (m modification) difference(it item.Item) (item.Value, error) {
	old, ok := m.path.Get(it)
	switch {
	case !ok:
		return item.Value{}, nil
	case old.Kind() != m.value.Kind():
		return old, errType
	default:
		return item.Difference(old, m.value), nil
	}
}
