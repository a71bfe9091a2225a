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
		// what is absent has no value
		"${new.nothing}": ``, "${old.id}": ``, "${old}": ``, "${new.tags[2]}": ``, "${new.name.first}": ``, "${new.map[0]}": ``, "${new.set[0]}": ``,
		`${new.tags["0"]}`: ``, "${keys.name}": ``,
		// text around
		"<${new.name}>": `"<Ada \"L\">"`, "${new.one}${new.ok}": `"1true"`, "n=${new.none}": `"n=null"`, "${new.raw}!": `"aGk=!"`,
		"${new.set} ": `"[9,10] "`, "-${new.nothing}-": `"--"`, "${new.tags[1]}.": `"{\"deep\":2}."`, "é${op}": `"éinsert"`,
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
	inner := mapping.Object([]string{"no"}, []*mapping.Template{text(t, "${new.no}")})
	list := mapping.Array([]*mapping.Template{text(t, "${new.no}"), text(t, "${new.id}"), text(t, "${old}"), mapping.Literal([]byte("1"))})
	detail := mapping.Object([]string{"a", "b", "c", "d"}, []*mapping.Template{text(t, "${new.no}"), inner, list, text(t, "${new.no}")})
	want := `E {"b":{},"c":["u1",1]}`
	if got := details(t, r, mapping.Definition{Name: "E", Detail: detail}); got[0] != want {
		t.Errorf("%s, want %s", got[0], want)
	}
}

// What is no path is refused, with what is wrong and what to write.
func TestTextErrors(t *testing.T) {
	for src, want := range map[string]string{
		"${nwe.id}":             `"nwe.id" is not an expression: nothing is called nwe; `,
		"a ${new.id":            `"new.id" is not an expression: it is not closed by }; `,
		"${}":                   `"" is not an expression: it ends too early; `,
		"${new.}":               `"new." is not an expression: it ends too early; `,
		"${new.id + 1}":         `"new.id + 1" is not an expression: "+ 1" is not supported; `,
		"${size(new.tags)}":     `"size(new.tags)" is not an expression: nothing is called size; `,
		"${new.?id}":            `"new.?id" is not an expression: "?id" is not supported; `,
		"${new.user-id}":        `"new.user-id" is not an expression: "-id" is not supported: a name with a dash is written ["user-…"]; `,
		"${new.in}":             `"new.in" is not an expression: in is a word of the language: write ["in"]; `,
		"${new[x]}":             `"new[x]" is not an expression: "x]" is not supported; `,
		"${new[-1]}":            `"new[-1]" is not an expression: "-1]" is not supported; `,
		"${new[99999999999]}":   `"new[99999999999]" is not an expression: "99999999999]" is not supported; `,
		`${new["a}`:             `"new[\"a" is not an expression: a quote is not closed; `,
		`${new[""]}`:            `"new[\"\"]" is not an expression: a name in brackets is empty; `,
		`${new["a\n"]}`:         `"new[\"a\\n\"]" is not an expression: "\\n" is not supported; `,
		"${op.x}":               `"op.x" is not an expression: ".x" is not supported; `,
		"${new.a ? 1 : 2}":      `"new.a ? 1 : 2" is not an expression: "? 1 : 2" is not supported; `,
		"ok ${op} ${new.1st} x": `"new.1st" is not an expression: "1st" is not supported; `,
	} {
		_, err := mapping.Text(src)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "write new, old or keys") {
			t.Errorf("%s:\n got %v\nwant %s", src, err, want)
		}
	}
}

// A detail is an object; another one fails with the definition's name.
func TestDetailIsAnObject(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, wire(t, `{"id":{"S":"u1"}}`))
	for src, want := range map[string]string{
		"${new.id}": "event E: the detail is not an object",
		"${new.no}": "event E: the detail has no value",
	} {
		set := mapping.NewSet([]mapping.Definition{{Name: "E", Detail: text(t, src)}}, "1", "r")
		events, err := set.Apply(r, all)
		var bad *mapping.Error
		if !errors.As(err, &bad) || bad.Definition != "E" || err.Error() != want || events != nil {
			t.Errorf("%s: %v, %v", src, events, err)
		}
	}
	if got := details(t, r, mapping.Definition{Name: "E", Detail: text(t, "${new}")}); got[0] != `E {"id":"u1"}` {
		t.Error(got)
	}
}

func TestImages(t *testing.T) {
	for src, want := range map[string][2]bool{"${new.a}": {true, false}, "${old}": {false, true}, "${keys.id}${op}": {}, "x ${old.a}${new.b}": {true, true}} {
		detail := mapping.Object([]string{"l"}, []*mapping.Template{mapping.Array([]*mapping.Template{text(t, src)})})
		if after, before := detail.Images(); [2]bool{after, before} != want {
			t.Errorf("%s: %v %v", src, after, before)
		}
	}
}
