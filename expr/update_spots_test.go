package expr_test

import (
	"maps"
	"slices"

	"github.com/tablecast/tablecast/item"
)

// A spot is a value of an item as it was, with what actions say becomes of it and
// of what is in it. No action changes the tree of spots itself, so that each finds
// the item as it was, in whatever order they come.
type spot struct {
	value   item.Value
	fields  map[string]*spot
	list    []*spot
	beyond  map[int]item.Value // what is stored beyond the end of the list
	missing bool               // not there, before or after
}

func spotOf(v item.Value) *spot {
	s := &spot{value: v, fields: map[string]*spot{}, beyond: map[int]item.Value{}}
	for _, f := range v.Map() {
		s.fields[f.Name] = spotOf(f.Value)
	}
	if v.Kind() == item.List {
		for _, e := range v.List() {
			s.list = append(s.list, spotOf(e))
		}
	}
	return s
}

// do notes that the action gives the place the value, or removes it. It reports
// whether there can be such a place in the item as it was.
func (s *spot) do(steps []any, v item.Value, has bool) bool {
	var next *spot
	name, named := steps[0].(string)
	index, _ := steps[0].(int)
	switch {
	case named && s.value.Kind() != item.MapKind, !named && s.value.Kind() != item.List:
		return false
	case named:
		next = s.fields[name]
	case index < len(s.list):
		next = s.list[index]
	}
	if len(steps) > 1 {
		return next != nil && next.do(steps[1:], v, has)
	}
	switch {
	case next != nil:
		*next = *spotOf(v)
		next.missing = !has
	case has && named:
		s.fields[name] = spotOf(v)
	case has:
		s.beyond[index] = v
	}
	return true
}

// now returns the value after all actions.
func (s *spot) now() item.Value {
	switch s.value.Kind() {
	case item.MapKind:
		var m item.Map
		for name, f := range s.fields {
			if !f.missing {
				m = m.With(name, f.now())
			}
		}
		return item.M(m)
	case item.List:
		var list []item.Value
		for _, e := range s.list {
			if !e.missing {
				list = append(list, e.now())
			}
		}
		for _, i := range slices.Sorted(maps.Keys(s.beyond)) {
			list = append(list, s.beyond[i])
		}
		return item.L(list...)
	default:
		return s.value
	}
}

// count counts updates by outcome, and what those that were applied did to lists.
func (s *spot) count(ok bool, seen map[string]int) {
	if !ok {
		seen["failed"]++
		return
	}
	seen["applied"]++
	s.countLists(seen)
}

func (s *spot) countLists(seen map[string]int) {
	removed, inside := false, false
	for i, e := range s.list {
		removed = removed || e.missing
		inside = inside || !e.missing && i < len(s.value.List()) && !same(e.now(), s.value.List()[i])
		e.countLists(seen)
	}
	for _, f := range s.fields {
		f.countLists(seen)
	}
	if len(s.beyond) > 1 {
		seen["several values beyond the end of a list"]++
	}
	if removed && len(s.beyond) > 0 {
		seen["removals before values beyond the end"]++
	}
	if removed && inside {
		seen["changes inside elements beside removed ones"]++
	}
}
