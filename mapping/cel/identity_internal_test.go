package cel

import (
	"math"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/item"
)

// genVal draws values of CEL of which many are equal, by one form or several.
func genVal(depth int) *rapid.Generator[ref.Val] {
	number := func(text string) ref.Val {
		v, err := item.N(text)
		if err != nil {
			panic(err)
		}
		return Of(v)
	}
	at := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	leaf := rapid.SampledFrom([]ref.Val{
		types.String(""), types.String("1"), types.String("MQ=="), types.Bytes("1"), types.Bytes(""), types.Int(1), types.Double(1), types.Uint(1), number("1.0"), number("0.5"),
		types.Double(0.5), types.Double(1e300), types.Double(math.Inf(1)), number("12345678901234567890.5"), number("12345678901234567890"), types.Int(0), types.Double(0),
		types.True, types.False, types.NullValue, types.Timestamp{Time: at}, types.Timestamp{Time: at.In(time.FixedZone("x", 3600))}, types.Timestamp{Time: at.Add(1)},
		types.Duration{Duration: 1}, types.StringType, types.IntType, types.OptionalNone, types.OptionalOf(types.Int(1)), Of(item.L()), OfItem(nil), types.NewRefValList(types.DefaultTypeAdapter, nil),
	})
	if depth == 0 {
		return leaf
	}
	nested := rapid.SliceOfN(genVal(depth-1), 0, 2)
	return rapid.OneOf(leaf,
		rapid.Map(nested, func(v []ref.Val) ref.Val { return types.NewRefValList(types.DefaultTypeAdapter, v) }),
		rapid.Map(nested, func(v []ref.Val) ref.Val {
			m := map[ref.Val]ref.Val{}
			for i, e := range v {
				m[types.String(rune('a'+i))] = e
			}
			return types.NewRefValMap(types.DefaultTypeAdapter, m)
		}),
		rapid.Just(OfItem(item.MapOf(item.Field{Name: "a", Value: item.L(item.B([]byte("1")))}))),
		rapid.Just(Of(item.L(item.B([]byte("1")), item.M(nil)))),
	)
}

// Two values have one identity if and only if CEL says that they are equal.
func TestIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genVal(2).Draw(t, "a"), genVal(2).Draw(t, "b")
		var x identifier
		one, err := x.of(a)
		other, bad := x.of(b)
		if err != nil || bad != nil {
			t.Fatal(err, bad)
		}
		if equal := types.Equal(a, b) == types.True; equal != (one == other) {
			t.Errorf("equal %v, but identities %q and %q", equal, one, other)
		}
	})
}

// Functions that look elements up say what comparing each element with each other
// one says.
func TestLookups(t *testing.T) {
	has := func(list []ref.Val, v ref.Val) bool {
		for _, e := range list {
			if types.Equal(e, v) == types.True {
				return true
			}
		}
		return false
	}
	lists := rapid.SliceOfN(genVal(1), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		a, b := lists.Draw(t, "a"), lists.Draw(t, "b")
		all, any := true, false
		for _, v := range b {
			all, any = all && has(a, v), any || has(a, v)
		}
		left, right := types.NewRefValList(types.DefaultTypeAdapter, a), types.NewRefValList(types.DefaultTypeAdapter, b)
		if got := containsAll(left, right); got != types.Bool(all) {
			t.Errorf("containsAll is %v", got)
		}
		if got := containsAny(left, right); got != types.Bool(any) {
			t.Errorf("containsAny is %v", got)
		}
		var once []ref.Val
		for _, v := range a {
			if !has(once, v) {
				once = append(once, v)
			}
		}
		if got := distinct(left).(traits.Lister); types.Equal(got, types.NewRefValList(types.DefaultTypeAdapter, once)) != types.True {
			t.Errorf("distinct is %v", got)
		}
	})
}

// What has no identity, as it equals nothing, is told.
func TestNoIdentity(t *testing.T) {
	var x identifier
	if _, err := x.of(types.Double(math.NaN())); err == nil {
		t.Error("NaN has an identity")
	}
}
