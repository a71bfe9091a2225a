package expr

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/item"
)

// A step of a path is the name of an attribute, or the index of an element of a
// list.
type step struct {
	name    string
	index   int
	element bool // the step is an index
}

// A Path leads from an item to an attribute or element in it.
type Path []step

// Root returns the name of the top-level attribute that the path begins with.
func (p Path) Root() string { return p[0].name }

// String writes the path as error texts have it: [a, b, [0]].
func (p Path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = s.name
		if s.element {
			parts[i] = "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// Get returns what the path leads to in the item, if it leads anywhere.
func (p Path) Get(it item.Item) (item.Value, bool) {
	v, ok := it.Get(p[0].name)
	for _, s := range p[1:] {
		if !ok {
			break
		}
		v, ok = s.from(v)
	}
	return v, ok
}

func (s step) from(v item.Value) (item.Value, bool) {
	switch {
	case !s.element && v.Kind() == item.MapKind:
		return v.Map().Get(s.name)
	case s.element && v.Kind() == item.List && s.index < len(v.List()):
		return v.List()[s.index], true
	default:
		return item.Value{}, false
	}
}

// compare orders paths step by step, names by their bytes and list indexes by
// number. A path comes before those that it is the beginning of.
func (p Path) compare(q Path) int {
	return slices.CompareFunc(p, q, func(s, t step) int {
		return cmp.Or(strings.Compare(s.name, t.name), cmp.Compare(s.index, t.index))
	})
}

// overlaps reports whether one path is the beginning of the other.
func (p Path) overlaps(q Path) bool {
	n := min(len(p), len(q))
	return slices.Equal(p[:n], q[:n])
}

// conflicts reports whether the paths use one attribute both as a map and as a
// list.
func (p Path) conflicts(q Path) bool {
	for i := range min(len(p), len(q)) {
		if p[i] != q[i] {
			return p[i].element != q[i].element
		}
	}
	return false
}
