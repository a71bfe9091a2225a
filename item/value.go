package item

import (
	"cmp"
	"slices"
	"strings"
)

// A Kind is the data type of an attribute value.
type Kind uint8

// The ten kinds, which DynamoDB calls data types. The zero Kind is that of a Value
// that was never set.
const (
	_ Kind = iota
	String
	Number
	Binary
	Bool
	Null
	MapKind
	List
	StringSet
	NumberSet
	BinarySet
)

var kindNames = [...]string{"", "S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}

// String returns DynamoDB's name of the kind: S, N, B, BOOL, NULL, M, L, SS,
// NS or BS.
func (k Kind) String() string { return kindNames[k] }

// ParseKind is the inverse of Kind.String; it returns 0 for other names.
func ParseKind(name string) Kind {
	if name == "" {
		return 0
	}
	return Kind(max(slices.Index(kindNames[:], name), 0))
}

// IsSet reports whether the kind is SS, NS or BS.
func (k Kind) IsSet() bool { return k >= StringSet }

// element returns the kind of a set's members.
func (k Kind) element() Kind { return k - StringSet + String }

// A Value is one attribute value. The zero Value stands for no value; see IsZero.
type Value struct {
	kind Kind
	bool bool
	str  string  // S, B: the bytes; N: canonical decimal text
	list []Value // L; SS, NS, BS: members in order, unique
	m    Map     // M
}

// S returns a string.
func S(s string) Value { return Value{kind: String, str: s} }

// B returns a binary.
func B(b []byte) Value { return Value{kind: Binary, str: string(b)} }

// N returns a number, or an *Error that says why text is none.
func N(text string) (Value, error) {
	n, err := ParseNumber(text)
	if err != nil {
		return Value{}, err
	}
	return n.Value(), nil
}

// BoolOf returns a boolean.
func BoolOf(b bool) Value { return Value{kind: Bool, bool: b} }

// NullValue returns null.
func NullValue() Value { return Value{kind: Null} }

// L returns a list.
func L(values ...Value) Value { return Value{kind: List, list: values} }

// M returns a map.
func M(m Map) Value { return Value{kind: MapKind, m: m} }

// Set returns a set of the kind (StringSet, NumberSet or BinarySet) with the
// given members, or an *Error if it would be empty or hold a member twice.
func Set(kind Kind, members []Value) (Value, error) {
	if len(members) == 0 {
		return Value{}, errEmptySet(kind)
	}
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, order)
	for i := 1; i < len(sorted); i++ {
		if order(sorted[i-1], sorted[i]) == 0 {
			return Value{}, errDuplicate(members)
		}
	}
	return Value{kind: kind, list: sorted}, nil
}

// Kind returns the value's kind.
func (v Value) Kind() Kind { return v.kind }

// IsZero reports whether v is the zero Value.
func (v Value) IsZero() bool { return v.kind == 0 }

// Str returns the text of an S, the canonical decimal text of an N, or the bytes
// of a B.
func (v Value) Str() string { return v.str }

// Bool returns the truth of a BOOL.
func (v Value) Bool() bool { return v.bool }

// Num returns the number of an N.
func (v Value) Num() Num { return mustNum(v.str) }

// List returns the elements of an L, or the members of a set in order. The
// caller must not change the slice.
func (v Value) List() []Value { return v.list }

// Map returns the attributes of an M.
func (v Value) Map() Map { return v.m }

// Equal reports whether two values are the same: numbers by value, sets
// without regard to order.
func Equal(a, b Value) bool {
	return a.kind == b.kind && a.str == b.str && a.bool == b.bool &&
		slices.EqualFunc(a.list, b.list, Equal) && EqualItems(a.m, b.m)
}

// Compare orders two values of the same kind S, N or B; ok is false for
// others.
func Compare(a, b Value) (c int, ok bool) {
	if a.kind != b.kind || a.kind < String || a.kind > Binary {
		return 0, false
	}
	return order(a, b), true
}

// order compares two values of one kind S, N or B.
func order(a, b Value) int {
	if a.kind == Number && a.str != b.str {
		return a.Num().Cmp(b.Num())
	}
	return strings.Compare(a.str, b.str)
}

// A Field is one attribute of a Map.
type Field struct {
	Name  string
	Value Value
}

// A Map holds attributes in order of their names, each name once. A nil Map is
// empty.
type Map []Field

// An Item is the attributes of one item of a table.
type Item = Map

// MapOf makes a Map of fields in any order. Of several fields with one name it
// keeps the last.
func MapOf(fields ...Field) Map {
	m := slices.Clone(fields)
	slices.SortStableFunc(m, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	out := m[:0]
	for i, f := range m {
		if i+1 < len(m) && m[i+1].Name == f.Name {
			continue
		}
		out = append(out, f)
	}
	return out
}

func (m Map) find(name string) (int, bool) {
	return slices.BinarySearchFunc(m, name, func(f Field, name string) int { return cmp.Compare(f.Name, name) })
}

// Get returns the attribute of that name, if there is one.
func (m Map) Get(name string) (Value, bool) {
	if i, ok := m.find(name); ok {
		return m[i].Value, true
	}
	return Value{}, false
}

// With returns a copy of m in which name has the value v.
func (m Map) With(name string, v Value) Map {
	i, ok := m.find(name)
	if ok {
		out := slices.Clone(m)
		out[i].Value = v
		return out
	}
	out := make(Map, 0, len(m)+1)
	out = append(out, m[:i]...)
	out = append(out, Field{name, v})
	return append(out, m[i:]...)
}

// Without returns a copy of m without the attribute of that name.
func (m Map) Without(name string) Map {
	i, ok := m.find(name)
	if !ok {
		return m
	}
	out := make(Map, 0, len(m)-1)
	out = append(out, m[:i]...)
	return append(out, m[i+1:]...)
}

// EqualItems reports whether two items have equal attributes.
func EqualItems(a, b Item) bool {
	return slices.EqualFunc(a, b, func(x, y Field) bool { return x.Name == y.Name && Equal(x.Value, y.Value) })
}
