package mapping

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
	"github.com/tablecast/tablecast/stream"
)

// A path that is read without CEL is what CEL makes of it.
func TestPathsAgreeWithCEL(t *testing.T) {
	number := func(text string) item.Value {
		v, err := item.N(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	leaf := rapid.SampledFrom([]item.Value{
		item.S("x"), number("1"), number("1.5"), number("12345678901234567890.5"), item.BoolOf(true), item.NullValue(), item.B([]byte("b")),
		item.L(), item.L(item.S("y"), item.L(number("2"))), item.M(nil),
	})
	var value func(depth int) *rapid.Generator[item.Value]
	value = func(depth int) *rapid.Generator[item.Value] {
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf,
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(v []item.Value) item.Value { return item.L(v...) }),
			rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), value(depth-1), 0, 2), func(m map[string]item.Value) item.Value {
				var fields []item.Field
				for n, v := range m {
					fields = append(fields, item.Field{Name: n, Value: v})
				}
				return item.M(item.MapOf(fields...))
			}))
	}
	rapid.Check(t, func(t *rapid.T) {
		source := "new" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{".a", ".b", "[0]", "[1]", ".?a", ".?b", "[?0]", `["a"]`, `[?"b"]`}), 0, 4).Draw(t, "path"), "")
		e, err := Scope{}.compile(source, cel.Any)
		if err != nil {
			return // as [0] of the item itself
		}
		image := value(3).Draw(t, "item").Map()
		c := &change{set: &Set{}, record: &stream.Record{New: image, Time: time.Unix(0, 0)}}
		fast := show(e, c)
		slow := show(&Expression{source: e.source, cel: e.cel}, c)
		if fast != slow {
			t.Fatalf("%s of %s: %s, and by CEL %s", source, item.AppendPlainItem(nil, image), fast, slow)
		}
	})
}

// show is what an expression gives: JSON, absent or an error.
func show(e *Expression, c *change) string {
	v, err := e.value(c)
	switch {
	case err != nil:
		return "error"
	case v.absent():
		return "absent"
	}
	out, err := cel.AppendJSON(nil, v.toCEL(), 1<<20, false)
	if err != nil {
		return "error"
	}
	return string(out)
}
