package cel

import (
	"strings"

	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxResult is the most that one call of a function makes in bytes of a text, or
// compares in bytes of values; maxElements is the most elements of a list that it
// makes. What a call costs is counted once it has returned, so these bound it
// before.
const (
	maxResult   = 32 << 20
	maxElements = 2_000_000
)

var (
	errTooLong = types.NewErr("it makes more than %d MiB", maxResult>>20)
	errTooMany = types.NewErr("it makes more than %d elements", maxElements)
)

// bounded replaces functions of the libraries: those that compare each element
// with each other one by others that look elements up, and those that can make
// much of little by others that refuse to.
func bounded() []gocel.EnvOption {
	list := gocel.ListType(gocel.TypeParamType("T"))
	text, texts, dyns := gocel.StringType, gocel.ListType(gocel.StringType), gocel.ListType(gocel.DynType)
	sets := func(name string, fn func(a, b ref.Val) ref.Val) gocel.EnvOption {
		return gocel.Function("sets."+name, gocel.Overload("list_sets_"+name+"_list", []*gocel.Type{list, list}, gocel.BoolType, gocel.BinaryBinding(fn)))
	}
	has := func(name string, fn func(a, b ref.Val) ref.Val) gocel.EnvOption {
		return gocel.Function(name, gocel.MemberOverload("list_"+name+"_list", []*gocel.Type{list, list}, gocel.BoolType, gocel.BinaryBinding(fn)))
	}
	within := func(a, b ref.Val) ref.Val { return containsAll(b, a) }
	same := func(a, b ref.Val) ref.Val {
		if all := containsAll(a, b); all != types.True {
			return all
		}
		return containsAll(b, a)
	}
	return []gocel.EnvOption{
		sets("contains", containsAll), sets("equivalent", same), sets("intersects", containsAny),
		has("hasAll", containsAll), has("hasOnly", within), has("hasExactly", same), has("hasAny", containsAny),
		gocel.Function("distinct", gocel.MemberOverload("list_distinct", []*gocel.Type{list}, list, gocel.UnaryBinding(distinct))),
		gocel.Function("flatten",
			gocel.MemberOverload("list_flatten", []*gocel.Type{gocel.ListType(list)}, list, gocel.UnaryBinding(func(v ref.Val) ref.Val { return flatten(v, types.Int(1)) })),
			gocel.MemberOverload("list_flatten_int", []*gocel.Type{dyns, gocel.IntType}, dyns, gocel.BinaryBinding(flatten)),
			decls.DisableTypeGuards(true)),
		gocel.Function("replace",
			gocel.MemberOverload("string_replace_string_string", []*gocel.Type{text, text, text}, text, gocel.FunctionBinding(replace)),
			gocel.MemberOverload("string_replace_string_string_int", []*gocel.Type{text, text, text, gocel.IntType}, text, gocel.FunctionBinding(replace))),
		gocel.Function("join",
			gocel.MemberOverload("list_join", []*gocel.Type{texts}, text, gocel.UnaryBinding(func(v ref.Val) ref.Val { return join(v, types.String("")) })),
			gocel.MemberOverload("list_join_string", []*gocel.Type{texts, text}, text, gocel.BinaryBinding(join))),
		gocel.Function("split",
			gocel.MemberOverload("string_split_string", []*gocel.Type{text, text}, texts, gocel.FunctionBinding(split)),
			gocel.MemberOverload("string_split_string_int", []*gocel.Type{text, text, gocel.IntType}, texts, gocel.FunctionBinding(split))),
		gocel.Function("format",
			gocel.MemberOverload("string_format", []*gocel.Type{text, dyns}, text, gocel.BinaryBinding(format))),
		gocel.Function(overloads.Matches,
			gocel.Overload(overloads.Matches, []*gocel.Type{text, text}, gocel.BoolType),
			gocel.MemberOverload(overloads.MatchesString, []*gocel.Type{text, text}, gocel.BoolType),
			gocel.SingletonBinaryBinding(matches)),
	}
}

// identities returns the identities of a list's elements.
func (x *identifier) identities(list ref.Val) (map[string]bool, ref.Val) {
	out := map[string]bool{}
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		id, err := x.of(it.Next())
		if err != nil {
			return nil, err
		}
		out[id] = true
	}
	return out, nil
}

// containsAll reports whether each element of sub is one of list.
func containsAll(list, sub ref.Val) ref.Val {
	var x identifier
	have, err := x.identities(list)
	if err != nil {
		return err
	}
	for it := sub.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		id, err := x.of(it.Next())
		if err != nil {
			return err
		}
		if !have[id] {
			return types.False
		}
	}
	return types.True
}

// containsAny reports whether an element of one list is one of the other.
func containsAny(a, b ref.Val) ref.Val {
	var x identifier
	have, err := x.identities(b)
	if err != nil {
		return err
	}
	for it := a.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		id, err := x.of(it.Next())
		if err != nil {
			return err
		}
		if have[id] {
			return types.True
		}
	}
	return types.False
}

// distinct returns the elements of a list, each once, in the order in which they
// first occur.
func distinct(list ref.Val) ref.Val {
	var x identifier
	seen := map[string]bool{}
	out := []ref.Val{}
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		v := it.Next()
		id, err := x.of(v)
		if err != nil {
			return err
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, v)
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

// minus returns the elements of a that b lacks, each as often as b lacks it, or an
// error.
func minus(a, b []ref.Val) ref.Val {
	var x identifier
	have := map[string]int{}
	for _, v := range b {
		id, err := x.of(v)
		if err != nil {
			return err
		}
		have[id]++
	}
	out := []ref.Val{}
	for _, v := range a {
		id, err := x.of(v)
		if err != nil {
			return err
		}
		if have[id] > 0 {
			have[id]--
			continue
		}
		out = append(out, v)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

// flatten replaces lists in a list by their elements, and lists in those, to a
// depth.
func flatten(v, depth ref.Val) ref.Val {
	list, isList := v.(traits.Lister)
	levels, isInt := depth.(types.Int)
	switch {
	case !isList || !isInt:
		return types.MaybeNoSuchOverloadErr(v)
	case levels < 0:
		return types.NewErr("level must be non-negative")
	}
	out := []ref.Val{}
	var add func(list traits.Lister, levels types.Int) bool
	add = func(list traits.Lister, levels types.Int) bool {
		for it := list.Iterator(); it.HasNext() == types.True; {
			e := it.Next()
			if inner, ok := e.(traits.Lister); ok && levels > 0 {
				if !add(inner, levels-1) {
					return false
				}
				continue
			}
			if out = append(out, e); len(out) > maxElements {
				return false
			}
		}
		return true
	}
	if !add(list, levels) {
		return errTooMany
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

// replace replaces a text in a text, all or so many of its occurrences.
func replace(args ...ref.Val) ref.Val {
	s, was, is := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	n := -1
	if len(args) > 3 {
		n = int(args[3].(types.Int))
	}
	times := strings.Count(s, was)
	if n >= 0 {
		times = min(times, n)
	}
	if len(s)+times*(len(is)-len(was)) > maxResult {
		return errTooLong
	}
	return types.String(strings.Replace(s, was, is, n))
}

// join joins the texts of a list.
func join(list, separator ref.Val) ref.Val {
	var out strings.Builder
	first := true
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		e := it.Next()
		s, ok := e.(types.String)
		if !ok {
			return types.NewErr("join: invalid input: %v", e)
		}
		if !first {
			out.WriteString(string(separator.(types.String)))
		}
		first = false
		out.WriteString(string(s))
		if out.Len() > maxResult {
			return errTooLong
		}
	}
	return types.String(out.String())
}
