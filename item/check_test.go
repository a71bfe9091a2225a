package item

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json"
)

// nested returns a value in n lists.
func nested(v Value, n int) Value {
	for range n {
		v = L(v)
	}
	return v
}

// Check passes exactly what the readers of stored items and of wire JSON accept.
func TestCheck(t *testing.T) {
	set, err := Set(StringSet, []Value{S("a")})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		v    Value
		want error
	}{
		"deepest":           {nested(S("x"), MaxDepth-1), nil},
		"deepest, a set":    {nested(set, MaxDepth-1), nil},
		"deepest, no value": {nested(M(nil), MaxDepth-1), nil},
		"too deep":          {nested(S("x"), MaxDepth), errDepth},
		"too deep in a map": {M(MapOf(Field{"b", nested(S("x"), MaxDepth-1)})), errDepth},
		"never set":         {Value{}, errNoType},
		"never set within":  {L(S("x"), M(MapOf(Field{Name: "b"}))), errNoType},
	} {
		it := MapOf(Field{"a", c.v})
		if err := Check(it); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want != nil {
			continue
		}
		if _, err := DecodeBinary(AppendBinary(nil, it)); err != nil {
			t.Errorf("%s: read as stored: %v", name, err)
		}
		if err := json.Unmarshal(AppendJSON(nil, it), new(Item)); err != nil {
			t.Errorf("%s: read as wire JSON: %v", name, err)
		}
	}
}
