package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

const ada = `{
	"id": {"S": "u1"}, "name": {"S": "Ada \"L\""}, "big": {"N": "12345678901234567890123456789012345678"}, "one": {"N": "1.0"},
	"ok": {"BOOL": true}, "none": {"NULL": true}, "raw": {"B": "aGk="}, "tags": {"L": [{"S": "x"}, {"M": {"deep": {"N": "2"}}}]},
	"set": {"NS": ["10", "9"]}, "map": {"M": {"city": {"S": "London"}, "new": {"S": "n"}}}, "user-id": {"S": "dash"}, "in": {"S": "word"},
	"a}b": {"S": "brace"}, "q\"'\\": {"S": "quotes"}
}`

func TestTemplates(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	r := record(st, nil, wire(t, ada))
	for template, want := range map[string]string{
		// the whole value keeps its type
		"${new.name}": `"Ada \"L\""`, "${new.big}": `12345678901234567890123456789012345678`, "${new.one}": `1`, "${new.ok}": `true`,
		"${new.none}": `null`, "${new.raw}": `"aGk="`, "${new.set}": `[9,10]`, "${new.map}": `{"city":"London","new":"n"}`,
		"${new.tags}": `["x",{"deep":2}]`, "${keys}": `{"id":"u1"}`, "${op}": `"insert"`, "${table}": `"users"`, "${ new.id }": `"u1"`,
		// paths
		"${new.map.city}": `"London"`, "${new.map.new}": `"n"`, "${new.tags[0]}": `"x"`, "${new.tags[1].deep}": `2`, "${keys.id}": `"u1"`,
		`${new["user-id"]}`: `"dash"`, `${new['user-id']}`: `"dash"`, `${new["map"].city}`: `"London"`, `${new["in"]}`: `"word"`,
		`${new["a}b"]}`: `"brace"`, `${new["q\"'\\"]}`: `"quotes"`,
		// what is asked for by ? may be absent
		"${new.?nothing}": ``, "${old.?id}": ``, "${new.tags[?2]}": ``, "${new.?nothing.deeper}": ``, "${new[?\"no\"][0].x}": ``,
		"${new.?name}": `"Ada \"L\""`, "${new.?map.city}": `"London"`, "${new.?map.town}": ``, "${old}": `{}`, "${new.set[0]}": `9`, "${keys.?name}": ``,
		// any other expression
		"${new.one + 1}": `2`, "${size(new.tags)}": `2`, "${new.map.city.upperAscii()}": `"LONDON"`, "${[new.big, 1.5]}": `[12345678901234567890123456789012345678,1.5]`,
		"${{'a': new.?nothing, 'b': {'c': op}}}": `{"a":null,"b":{"c":"insert"}}`, "${new.?nothing.orValue('none')}": `"none"`, "${'}' + \"{\" + r'\\'}": `"}{\\"`,
		"${time}": `"2030-01-02T03:04:06Z"`, "${seq}": `"100000000000000000007"`, "${entity}": `""`, "${changed}": `["a}b","big","id","in","map","name","none","ok","one","q\"'\\","raw","set","tags","user-id"]`,
		// text around
		"<${new.name}>": `"<Ada \"L\">"`, "${new.one}${new.ok}": `"1true"`, "n=${new.none}": `"n=null"`, "${new.raw}!": `"aGk=!"`,
		"${new.set} ": `"[9,10] "`, "-${new.?nothing}-": `"--"`, "${new.tags[1]}.": `"{\"deep\":2}."`, "é${op}": `"éinsert"`,
		// literals
		"": `""`, "plain": `"plain"`, "$": `"$"`, "$$": `"$$"`, "$new": `"$new"`, "$${new.id}": `"${new.id}"`, "$$${x": `"$${x"`, "}{": `"}{"`,
		"$${a}${op}": `"${a}insert"`, "${op}$": `"insert$"`,
	} {
		defs := mapping.Definition{Name: "E", Table: "users", Detail: object(t, template)}
		full := `E {"a":` + want + `}`
		if want == "" {
			full = `E {}`
		}
		if got := details(t, r, defs); len(got) != 1 || got[0] != full {
			t.Errorf("%s: %v, want %s", template, got, full)
		}
	}
}

// Members and elements without a value leave no trace, wherever they stand.
func TestAbsent(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, wire(t, `{"id":{"S":"u1"}}`))
	inner := mapping.Object([]string{"no"}, []*mapping.Template{text(t, "${new.?no}")})
	list := mapping.Array([]*mapping.Template{text(t, "${new.?no}"), text(t, "${new.id}"), text(t, "${old.?no}"), mapping.Literal([]byte("1"))})
	detail := mapping.Object([]string{"a", "b", "c", "d"}, []*mapping.Template{text(t, "${new.?no}"), inner, list, text(t, "${new.?no}")})
	want := `E {"b":{},"c":["u1",1]}`
	if got := details(t, r, mapping.Definition{Name: "E", Detail: detail}); got[0] != want {
		t.Errorf("%s, want %s", got[0], want)
	}
}

// What is no expression is refused, with what is wrong and what to write.
func TestTextErrors(t *testing.T) {
	for src, want := range map[string]string{
		"${nwe.id}":             `"nwe.id" is not an expression: nothing is called nwe at column 1; did you mean new?`,
		"a ${new.id":            `"new.id" is not an expression: it is not closed by }; ${ itself is written $${`,
		"${}":                   `"" is not an expression: `,
		"${new.}":               `"new." is not an expression: `,
		"${'a' + 1}":            `"'a' + 1" is not an expression: found no matching overload for '_+_' applied to '(string, int)' at column 5; docs/mapping.md`,
		"${new.user-id}":        `"new.user-id" is not an expression: nothing is called id at column 10; a name with a dash is written in brackets, as in new["user-id"]`,
		"${op.x}":               `"op.x" is not an expression: type 'string' does not support field selection at column 3; `,
		"${each}":               `"each" is not an expression: nothing is called each at column 1; `,
		`${new["a}`:             `"new[\"a}" is not an expression: it is not closed by }; `,
		"ok ${op} ${new.1st} x": `"new.1st" is not an expression: `,
	} {
		if _, err := (mapping.Scope{}).Text(src); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", src, err, want)
		}
	}
}

// An expression that fails names its place, its text and the types of what it
// read, not the values.
func TestRuntimeErrors(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, wire(t, `{"id":{"S":"secret"},"n":{"N":"9e125"}}`))
	for src, want := range map[string]string{
		"${new.nope}":      "event E: detail.a: ${new.nope}: new.nope is absent; what may be absent is asked for by ?, as in new.?name",
		"${new.id.deeper}": "event E: detail.a: ${new.id.deeper}: new.id.deeper is absent; what may be absent is asked for by ?, as in new.?name",
		"x ${new.id * 2}":  "event E: detail.a: ${new.id * 2}: no such overload: new.id is a string",
		"${new.n * new.n}": "event E: detail.a: ${new.n * new.n}: the result is no number of DynamoDB: Number overflow. Attempting to store a number with magnitude larger than supported range: new.n is a number",
		"${new.nope + op}": "event E: detail.a: ${new.nope + op}: no such key: nope: new.nope is absent, op is a string; what may be absent is asked for by ?, as in new.?name",
		"${[1][size(op)]}": "event E: detail.a: ${[1][size(op)]}: index out of bounds: 6: op is a string",
		"${type(new.id)}":  "event E: detail.a: a type has no form in JSON",
	} {
		set := mapping.NewSet([]mapping.Definition{{Name: "E", Detail: object(t, src)}}, mapping.Options{})
		events, err := set.Apply(r, all)
		if err == nil || err.Error() != want || events != nil {
			t.Errorf("%s:\n got %v, %v\nwant %s", src, events, err, want)
		}
	}
}

// A detail is an object; another one fails with the definition's name.
func TestDetailIsAnObject(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, wire(t, `{"id":{"S":"u1"}}`))
	for _, src := range []string{"${new.id}", "${new.?no}"} {
		set := mapping.NewSet([]mapping.Definition{{Name: "E", Detail: text(t, src)}}, mapping.Options{})
		events, err := set.Apply(r, all)
		var bad *mapping.Error
		if !errors.As(err, &bad) || bad.Definition != "E" || err.Error() != "event E: detail: it is not an object" || events != nil {
			t.Errorf("%s: %v, %v", src, events, err)
		}
	}
	if got := details(t, r, mapping.Definition{Name: "E", Detail: text(t, "${new}")}); got[0] != `E {"id":"u1"}` {
		t.Error(got)
	}
}

func TestImages(t *testing.T) {
	for src, want := range map[string][2]bool{
		"${new.a}": {true, false}, "${old}": {false, true}, "${keys.id}${op}": {}, "x ${old.a}${new.b}": {true, true}, "${size(old) + 1}": {false, true}, "${changed}": {true, true},
	} {
		detail := mapping.Object([]string{"l"}, []*mapping.Template{mapping.Array([]*mapping.Template{text(t, src)})})
		var got [2]bool
		detail.Expressions(func(e *mapping.Expression) {
			after, before := e.Images()
			got[0], got[1] = got[0] || after, got[1] || before
		})
		if got != want {
			t.Errorf("%s: %v", src, got)
		}
	}
}
