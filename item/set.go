package item

// Union returns the set of the members of a and b, which are sets of one kind.
// It takes time in proportion to the members of both.
func Union(a, b Value) Value {
	members := make([]Value, 0, len(a.list)+len(b.list))
	x, y := a.list, b.list
	for len(x) > 0 && len(y) > 0 {
		c := order(x[0], y[0])
		if c <= 0 {
			members, x = append(members, x[0]), x[1:]
		} else {
			members = append(members, y[0])
		}
		if c >= 0 {
			y = y[1:]
		}
	}
	return Value{kind: a.kind, list: append(append(members, x...), y...)}
}

// Difference returns the set of the members of a that are not in b, which are
// sets of one kind, or the zero Value if there are none. It takes time in
// proportion to the members of both.
func Difference(a, b Value) Value {
	members := make([]Value, 0, len(a.list))
	y := b.list
	for _, m := range a.list {
		c := 1
		for len(y) > 0 {
			if c = order(y[0], m); c >= 0 {
				break
			}
			c, y = 1, y[1:]
		}
		if c > 0 {
			members = append(members, m)
		}
	}
	if len(members) == 0 {
		return Value{}
	}
	return Value{kind: a.kind, list: members}
}
