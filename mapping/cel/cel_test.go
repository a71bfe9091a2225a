package cel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// vars are variables by name.
type vars map[string]any

func (v vars) ResolveName(name string) (any, bool) { x, ok := v[name]; return x, ok }

// items are new and old for most tests here.
func items(t testing.TB) vars {
	t.Helper()
	return vars{
		"new": cel.OfItem(wire(t, `{"id":{"S":"u1"},"whole":{"N":"10"},"half":{"N":"0.5"},"tenth":{"N":"0.1"},"fifth":{"N":"0.2"},
			"big":{"N":"12345678901234567890123456789012345678"},"huge":{"N":"12345678901234567890"},"tags":{"SS":["b","a"]},"raw":{"B":"aGk="},
			"lines":{"L":[{"M":{"sku":{"S":"x"},"n":{"N":"1"}}},{"M":{"sku":{"S":"y"},"n":{"N":"2"}}}]},"m":{"M":{"a":{"N":"1"},"b":{"BOOL":true}}},
			"nothing":{"NULL":true},"at":{"S":"2030-01-02T03:04:05Z"},"odd name":{"S":"z"}}`)),
		"old":  cel.OfItem(wire(t, `{"id":{"S":"u1"},"whole":{"N":"9"},"tags":{"SS":["a"]},"lines":{"L":[{"M":{"sku":{"S":"x"},"n":{"N":"1.0"}}}]},"gone":{"S":"g"},"m":{"M":{"a":{"N":"1"}}}}`)),
		"op":   types.String("modify"),
		"time": types.Timestamp{Time: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
}

func wire(t testing.TB, text string) item.Item {
	t.Helper()
	var m item.Map
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func env(t testing.TB) *cel.Env {
	t.Helper()
	e, err := cel.New(cel.Variable{Name: "new", Type: cel.Map}, cel.Variable{Name: "old", Type: cel.Map},
		cel.Variable{Name: "op", Type: cel.Text}, cel.Variable{Name: "time", Type: cel.Timestamp})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// eval returns the result as JSON, "absent", or the error.
func eval(t testing.TB, e *cel.Env, source string, v cel.Vars) string {
	t.Helper()
	x, err := e.Compile(source, cel.Any)
	if err != nil {
		return "refused: " + err.Error()
	}
	got, _, err := x.Eval(v)
	if err != nil {
		return "error: " + err.Error()
	}
	if got == nil {
		return "absent"
	}
	out, err := cel.AppendJSON(nil, got, 1<<20, false)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(out)
}

func TestEval(t *testing.T) {
	e, v := env(t), items(t)
	for source, want := range map[string]string{
		// Values keep their form.
		`new.id`: `"u1"`, `new.whole`: `10`, `new.big`: `12345678901234567890123456789012345678`, `new.half`: `0.5`,
		`new.tags`: `["a","b"]`, `new.raw`: `"aGk="`, `new.m`: `{"a":1,"b":true}`, `new.nothing`: `null`, `new["odd name"]`: `"z"`,
		`new.lines[1].sku`: `"y"`, `{"b": 1, "a": [new.big]}`: `{"a":[12345678901234567890123456789012345678],"b":1}`,
		// Numbers compute in decimal, whatever their forms.
		`new.tenth + new.fifth`: `0.3`, `new.whole * 1.1`: `11`, `1.1 * new.whole`: `11`, `new.whole / 4`: `2.5`, `7 / 2`: `3.5`, `6 / 3`: `2`,
		`new.big + 1`: `12345678901234567890123456789012345679`, `1 + new.big`: `12345678901234567890123456789012345679`,
		`new.huge - 12345678901234567889`: `refused: invalid int literal`,
		`9223372036854775807 + 1`:         `9223372036854775808`, `-9223372036854775807 - 2`: `-9223372036854775809`, `1.0 / 3.0`: `0.33333333333333333333333333333333333333`,
		`2.0 / 3.0`: `0.66666666666666666666666666666666666667`, `-new.half`: `-0.5`, `-new.big`: `-12345678901234567890123456789012345678`, `-new.whole`: `-10`,
		`new.whole % 3`: `1`, `new.half % 3`: `error: no such overload: % takes whole numbers`, `new.whole / 0`: `error: division by zero`,
		`new.big * new.big * new.big * new.big`: `error: the result is no number of DynamoDB: Number overflow. Attempting to store a number with magnitude larger than supported range`,
		`new.whole == 10.0`:                     `true`, `10.0 == new.whole`: `true`, `new.half == 0.5`: `true`, `new.big == new.big + 0`: `true`, `new.big > 1`: `true`, `1 < new.big`: `true`,
		`1.5 >= new.big`: `false`, `new.whole > old.whole`: `true`, `new.half < new.whole`: `true`, `[1, 10].exists(x, x == new.whole)`: `true`,
		`string(new.big)`: `"12345678901234567890123456789012345678"`, `double(new.huge)`: `12345678901234567000`, `math.round(new.half * 3.0)`: `2`, `int(new.whole)`: `10`,
		// What is absent.
		`new.nope`: `error: no such key: nope`, `new.?nope`: `absent`, `new.?nope.deeper`: `absent`, `new.?nope.orValue("x")`: `"x"`, `has(new.nope)`: `false`, `has(new.id)`: `true`,
		`{?"a": new.?nope, ?"b": new.?id}`: `{"b":"u1"}`, `[?new.?nope, 1]`: `[1]`, `new.lines[7]`: `error: index out of bounds: 7`,
		// What differs.
		`diff(old, new).whole`: `{"new":10,"old":9}`, `diff(old, new).gone`: `{"old":"g"}`, `"id" in diff(old, new)`: `false`, `diff({}, new)`: `error: no such overload: diff takes two maps`,
		`added(old.lines, new.lines)`: `[{"n":2,"sku":"y"}]`, `removed(old.lines, new.lines)`: `[]`, `added(old.tags, new.tags)`: `["b"]`, `added(old.m, new.m)`: `{"b":true}`,
		`added(null, new.tags)`: `["a","b"]`, `removed([1, 1, 2], [1])`: `[1,2]`, `added(1, new.tags)`: `error: no such overload: added and removed take two lists, sets or maps`,
		`added(old.?nope, new.?tags)`: `["a","b"]`, `removed(old.?m, new.?nope)`: `{"a":1}`, `added(old.?nope, new.?nope)`: `[]`, `diff(new.?nope, old.?m)`: `{"a":{"new":1}}`,
		`new.lines.map(l, l.n * 1.1).sum()`: `3.3`, `[].sum()`: `0`, `new.tags.sum()`: `error: no such overload: sum takes a list of numbers`,
		// Functions of the extensions.
		`"a,b".split(",")`: `["a","b"]`, `new.id.upperAscii()`: `"U1"`, `"%s-%d".format([new.id, new.whole])`: `"u1-10"`, `base64.encode(new.raw)`: `"aGk="`,
		`timestamp(new.at) + duration("1h")`: `"2030-01-02T04:04:05Z"`, `time.getFullYear()`: `2030`, `timestamp(new.at) - time`: `"0s"`, `math.greatest(1, 2)`: `2`,
		`new.lines.map(l, l.n * 2)`: `[2,4]`, `new.m.transformList(k, x, k)`: `["a","b"]`, `new.m == {"a": 1, "b": true}`: `true`, `{"a": 1, "b": true} == new.m`: `true`,
		`cel.bind(x, new.whole, x * x)`: `100`, `sets.contains(new.tags, ["a"])`: `true`, `op == "modify" ? 1 : 2`: `1`, `new.id + "!"`: `"u1!"`, `[1] + [2]`: `[1,2]`,
		// Mistakes.
		`new.id * 2`: `error: no such overload`, `"a" * 2`: `refused: found no matching overload for '_*_' applied to '(string, int)'`, `nwe.id`: `refused: nothing is called nwe`,
		`new.id ==`: `refused: mismatched input '<EOF>'`, `op.x`: `refused: type 'string' does not support field selection`, `type(new.id)`: `error: a type has no form in JSON`,
		`new.id < 1`: `error: no such overload`, `0.0 / 0.0`: `error: division by zero`,
	} {
		if got := eval(t, e, source, v); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
}

// What may grow beyond all bounds is refused, and what does is stopped.
func TestCost(t *testing.T) {
	e := env(t)
	deep := `new.l.exists(a, new.l.exists(b, new.l.exists(c, a + b + c == "x")))`
	if _, err := e.Compile(deep, cel.Bool); !errors.As(err, new(*cel.CompileError)) || !strings.Contains(err.Error(), "costs too much") {
		t.Errorf("%v", err)
	}
	if _, err := e.Compile(strings.Repeat("(", 60)+"1"+strings.Repeat(")", 60), cel.Any); !errors.As(err, new(*cel.CompileError)) {
		t.Errorf("deeply nested: %v", err)
	}
	if _, err := e.Compile(`"`+strings.Repeat("x", 1<<17)+`"`, cel.Any); !errors.As(err, new(*cel.CompileError)) {
		t.Errorf("long: %v", err)
	}
	elements := make([]item.Value, 20_000)
	for i := range elements {
		elements[i] = item.S(fmt.Sprint(i))
	}
	v := vars{"new": cel.OfItem(item.MapOf(item.Field{Name: "l", Value: item.L(elements...)}))}
	for _, source := range []string{
		`new.l.exists(a, new.l.exists(b, a == b + "x"))`,
		`new.l.exists(a, size(added([], new.l)) == 1)`,
		`lists.range(1000).map(a, lists.range(100000)).size() == 1`,
	} {
		x, err := e.Compile(source, cel.Bool)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		began := time.Now()
		_, _, err = x.Eval(v)
		if err == nil || !strings.Contains(err.Error(), "cost") && !strings.Contains(err.Error(), "limit") {
			t.Errorf("%s: %v", source, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %v", source, took)
		}
	}
	if got := eval(t, e, `new.l.exists(a, a == "19999")`, v); got != "true" {
		t.Errorf("one loop over a large list: %s", got)
	}
}

// The type that an expression must have is checked, where it is known.
func TestType(t *testing.T) {
	e := env(t)
	for source, want := range map[string]string{
		`op`: "it is a string, not a bool", `time`: "it is a timestamp, not a bool", `[1]`: "it is a list, not a bool", `new.flag`: "", `1 == 1`: "", `has(new.x)`: "",
	} {
		_, err := e.Compile(source, cel.Bool)
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	var bad *cel.CompileError
	if _, err := e.Compile(`op == "x" && nwe.id == 1`, cel.Bool); !errors.As(err, &bad) || bad.Column != 14 || bad.Near != "new" {
		t.Errorf("%+v", bad)
	}
}

// An expression tells what it reads.
func TestRefs(t *testing.T) {
	e := env(t)
	for source, want := range map[string]string{
		`new.a.b + old["odd name"][0].x`:                `new.a.b old["odd name"][0].x`,
		`has(new.a) && new.?b.c.orValue(1) == 1`:        `new.?a new.?b.c`,
		`new.lines.exists(new, new.sku == old.sku)`:     `new.lines old.sku`,
		`new.lines.exists(new, .new.id == new.sku)`:     `new.lines new.id`,
		`google.protobuf.StringValue{value: op}`:        `op`,
		`{"a": new.x, "b": [new.x, op]}`:                `new.x new.x op`,
		`new[op].y`:                                     `new op`,
		`new.m[?"k"].hasValue() ? time : timestamp(op)`: `new.m.?k time op`,
	} {
		x, err := e.Compile(source, cel.Any)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var got []string
		for _, r := range x.Refs() {
			got = append(got, r.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s reads %s, want %s", source, strings.Join(got, " "), want)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	e, v := env(b), items(b)
	for _, source := range []string{`new.id == "u1"`, `new.whole > old.whole && op == "modify"`, `new.whole * 1.1`} {
		b.Run(source, func(b *testing.B) {
			x, err := e.Compile(source, cel.Any)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := x.Eval(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
