package mapping_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// genElement draws values of which many are equal, or nearly.
func genElement(depth int) *rapid.Generator[item.Value] {
	number := func(text string) item.Value {
		v, err := item.N(text)
		if err != nil {
			panic(err)
		}
		return v
	}
	leaf := rapid.SampledFrom([]item.Value{
		item.S(""), item.S("1"), item.S("MQ=="), item.B([]byte("1")), number("1"), number("1.0"), number("10e-1"), number("1.5"), number("-0"), number("0"),
		item.BoolOf(true), item.BoolOf(false), item.NullValue(), item.L(), item.M(nil),
	})
	if depth == 0 {
		return leaf
	}
	nested := rapid.SliceOfN(genElement(depth-1), 0, 2)
	return rapid.OneOf(leaf, rapid.Map(nested, func(v []item.Value) item.Value { return item.L(v...) }), rapid.Map(nested, func(v []item.Value) item.Value {
		var fields []item.Field
		for i, e := range v {
			fields = append(fields, item.Field{Name: string(rune('a' + i)), Value: e})
		}
		return item.M(item.MapOf(fields...))
	}))
}

// genCollection draws lists, sets, and now and then something that is neither.
func genCollection() *rapid.Generator[item.Value] {
	lists := rapid.Map(rapid.SliceOfN(genElement(2), 0, 6), func(v []item.Value) item.Value { return item.L(v...) })
	sets := rapid.Map(rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 1, 5, rapid.ID[int]), func(list []int) item.Value {
		var members []item.Value
		for _, n := range list {
			members = append(members, item.NumOf(int64(n)).Value())
		}
		set, err := item.Set(item.NumberSet, members)
		if err != nil {
			panic(err)
		}
		return set
	})
	return rapid.OneOf(lists, lists, sets, genElement(2))
}

// lacks is what added: means, element by element: something is in after that is
// not in before, or more often.
func lacks(before, after item.Value) bool {
	if after.Kind() == item.MapKind {
		return slices.ContainsFunc(after.Map(), func(f item.Field) bool { _, was := before.Map().Get(f.Name); return !was })
	}
	rest := slices.Clone(before.List())
	for _, e := range after.List() {
		i := slices.IndexFunc(rest, func(x item.Value) bool { return item.Equal(x, e) })
		if i < 0 {
			return true
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return false
}

// added: and removed: say of all collections what comparing each element with
// each other one says.
func TestAddedAndRemoved(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	set := mapping.NewSet([]mapping.Definition{
		{Name: "Added", Added: paths(t, "list"), Detail: object(t)}, {Name: "Removed", Removed: paths(t, "list"), Detail: object(t)},
	}, options)
	rapid.Check(t, func(t *rapid.T) {
		before := genCollection().Draw(t, "before")
		after := genCollection().Draw(t, "after")
		if list := before.List(); len(list) > 0 && rapid.Bool().Draw(t, "of the same elements") {
			after = item.L(rapid.OneOf(rapid.Permutation(list), rapid.SliceOfN(rapid.SampledFrom(list), 0, len(list))).Draw(t, "elements")...)
		}
		with := func(v item.Value) item.Item {
			return item.MapOf(item.Field{Name: "id", Value: item.S("u")}, item.Field{Name: "list", Value: v})
		}
		events, err := set.Apply(record(st, with(before), with(after)), all)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, e := range events {
			got[e.Definition] = true
		}
		if want := lacks(before, after); got["Added"] != want {
			t.Errorf("added is %v, want %v", got["Added"], want)
		}
		if want := lacks(after, before); got["Removed"] != want {
			t.Errorf("removed is %v, want %v", got["Removed"], want)
		}
	})
}

// reversed is a change of the largest list of numbers that an item can hold, to
// the same numbers in reverse.
func reversed(t testing.TB, n int) *stream.Record {
	numbers := make([]item.Value, n)
	for i := range numbers {
		numbers[i] = item.NumOf(int64(i)).Value()
	}
	was := item.MapOf(item.Field{Name: "id", Value: item.S("u")}, item.Field{Name: "list", Value: item.L(slices.Clone(numbers)...)})
	slices.Reverse(numbers)
	return record(newStream(t, stream.NewAndOldImages), was, was.With("list", item.L(numbers...)))
}

// One change cannot occupy the relay of its table: the largest collections are
// compared in a moment.
func TestLargeCollections(t *testing.T) {
	const most = 80_000 // numbers, in 400 KB
	r := reversed(t, most)
	begin := time.Now()
	if got := details(t, r, mapping.Definition{Name: "E", Added: paths(t, "list"), Detail: object(t)}); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("%d numbers took %s", most, took)
	}
}

func BenchmarkAdded(b *testing.B) {
	set := mapping.NewSet([]mapping.Definition{{Name: "E", Added: paths(b, "list"), Detail: object(b)}}, mapping.Options{})
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r := reversed(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if events, err := set.Apply(r, all); err != nil || len(events) != 0 {
					b.Fatal(events, err)
				}
			}
		})
	}
}
