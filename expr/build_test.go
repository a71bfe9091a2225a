package expr

import (
	"reflect"
	"testing"

	"github.com/tablecast/tablecast/item"
)

// must returns v, which cannot be wrong.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// What is built is what is parsed.
func TestBuiltConditions(t *testing.T) {
	vals := values(t)
	v := func(name string) Operand { return Literal(vals[name]) }
	city, age := At(Attribute("addr").Field("city")), At(Attribute("age"))
	ok := must[*Condition](t)
	for src, built := range map[string]*Condition{
		`age >= :n`:                        ok(Compare(">=", age, v(":n"))),
		`addr.city BETWEEN :a AND :s`:      ok(Between(city, v(":a"), v(":s"))),
		`age IN (:n, :n2)`:                 ok(In(age, v(":n"), v(":n2"))),
		`attribute_exists(addr.street[1])`: Exists(Attribute("addr").Field("street").Element(1)),
		`begins_with(addr.city, :p)`:       ok(Call("begins_with", city, v(":p"))),
		`size(tags) = :n`:                  ok(Compare("=", SizeOf(Attribute("tags")), v(":n"))),
		`NOT age = :n AND id = :s OR attribute_exists(age)`: Or(
			And(Not(ok(Compare("=", age, v(":n")))), ok(Compare("=", At(Attribute("id")), v(":s")))), Exists(Attribute("age"))),
	} {
		parsed, err := NewParser(nil, vals).Condition("FilterExpression", src)
		if err != nil || !reflect.DeepEqual(parsed, built) {
			t.Errorf("%s: parsed %+v, %v; built %+v", src, parsed, err, built)
		}
	}
}

func TestBuiltUpdates(t *testing.T) {
	vals := values(t)
	list, n := Attribute("l").Element(2), Just(Literal(vals[":n"]))
	term := must[Term](t)
	built := must[*Update](t)(NewUpdate(
		Set(Attribute("a"), term(Arithmetic("-", Just(At(Attribute("a"))), n))),
		Set(list, term(ListAppend(IfNotExists(list, Just(Literal(vals[":l"]))), Just(Literal(vals[":l"]))))),
		Remove(Attribute("m").Field("x")), Add(Attribute("c"), vals[":n"]), Delete(Attribute("d"), vals[":set"])))
	const src = `SET a = a - :n, l[2] = list_append(if_not_exists(l[2], :l), :l) REMOVE m.x ADD c :n DELETE d :set`
	parsed, err := NewParser(nil, vals).Update(src)
	if err != nil || !reflect.DeepEqual(parsed, built) {
		t.Errorf("parsed %+v, %v; built %+v", parsed, err, built)
	}
}

func TestBuiltKeyConditionsAndProjections(t *testing.T) {
	vals := values(t)
	built := NewKeyCondition(KeyTerm{Name: "id", Op: "=", Low: vals[":s"]}, KeyTerm{Name: "since", Op: "BETWEEN", Low: vals[":low"], High: vals[":n"]})
	parsed, err := NewParser(nil, vals).KeyCondition(`id = :s AND since BETWEEN :low AND :n`)
	if err != nil || !reflect.DeepEqual(parsed, built) {
		t.Errorf("parsed %+v, %v; built %+v", parsed, err, built)
	}
	keep := must[*Projection](t)(NewProjection(Attribute("addr").Field("city"), Attribute("id")))
	want, err := NewParser(nil, vals).Projection(`addr.city, id`)
	if err != nil || !reflect.DeepEqual(keep, want) {
		t.Errorf("parsed %+v, %v; built %+v", want, err, keep)
	}
}

// The truth of a condition is a boolean, and refers to what the condition does.
func TestTruth(t *testing.T) {
	age := Exists(Attribute("age"))
	c := must[*Condition](t)(Compare("=", Truth(age), At(Attribute("ok"))))
	if row := it(t, sample); !c.Match(row) || c.Match(row.Without("age")) || c.Match(nil) {
		t.Error("the truth of a condition is not compared")
	}
	if got := c.Roots(); !reflect.DeepEqual(got, []string{"age", "ok"}) {
		t.Error(got)
	}
}

// nil is the condition that always holds.
func TestNilConditions(t *testing.T) {
	c := Exists(Attribute("a"))
	if And(nil, c) != c || And(c, nil) != c || And(nil, nil) != nil || Or(nil, c) != nil || Or(c, nil) != nil {
		t.Error("a nil condition does not always hold")
	}
}

func TestBuildErrors(t *testing.T) {
	a, one := At(Attribute("a")), Literal(item.NumOf(1).Value())
	yes, text := Literal(item.BoolOf(true)), Literal(item.S("x"))
	set, err := item.Set(item.StringSet, []item.Value{item.S("x")})
	if err != nil {
		t.Fatal(err)
	}
	second := func(_ any, err error) error { return err }
	for want, err := range map[string]error{
		"Incorrect operand type for operator or function; operator or function: <, operand type: BOOL":                                                                    second(Compare("<", a, yes)),
		"The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]":                                   second(Compare("=", a, a)),
		"The first operand must be distinct from the remaining operands for this operator or function; operator: IN, first operand: [a]":                                  second(In(a, one, a)),
		"The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}": second(Between(a, one, text)),
		"Incorrect number of operands for operator or function; operator or function: contains, number of operands: 1":                                                    second(Call("contains", a)),
		"Operator or function requires a document path; operator or function: attribute_exists":                                                                           second(Call("attribute_exists", one)),
		"Invalid function name; function: soundex":                                                                                     second(Call("soundex", a)),
		"The function is not allowed to be used this way in an expression; function: size":                                             second(Call("size", a)),
		"Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]":       second(NewProjection(Attribute("a"), Attribute("a").Field("b"))),
		"Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]": second(NewUpdate(Remove(Attribute("a").Field("b")), Remove(Attribute("a").Element(0)))),
		"Incorrect operand type for operator or function; operator or function: +, operand type: S":                                    second(Arithmetic("+", Just(a), Just(text))),
		"Incorrect operand type for operator or function; operator or function: list_append, operand type: SS":                         second(ListAppend(Just(Literal(set)), Just(a))),
		"Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND": second(NewUpdate(Delete(Attribute("a"), one.value))),
		"Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND":       second(NewUpdate(Add(Attribute("a"), text.value))),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}
