package expr_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A changeOracle is one action of an update, and the slow way to its outcome:
// the value that it gives its place, absent if has is false, given the item as it
// was. ok is false if the action cannot be applied.
type changeOracle struct {
	section, text string
	place         placeTerm
	action        expr.Action // the same action, built without text
	apply         func(old item.Item) (v item.Value, has, ok bool)
}

// number returns a number, unless it has more digits than there may be.
func number(r *big.Rat) (v item.Value, has, ok bool) {
	v, err := item.N(r.FloatString(10))
	return v, true, err == nil
}

func rat(v item.Value) *big.Rat {
	r, _ := new(big.Rat).SetString(v.Str())
	return r
}

// path returns the place as other languages than that of expressions build it.
func (p placeTerm) path() expr.Path {
	path := expr.Attribute(p.steps[0].(string))
	for _, s := range p.steps[1:] {
		switch s := s.(type) {
		case string:
			path = path.Field(s)
		case int:
			path = path.Element(s)
		}
	}
	return path
}

// must returns a term that was built of operands that fit it.
func must(e expr.Term, err error) expr.Term {
	if err != nil {
		panic(err)
	}
	return e
}

func (w *words) clone() *words {
	return &words{names: maps.Clone(w.names), values: maps.Clone(w.values)}
}

// genChange draws an action on the place to, which may look at the place from.
func genChange(t *rapid.T, w *words, to, from placeTerm) changeOracle {
	n := item.NumOf(int64(rapid.IntRange(-3, 3).Draw(t, "n"))).Value()
	set := genSet(t)
	place := to.text(w)
	source := func() string { return from.text(w) }
	value := func(v item.Value) string { return valueTerm{v}.text(w) }
	literal := func(v item.Value) expr.Term { return expr.Just(expr.Literal(v)) }
	read := expr.Just(expr.At(from.path()))
	switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).Draw(t, "action") {
	case 0, 1, 2:
		v := genValue(t, 1)
		return changeOracle{"SET", place + " = " + value(v), to, expr.Set(to.path(), literal(v)), func(item.Item) (item.Value, bool, bool) { return v, true, true }}
	case 3:
		return changeOracle{"SET", place + " = " + source(), to, expr.Set(to.path(), read), func(old item.Item) (item.Value, bool, bool) {
			v, ok := from.value(old)
			return v, true, ok
		}}
	case 4:
		sign := rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign")
		sum := must(expr.Arithmetic(sign, read, literal(n)))
		return changeOracle{"SET", place + " = " + source() + " " + sign + " " + value(n), to, expr.Set(to.path(), sum), func(old item.Item) (item.Value, bool, bool) {
			v, ok := from.value(old)
			if !ok || v.Kind() != item.Number {
				return v, false, false
			}
			if sign == "-" {
				return number(new(big.Rat).Sub(rat(v), rat(n)))
			}
			return number(new(big.Rat).Add(rat(v), rat(n)))
		}}
	case 5:
		term := expr.IfNotExists(from.path(), literal(n))
		return changeOracle{"SET", place + " = if_not_exists(" + source() + ", " + value(n) + ")", to, expr.Set(to.path(), term), func(old item.Item) (item.Value, bool, bool) {
			if v, ok := from.value(old); ok {
				return v, true, true
			}
			return n, true, true
		}}
	case 6:
		more := item.L(n, set)
		term := must(expr.ListAppend(literal(more), read))
		return changeOracle{"SET", place + " = list_append(" + value(more) + ", " + source() + ")", to, expr.Set(to.path(), term), func(old item.Item) (item.Value, bool, bool) {
			v, ok := from.value(old)
			if !ok || v.Kind() != item.List {
				return v, false, false
			}
			return item.L(append(slices.Clone(more.List()), v.List()...)...), true, true
		}}
	case 7, 8:
		return changeOracle{"REMOVE", place, to, expr.Remove(to.path()), func(item.Item) (item.Value, bool, bool) { return item.Value{}, false, true }}
	case 9:
		return changeOracle{"ADD", place + " " + value(n), to, expr.Add(to.path(), n), func(old item.Item) (item.Value, bool, bool) {
			v, ok := to.value(old)
			switch {
			case !ok:
				return n, true, true
			case v.Kind() != item.Number:
				return v, false, false
			default:
				return number(new(big.Rat).Add(rat(v), rat(n)))
			}
		}}
	case 10:
		return changeOracle{"ADD", place + " " + value(set), to, expr.Add(to.path(), set), func(old item.Item) (item.Value, bool, bool) {
			v, ok := to.value(old)
			switch {
			case !ok:
				return set, true, true
			case v.Kind() != set.Kind():
				return v, false, false
			}
			members := slices.Clone(v.List())
			for _, e := range set.List() {
				if !slices.ContainsFunc(members, func(m item.Value) bool { return same(m, e) }) {
					members = append(members, e)
				}
			}
			return setOf(t, set.Kind(), members), true, true
		}}
	default:
		return changeOracle{"DELETE", place + " " + value(set), to, expr.Delete(to.path(), set), func(old item.Item) (item.Value, bool, bool) {
			v, ok := to.value(old)
			switch {
			case !ok:
				return v, false, true
			case v.Kind() != set.Kind():
				return v, false, false
			}
			members := slices.DeleteFunc(slices.Clone(v.List()), func(m item.Value) bool {
				return slices.ContainsFunc(set.List(), func(e item.Value) bool { return same(m, e) })
			})
			if len(members) == 0 {
				return v, false, true
			}
			return setOf(t, set.Kind(), members), true, true
		}}
	}
}

func setOf(t *rapid.T, kind item.Kind, members []item.Value) item.Value {
	v, err := item.Set(kind, members)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func genSet(t *rapid.T) item.Value {
	if rapid.Bool().Draw(t, "numbers") {
		return setOf(t, item.NumberSet, []item.Value{item.NumOf(1).Value(), item.NumOf(int64(rapid.IntRange(2, 4).Draw(t, "member"))).Value()})
	}
	return setOf(t, item.StringSet, []item.Value{item.S("a"), item.S(rapid.SampledFrom([]string{"b", "c"}).Draw(t, "member"))})
}

// genNested draws a value of the kinds that actions are about: numbers, sets, and
// maps and lists that hold such values.
func genNested(t *rapid.T, depth int) item.Value {
	kinds := []int{0, 1, 2, 3, 3, 4, 4, 4, 4}
	if depth == 0 {
		kinds = kinds[:3]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case 0:
		return item.NumOf(int64(rapid.IntRange(-5, 5).Draw(t, "number"))).Value()
	case 1:
		return genSet(t)
	case 2:
		return genValue(t, 1)
	case 3:
		var m item.Map
		for _, name := range []string{"a", "b", "c"} {
			if rapid.Bool().Draw(t, "has "+name) {
				m = m.With(name, genNested(t, depth-1))
			}
		}
		return item.M(m)
	default:
		var list []item.Value
		for range rapid.SampledFrom([]int{0, 1, 2, 3, 4}).Draw(t, "length") {
			list = append(list, genNested(t, depth-1))
		}
		return item.L(list...)
	}
}

// genRow draws an item.
func genRow(t *rapid.T) item.Item {
	var out item.Item
	for _, name := range []string{"a", "b", "c"} {
		if rapid.IntRange(0, 5).Draw(t, "has "+name) > 0 {
			out = out.With(name, genNested(t, 3))
		}
	}
	return out
}

// Turns of a drawn place: on into what is there, or not.
const (
	goOn = iota
	stop
	anyName
	anyIndex
)

var turns = slices.Concat(slices.Repeat([]int{goOn}, 14), slices.Repeat([]int{stop}, 4), []int{anyName, anyIndex})

// genTarget draws a place in an item: one that is there, one that could be there,
// which may be far beyond the end of a list, or rarely one that cannot be.
func genTarget(t *rapid.T, it item.Item) placeTerm {
	name := func() string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name") }
	p := placeTerm{[]any{name()}}
	for range 3 {
		v, ok := p.value(it)
		turn := rapid.SampledFrom(turns).Draw(t, "turn")
		switch {
		case turn == anyName:
			p.steps = append(p.steps, name())
		case turn == anyIndex:
			p.steps = append(p.steps, 1)
		case turn == stop || !ok:
			return p
		case v.Kind() == item.MapKind:
			p.steps = append(p.steps, name())
		case v.Kind() == item.List:
			p.steps = append(p.steps, rapid.IntRange(0, len(v.List())+3).Draw(t, "index"))
		default:
			return p
		}
	}
	return p
}

// beside draws a place in one of the lists and maps that p leads through.
func (p placeTerm) beside(t *rapid.T) placeTerm {
	i := len(p.steps) - 1 - rapid.IntRange(0, len(p.steps)-1).Draw(t, "step")
	steps := slices.Clone(p.steps)
	if rapid.Bool().Draw(t, "short") {
		steps = steps[:i+1]
	}
	switch s := steps[i].(type) {
	case int:
		steps[i] = max(0, s+rapid.SampledFrom([]int{-2, -1, 1, 2, 3}).Draw(t, "distance"))
	default:
		steps[i] = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	}
	return placeTerm{steps}
}

// apart reports whether two actions may be about both places in one update.
func apart(p, q placeTerm) bool {
	for i := range min(len(p.steps), len(q.steps)) {
		if p.steps[i] != q.steps[i] {
			_, a := p.steps[i].(string)
			_, b := q.steps[i].(string)
			return a == b
		}
	}
	return false
}

// write writes the update with its sections, and the actions of each, in any order.
func write(t *rapid.T, changes []changeOracle) string {
	bySection := map[string][]string{}
	for _, c := range changes {
		bySection[c.section] = append(bySection[c.section], c.text)
	}
	var parts []string
	for _, section := range rapid.Permutation([]string{"SET", "REMOVE", "ADD", "DELETE"}).Draw(t, "sections") {
		if actions := bySection[section]; actions != nil {
			parts = append(parts, section+" "+strings.Join(rapid.Permutation(actions).Draw(t, section), ", "))
		}
	}
	return strings.Join(parts, " ")
}

// An update, written as text or built of its actions as PartiQL and the legacy
// parameters are, does what the oracle does, or fails where it cannot be applied:
// all paths and all right sides mean the item as it was.
func TestUpdatesAgreeWithOracle(t *testing.T) {
	seen := map[string]int{}
	check := func(t *rapid.T) {
		w := &words{names: expr.Names{}, values: expr.Values{}}
		old := genRow(t)
		root, ok := spotOf(item.M(old)), true
		var changes []changeOracle
		var actions []expr.Action
		forgiving := rapid.IntRange(0, 3).Draw(t, "forgiving") > 0 // leaves out actions that cannot be applied
		for range rapid.IntRange(1, 10).Draw(t, "actions") {
			to := genTarget(t, old)
			if n := len(changes); n > 0 && rapid.Bool().Draw(t, "beside the last") {
				to = changes[n-1].place.beside(t)
			}
			if slices.ContainsFunc(changes, func(c changeOracle) bool { return !apart(c.place, to) }) {
				continue
			}
			unused := w.clone()
			c := genChange(t, w, to, genTarget(t, old))
			v, has, fits := c.apply(old)
			fits = fits && root.do(to.steps, v, has)
			if !fits && forgiving {
				w = unused
				continue
			}
			if _, was := to.value(old); fits && c.section == "DELETE" && was && !has {
				seen["sets that are emptied"]++
			}
			ok = ok && fits
			changes, actions = append(changes, c), append(actions, c.action)
		}
		if len(changes) == 0 {
			return
		}
		text := write(t, changes)
		shown := fmt.Sprintf("%s with %v, %v\non %s", text, w.names, w.values, item.AppendJSON(nil, old))
		parsed, err := expr.NewParser(w.names, w.values).Update(text)
		if err != nil {
			t.Fatalf("%s: %v", shown, err)
		}
		built, err := expr.NewUpdate(rapid.Permutation(actions).Draw(t, "actions")...)
		if err != nil {
			t.Fatalf("%s: %v", shown, err)
		}
		for _, u := range []*expr.Update{parsed, built} {
			got, err := u.Apply(old)
			switch {
			case ok != (err == nil):
				t.Fatalf("%s: %v, want success %t", shown, err, ok)
			case ok && !same(item.M(got), root.now()):
				t.Fatalf("%s\nis %s\nwant %s", shown, item.AppendJSON(nil, got), item.AppendJSON(nil, root.now().Map()))
			}
		}
		root.count(ok, seen)
	}
	for range 150 {
		rapid.Check(t, check)
	}
	t.Log(seen)
	if all := seen["applied"] + seen["failed"]; min(seen["applied"], seen["failed"]) < all/6 {
		t.Errorf("%d updates applied, %d failed: the generator proves little", seen["applied"], seen["failed"])
	}
	for _, kind := range []string{"several values beyond the end of a list", "removals before values beyond the end", "sets that are emptied", "changes inside elements beside removed ones"} {
		if seen[kind] < 20 {
			t.Errorf("%s: %d times: the generator proves little", kind, seen[kind])
		}
	}
}
