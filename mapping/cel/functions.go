package cel

import (
	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/tablecast/tablecast/item"
)

// functions are ours: what two versions of a value do not have in common.
//
//	diff(old, new)     {name: {"old": …, "new": …}} of the names that differ; a side that lacks one leaves it out
//	added(old, new)    the elements of a list or set, or the entries of a map, that only new has
//	removed(old, new)  those that only old has
//
//	list.sum()         the sum of numbers
//
// A side that is null or absent is empty. A list that holds a value twice has it
// twice.
func functions() []gocel.EnvOption {
	dyn := gocel.DynType
	two := func(name string, result *gocel.Type, fn func(a, b ref.Val) ref.Val) gocel.EnvOption {
		return gocel.Function(name, gocel.Overload(name+"_dyn_dyn", []*gocel.Type{dyn, dyn}, result, gocel.BinaryBinding(fn)))
	}
	return []gocel.EnvOption{
		two("diff", gocel.MapType(gocel.StringType, dyn), diff),
		two("added", dyn, func(a, b ref.Val) ref.Val { return without(b, a) }),
		two("removed", dyn, without),
		gocel.Function("sum", gocel.MemberOverload("list_sum", []*gocel.Type{gocel.ListType(dyn)}, dyn, gocel.UnaryBinding(sum))),
	}
}

// sum adds numbers.
func sum(v ref.Val) ref.Val {
	all, ok := elements(v)
	if !ok {
		return types.NewErr("no such overload: sum takes a list")
	}
	var total ref.Val = types.Int(0)
	for _, e := range all {
		if _, isNumber := toNum(e); !isNumber {
			return types.NewErr("no such overload: sum takes a list of numbers")
		}
		if total = operations[0].apply(total, e); types.IsError(total) {
			return total
		}
	}
	return total
}

// present returns what an optional value holds, or null.
func present(v ref.Val) ref.Val {
	o, ok := v.(*types.Optional)
	switch {
	case !ok:
		return v
	case o.HasValue():
		return o.GetValue()
	}
	return types.NullValue
}

func diff(a, b ref.Val) ref.Val {
	a, b = present(a), present(b)
	before, ok := asMap(a)
	after, both := asMap(b)
	if !ok || !both {
		return types.NewErr("no such overload: diff takes two maps")
	}
	var out []item.Field
	for _, f := range before {
		v, has := after.Get(f.Name)
		switch {
		case !has:
			out = append(out, item.Field{Name: f.Name, Value: item.M(item.MapOf(item.Field{Name: "old", Value: f.Value}))})
		case !item.Equal(v, f.Value):
			out = append(out, item.Field{Name: f.Name, Value: item.M(item.MapOf(item.Field{Name: "old", Value: f.Value}, item.Field{Name: "new", Value: v}))})
		}
	}
	for _, f := range after {
		if _, had := before.Get(f.Name); !had {
			out = append(out, item.Field{Name: f.Name, Value: item.M(item.MapOf(item.Field{Name: "new", Value: f.Value}))})
		}
	}
	return mapVal{item.MapOf(out...)}
}

// asMap returns a map of an item; null is an empty one.
func asMap(v ref.Val) (item.Map, bool) {
	if v == types.NullValue {
		return nil, true
	}
	m, ok := v.(mapVal)
	return m.m, ok
}

// without returns what a has and b has not.
func without(a, b ref.Val) ref.Val {
	a, b = present(a), present(b)
	if m, ok := a.(mapVal); ok {
		other, ok := asMap(b)
		if !ok {
			return types.NewErr("no such overload: a map and no map")
		}
		var out item.Map
		for _, f := range m.m {
			if _, has := other.Get(f.Name); !has {
				out = append(out, f)
			}
		}
		return mapVal{out}
	}
	left, ok := elements(a)
	right, both := elements(b)
	if !ok || !both {
		return types.NewErr("no such overload: added and removed take two lists, sets or maps")
	}
	return minus(left, right)
}

// elements returns those of a list; null and an empty map have none.
func elements(v ref.Val) ([]ref.Val, bool) {
	if m, ok := v.(mapVal); v == types.NullValue || ok && len(m.m) == 0 {
		return nil, true
	}
	l, ok := v.(traits.Lister)
	if !ok {
		return nil, false
	}
	var out []ref.Val
	for it := l.Iterator(); it.HasNext() == types.True; {
		out = append(out, it.Next())
	}
	return out, true
}
