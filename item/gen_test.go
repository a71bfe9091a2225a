package item

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// genNumber draws the text of a valid number in one of its many notations.
func genNumber(t *rapid.T) string {
	digits := rapid.StringMatching(`[0-9]{1,38}`).Draw(t, "digits")
	exp := rapid.IntRange(-90, 80).Draw(t, "exp")
	sign := rapid.SampledFrom([]string{"", "-", "+"}).Draw(t, "sign")
	switch rapid.IntRange(0, 2).Draw(t, "form") {
	case 0:
		return sign + digits
	case 1:
		i := rapid.IntRange(0, len(digits)).Draw(t, "point")
		return sign + digits[:i] + "." + digits[i:]
	default:
		return fmt.Sprintf("%s%sE%d", sign, digits, exp)
	}
}

func genScalar(t *rapid.T) Value {
	switch rapid.IntRange(0, 2).Draw(t, "scalar") {
	case 0:
		return S(rapid.String().Draw(t, "s"))
	case 1:
		return B(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "b"))
	default:
		v, err := N(genNumber(t))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func genValue(t *rapid.T, depth int) Value {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0, 1, 2:
		return genScalar(t)
	case 3:
		return BoolOf(rapid.Bool().Draw(t, "bool"))
	case 4:
		return NullValue()
	case 5:
		first := genScalar(t)
		members := []Value{first}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			if v := genScalar(t); v.Kind() == first.Kind() && !contains(members, v) {
				members = append(members, v)
			}
		}
		set, err := Set(first.Kind()-String+StringSet, members)
		if err != nil {
			t.Fatal(err)
		}
		return set
	case 6:
		var list []Value
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			list = append(list, genValue(t, depth-1))
		}
		return L(list...)
	default:
		return M(genItem(t, depth-1))
	}
}

func genItem(t *rapid.T, depth int) Item {
	var fields []Field
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		name := strings.ToValidUTF8(rapid.StringN(1, 6, -1).Draw(t, "name"), "?")
		fields = append(fields, Field{name, genValue(t, depth)})
	}
	return MapOf(fields...)
}

func contains(values []Value, v Value) bool {
	for _, w := range values {
		if Equal(v, w) {
			return true
		}
	}
	return false
}
