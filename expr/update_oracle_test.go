package expr_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// A changeOracle is one action of an update, and the slow way to its outcome:
// the new value of its attribute, absent if has is false, given the item as it
// was. ok is false if the action cannot be applied.
type changeOracle struct {
	section, text string
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

// genChange draws an action on the attribute to, which may look at from.
func genChange(t *rapid.T, w *words, to, from string) changeOracle {
	n := item.NumOf(int64(rapid.IntRange(-3, 3).Draw(t, "n"))).Value()
	set := genSet(t)
	place := w.name(to)
	source := func() string { return w.name(from) }
	value := func(v item.Value) string { return valueTerm{v}.text(w) }
	always := func(v item.Value) func(item.Item) (item.Value, bool, bool) {
		return func(item.Item) (item.Value, bool, bool) { return v, true, true }
	}
	switch rapid.IntRange(0, 8).Draw(t, "action") {
	case 0:
		v := genValue(t, 1)
		return changeOracle{"SET", place + " = " + value(v), always(v)}
	case 1, 2:
		sign := rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign")
		return changeOracle{"SET", place + " = " + source() + " " + sign + " " + value(n), func(old item.Item) (item.Value, bool, bool) {
			v, ok := old.Get(from)
			if !ok || v.Kind() != item.Number {
				return v, false, false
			}
			if sign == "-" {
				return number(new(big.Rat).Sub(rat(v), rat(n)))
			}
			return number(new(big.Rat).Add(rat(v), rat(n)))
		}}
	case 3:
		return changeOracle{"SET", place + " = if_not_exists(" + source() + ", " + value(n) + ")", func(old item.Item) (item.Value, bool, bool) {
			if v, ok := old.Get(from); ok {
				return v, true, true
			}
			return n, true, true
		}}
	case 4:
		more := item.L(n, set)
		return changeOracle{"SET", place + " = list_append(" + value(more) + ", " + source() + ")", func(old item.Item) (item.Value, bool, bool) {
			v, ok := old.Get(from)
			if !ok || v.Kind() != item.List {
				return v, false, false
			}
			return item.L(append(slices.Clone(more.List()), v.List()...)...), true, true
		}}
	case 5:
		return changeOracle{"REMOVE", place, func(item.Item) (item.Value, bool, bool) { return item.Value{}, false, true }}
	case 6:
		return changeOracle{"ADD", place + " " + value(n), func(old item.Item) (item.Value, bool, bool) {
			v, ok := old.Get(to)
			switch {
			case !ok:
				return n, true, true
			case v.Kind() != item.Number:
				return v, false, false
			default:
				return number(new(big.Rat).Add(rat(v), rat(n)))
			}
		}}
	case 7:
		return changeOracle{"ADD", place + " " + value(set), func(old item.Item) (item.Value, bool, bool) {
			v, ok := old.Get(to)
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
		return changeOracle{"DELETE", place + " " + value(set), func(old item.Item) (item.Value, bool, bool) {
			v, ok := old.Get(to)
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

// genRow draws an item whose attributes are of the kinds that actions are about.
func genRow(t *rapid.T) item.Item {
	var out item.Item
	for _, name := range []string{"a", "b", "c"} {
		var v item.Value
		switch rapid.IntRange(0, 4).Draw(t, "value of "+name) {
		case 0:
			continue
		case 1:
			v = item.NumOf(int64(rapid.IntRange(-5, 5).Draw(t, "number"))).Value()
		case 2:
			v = genSet(t)
		case 3:
			v = item.L(item.S("first"))
		default:
			v = genValue(t, 1)
		}
		out = out.With(name, v)
	}
	return out
}

// An update that is written as text, parsed and applied does what the oracle
// does, or fails where it cannot be applied; all actions see the item as it was.
func TestUpdatesAgreeWithOracle(t *testing.T) {
	applied, failed := 0, 0
	check := func(t *rapid.T) {
		w := &words{expr.Names{}, expr.Values{}}
		bySection := map[string][]string{}
		var changes []changeOracle
		names := []string{"a", "b", "c"}
		for _, to := range names[:rapid.IntRange(1, 3).Draw(t, "actions")] {
			c := genChange(t, w, to, rapid.SampledFrom(names).Draw(t, "from"))
			changes = append(changes, c)
			bySection[c.section] = append(bySection[c.section], c.text)
		}
		var parts []string
		for section, actions := range bySection {
			parts = append(parts, section+" "+strings.Join(actions, ", "))
		}
		text := strings.Join(parts, " ")
		old := genRow(t)
		want, ok := old, true
		for i, c := range changes {
			v, has, fits := c.apply(old)
			ok = ok && fits
			if has {
				want = want.With(names[i], v)
			} else {
				want = want.Without(names[i])
			}
		}
		u, err := expr.NewParser(w.names, w.values).Update(text)
		var got item.Item
		if err == nil {
			got, err = u.Apply(old)
		}
		shown := fmt.Sprintf("%s with %v, %v\non %s", text, w.names, w.values, item.AppendJSON(nil, old))
		switch {
		case ok != (err == nil):
			t.Fatalf("%s: %v, want success %t", shown, err, ok)
		case ok && !same(item.M(got), item.M(want)):
			t.Fatalf("%s\nis %s\nwant %s", shown, item.AppendJSON(nil, got), item.AppendJSON(nil, want))
		}
		if ok {
			applied++
		} else {
			failed++
		}
	}
	for range 30 {
		rapid.Check(t, check)
	}
	if all := applied + failed; min(applied, failed) < all/6 {
		t.Errorf("%d updates applied, %d failed: the generator proves little", applied, failed)
	}
}
