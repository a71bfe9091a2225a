package expr_test

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// The oracle evaluates conditions in the slow and obvious way: on trees that
// were never text, with values that it compares through big decimals and bytes.
type (
	term interface {
		text(w *words) string
		value(it item.Item) (item.Value, bool)
	}
	placeTerm struct{ steps []any } // names and indexes
	valueTerm struct{ v item.Value }
	sizeTerm  struct{ of term }

	condition interface {
		text(w *words) string
		holds(it item.Item) bool
	}
	compareCond struct {
		op   string
		a, b term
	}
	betweenCond struct{ v, low, high term }
	inCond      struct {
		v    term
		list []term
	}
	functionCond struct {
		name string
		at   placeTerm
		arg  term
	}
	joinedCond struct {
		op   string
		a, b condition
	}
	notCond struct{ c condition }
)

// words collect the names and values of a text. parens, if not nil, says whether
// the next operand stands in parentheses.
type words struct {
	names  expr.Names
	values expr.Values
	parens func() bool
}

// operand returns the text of an operand, in parentheses or not.
func (w *words) operand(text string) string {
	if w.parens != nil && w.parens() {
		return "(" + text + ")"
	}
	return text
}

func (w *words) name(n string) string {
	key := fmt.Sprintf("#n%d", len(w.names))
	w.names[key] = n
	return key
}

func (p placeTerm) text(w *words) string {
	var b strings.Builder
	for i, s := range p.steps {
		switch s := s.(type) {
		case string:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(w.name(s))
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		}
	}
	return w.operand(b.String())
}

func (p placeTerm) value(it item.Item) (item.Value, bool) {
	v, ok := item.M(it), true
	for _, s := range p.steps {
		switch s := s.(type) {
		case string:
			if v.Kind() != item.MapKind {
				return item.Value{}, false
			}
			v, ok = v.Map().Get(s)
		case int:
			if v.Kind() != item.List || s >= len(v.List()) {
				return item.Value{}, false
			}
			v = v.List()[s]
		}
		if !ok {
			return item.Value{}, false
		}
	}
	return v, true
}

func (v valueTerm) text(w *words) string {
	key := fmt.Sprintf(":v%d", len(w.values))
	w.values[key] = v.v
	return w.operand(key)
}

func (v valueTerm) value(item.Item) (item.Value, bool) { return v.v, true }

func (s sizeTerm) text(w *words) string { return w.operand("size(" + s.of.text(w) + ")") }

func (s sizeTerm) value(it item.Item) (item.Value, bool) {
	v, ok := s.of.value(it)
	if !ok {
		return v, false
	}
	n := 0
	switch v.Kind() {
	case item.String:
		n = len(utf16.Encode([]rune(v.Str())))
	case item.Binary:
		n = len(v.Str())
	case item.MapKind:
		n = len(v.Map())
	case item.List, item.StringSet, item.NumberSet, item.BinarySet:
		n = len(v.List())
	default:
		return v, false
	}
	return item.NumOf(int64(n)).Value(), true
}

// order compares two values; ok says whether they have an order.
func order(a, b item.Value) (c int, ok bool) {
	if a.Kind() != b.Kind() {
		return 0, false
	}
	switch a.Kind() {
	case item.Number:
		x, _ := new(big.Rat).SetString(a.Str())
		y, _ := new(big.Rat).SetString(b.Str())
		return x.Cmp(y), true
	case item.String, item.Binary:
		return bytes.Compare([]byte(a.Str()), []byte(b.Str())), true
	default:
		return 0, false
	}
}

// same reports whether two values are equal.
func same(a, b item.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case item.Bool:
		return a.Bool() == b.Bool()
	case item.Null:
		return true
	case item.MapKind:
		return len(a.Map()) == len(b.Map()) && !slices.ContainsFunc(a.Map(), func(f item.Field) bool {
			v, ok := b.Map().Get(f.Name)
			return !ok || !same(f.Value, v)
		})
	case item.List:
		return slices.EqualFunc(a.List(), b.List(), same)
	case item.StringSet, item.NumberSet, item.BinarySet:
		return len(a.List()) == len(b.List()) && !slices.ContainsFunc(a.List(), func(v item.Value) bool {
			return !slices.ContainsFunc(b.List(), func(w item.Value) bool { return same(v, w) })
		})
	default:
		c, _ := order(a, b)
		return c == 0
	}
}

func (c compareCond) text(w *words) string { return c.a.text(w) + " " + c.op + " " + c.b.text(w) }

func (c compareCond) holds(it item.Item) bool {
	a, okA := c.a.value(it)
	b, okB := c.b.value(it)
	both := okA && okB
	switch c.op {
	case "=":
		return both && same(a, b)
	case "<>":
		return !both || !same(a, b)
	}
	n, ok := order(a, b)
	return both && ok && map[string]bool{"<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[c.op]
}

func (c betweenCond) text(w *words) string {
	return c.v.text(w) + " BETWEEN " + c.low.text(w) + " AND " + c.high.text(w)
}

func (c betweenCond) holds(it item.Item) bool {
	return compareCond{">=", c.v, c.low}.holds(it) && compareCond{"<=", c.v, c.high}.holds(it)
}

func (c inCond) text(w *words) string {
	out := c.v.text(w) + " IN ("
	for i, e := range c.list {
		if i > 0 {
			out += ", "
		}
		out += e.text(w)
	}
	return out + ")"
}

func (c inCond) holds(it item.Item) bool {
	return slices.ContainsFunc(c.list, func(e term) bool { return compareCond{"=", c.v, e}.holds(it) })
}

func (c functionCond) text(w *words) string {
	if c.arg == nil {
		return c.name + "(" + c.at.text(w) + ")"
	}
	return c.name + "(" + c.at.text(w) + ", " + c.arg.text(w) + ")"
}

func (c functionCond) holds(it item.Item) bool {
	v, ok := c.at.value(it)
	switch c.name {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	arg, _ := c.arg.value(it)
	if !ok {
		return false
	}
	switch c.name {
	case "attribute_type":
		return v.Kind().String() == arg.Str()
	case "begins_with":
		return v.Kind() == arg.Kind() && strings.HasPrefix(v.Str(), arg.Str())
	default: // contains
		if v.Kind() == item.String || v.Kind() == item.Binary {
			return v.Kind() == arg.Kind() && strings.Contains(v.Str(), arg.Str())
		}
		return slices.ContainsFunc(v.List(), func(e item.Value) bool { return same(e, arg) })
	}
}

func (c joinedCond) text(w *words) string {
	return "(" + c.a.text(w) + ") " + c.op + " (" + c.b.text(w) + ")"
}

func (c joinedCond) holds(it item.Item) bool {
	if c.op == "AND" {
		return c.a.holds(it) && c.b.holds(it)
	}
	return c.a.holds(it) || c.b.holds(it)
}

func (c notCond) text(w *words) string    { return "NOT (" + c.c.text(w) + ")" }
func (c notCond) holds(it item.Item) bool { return !c.c.holds(it) }

// Generators. They draw from few names and values, so that conditions often
// find something.

func genValue(t *rapid.T, depth int) item.Value {
	number := func() item.Value {
		v, _ := item.N(rapid.SampledFrom([]string{"0", "-1", "1", "1.0", "10", "0.1", "1e1", "-0.10", "99999999999999999999999999999999999999"}).Draw(t, "number"))
		return v
	}
	text := func() string {
		return rapid.SampledFrom([]string{"", "a", "ab", "b", "ba", "ü", "😀", "a😀"}).Draw(t, "text")
	}
	set := func(kind item.Kind, one func() item.Value) item.Value {
		var members []item.Value
		for range rapid.IntRange(1, 3).Draw(t, "members") {
			if v := one(); !slices.ContainsFunc(members, func(w item.Value) bool { return same(v, w) }) {
				members = append(members, v)
			}
		}
		v, err := item.Set(kind, members)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	kinds := 7
	if depth > 0 {
		kinds = 9
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return item.S(text())
	case 1:
		return number()
	case 2:
		return item.B([]byte(text()))
	case 3:
		return item.BoolOf(rapid.Bool().Draw(t, "bool"))
	case 4:
		return item.NullValue()
	case 5:
		return set(item.StringSet, func() item.Value { return item.S(text()) })
	case 6:
		return set(item.NumberSet, number)
	case 7:
		return item.M(genItem(t, depth-1))
	default:
		list := make([]item.Value, rapid.IntRange(0, 3).Draw(t, "elements"))
		for i := range list {
			list[i] = genValue(t, depth-1)
		}
		return item.L(list...)
	}
}

func genItem(t *rapid.T, depth int) item.Item {
	var out item.Item
	for _, name := range []string{"a", "b", "and"} {
		if rapid.Bool().Draw(t, "has "+name) {
			out = out.With(name, genValue(t, depth))
		}
	}
	return out
}

func genPlace(t *rapid.T) placeTerm {
	names := []string{"a", "b", "and"}
	steps := []any{rapid.SampledFrom(names).Draw(t, "root")}
	for range rapid.IntRange(0, 2).Draw(t, "steps") {
		if rapid.Bool().Draw(t, "by name") {
			steps = append(steps, rapid.SampledFrom(names).Draw(t, "name"))
		} else {
			steps = append(steps, rapid.IntRange(0, 2).Draw(t, "index"))
		}
	}
	return placeTerm{steps}
}

// genOrdered draws a value that may be compared by order.
func genOrdered(t *rapid.T) valueTerm {
	for {
		if v := genValue(t, 0); v.Kind() <= item.Binary {
			return valueTerm{v}
		}
	}
}

func genCondition(t *rapid.T, depth int) condition {
	kinds := 5
	if depth > 0 {
		kinds = 8
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "condition") {
	case 0:
		op := rapid.SampledFrom([]string{"=", "<>"}).Draw(t, "op")
		return compareCond{op, genPlace(t), valueTerm{genValue(t, 1)}}
	case 1:
		op := rapid.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(t, "op")
		if rapid.Bool().Draw(t, "size") {
			of := term(genPlace(t))
			if rapid.IntRange(0, 3).Draw(t, "of a value") == 0 {
				of = valueTerm{rapid.SampledFrom([]item.Value{item.S("ab"), item.S("😀"), item.B([]byte("ü")), item.L(item.S("a"))}).Draw(t, "sized")}
			}
			return compareCond{op, sizeTerm{of}, valueTerm{item.NumOf(int64(rapid.IntRange(0, 3).Draw(t, "n"))).Value()}}
		}
		return compareCond{op, genPlace(t), genOrdered(t)}
	case 2:
		low, high := genOrdered(t), genOrdered(t)
		if c, ok := order(low.v, high.v); !ok {
			high = low
		} else if c > 0 {
			low, high = high, low
		}
		return betweenCond{genPlace(t), low, high}
	case 3:
		list := []term{valueTerm{genValue(t, 0)}, valueTerm{genValue(t, 0)}}
		return inCond{genPlace(t), list}
	case 4:
		name := rapid.SampledFrom([]string{"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"}).Draw(t, "function")
		var arg term
		switch name {
		case "attribute_type":
			arg = valueTerm{item.S(rapid.SampledFrom([]string{"S", "N", "L", "SS", "M", "NULL"}).Draw(t, "type"))}
		case "begins_with":
			arg = valueTerm{item.S(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "prefix"))}
		case "contains":
			arg = genOrdered(t)
		}
		return functionCond{name, genPlace(t), arg}
	case 5:
		return notCond{genCondition(t, depth-1)}
	case 6:
		return joinedCond{"AND", genCondition(t, depth-1), genCondition(t, depth-1)}
	default:
		return joinedCond{"OR", genCondition(t, depth-1), genCondition(t, depth-1)}
	}
}

// A condition that is written as text, parsed and matched says what the oracle
// says of the tree.
func TestConditionsAgreeWithOracle(t *testing.T) {
	held, all := 0, 0
	check := func(t *rapid.T) {
		c := genCondition(t, 3)
		w := &words{names: expr.Names{}, values: expr.Values{}, parens: func() bool { return rapid.IntRange(0, 3).Draw(t, "parens") == 0 }}
		text := c.text(w)
		p := expr.NewParser(w.names, w.values)
		parsed, err := p.Condition("ConditionExpression", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for range 5 {
			it := genItem(t, 3)
			want := c.holds(it)
			if got := parsed.Match(it); got != want {
				t.Fatalf("%s with %v, %v\non %s\nis %t, want %t", text, w.names, w.values, item.AppendJSON(nil, it), got, want)
			}
			all++
			if want {
				held++
			}
		}
	}
	for range 30 {
		rapid.Check(t, check)
	}
	if held < all/10 || held > all*9/10 {
		t.Errorf("%d of %d conditions held: the generator proves little", held, all)
	}
}
