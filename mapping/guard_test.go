package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// image is an item u1 with some attributes in wire JSON; "-" is no item.
func image(t testing.TB, attributes string) item.Item {
	t.Helper()
	if attributes == "-" {
		return nil
	}
	if attributes != "" {
		attributes = "," + attributes
	}
	return wire(t, `{"id":{"S":"u1"}`+attributes+`}`)
}

// verdict is what a definition makes of a change, in a line.
func verdict(r *stream.Record, d mapping.Definition) string {
	v := mapping.NewSet([]mapping.Definition{d}, options).Explain(r)
	return v[0].String()
}

// What raises an event and what does not, and the reason.
func TestGuards(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	every := []mapping.Kind{mapping.Insert, mapping.Modify, mapping.Remove}
	from := func(path string, from, to []item.Value) []mapping.Transition {
		return []mapping.Transition{{Path: paths(t, path)[0], From: from, To: to}}
	}
	s := func(texts ...string) (out []item.Value) {
		for _, x := range texts {
			out = append(out, item.S(x))
		}
		return out
	}
	const raised = "E: raised 1"
	for _, c := range []struct {
		was, is string
		d       mapping.Definition
		want    string
	}{
		{`"a":{"S":"x"}`, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", s("x"), s("y"))}, raised},
		{`"a":{"S":"x"}`, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", s("w", "x"), nil)}, raised},
		{`"a":{"S":"x"}`, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", nil, s("z"))}, `E: not raised: changed: a went from "x" to "y"; wanted from anything to "z"`},
		{`"a":{"S":"x"}`, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", s("v", "w"), nil)}, `E: not raised: changed: a went from "x" to "y"; wanted from "v" or "w" to anything`},
		{`"a":{"S":"x"}`, `"a":{"S":"x"},"b":{"S":""}`, mapping.Definition{Changed: from("a", nil, s("x"))}, `E: not raised: changed: a is what it was`},
		{``, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", []item.Value{item.NullValue()}, nil)}, raised},
		{`"a":{"NULL":true}`, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", []item.Value{item.NullValue()}, nil)}, raised},
		{`"a":{"S":"y"}`, ``, mapping.Definition{Changed: from("a", nil, s("x"))}, `E: not raised: changed: a went from "y" to nothing; wanted from anything to "x"`},
		{`-`, `"a":{"S":"y"}`, mapping.Definition{Changed: from("a", nil, nil)}, `E: not raised: on: wants modify; this is insert`},

		{``, `"a":{"S":"y"}`, mapping.Definition{Added: paths(t, "b", "a")}, raised},
		{`"a":{"S":"x"}`, `"a":{"S":"y"}`, mapping.Definition{Added: paths(t, "a")}, `E: not raised: added: nothing was added at a`},
		{`"a":{"SS":["x"]}`, `"a":{"SS":["y"]}`, mapping.Definition{Added: paths(t, "a"), Removed: paths(t, "a")}, raised},
		{`"a":{"SS":["x","y"]}`, `"a":{"SS":["y"]}`, mapping.Definition{Added: paths(t, "a")}, `E: not raised: added: nothing was added at a`},
		{`"a":{"SS":["x","y"]}`, `"a":{"SS":["y"]}`, mapping.Definition{Removed: paths(t, "a")}, raised},
		{`"a":{"L":[{"N":"1"},{"N":"2"}]}`, `"a":{"L":[{"N":"2.0"},{"N":"1"}]}`, mapping.Definition{Added: paths(t, "a")}, `E: not raised: added: nothing was added at a`},
		{`"a":{"L":[{"N":"1"}]}`, `"a":{"L":[{"N":"1"},{"N":"1"}]}`, mapping.Definition{Added: paths(t, "a")}, raised},
		{`"a":{"L":[{"B":"MQ=="}]}`, `"a":{"L":[{"S":"MQ=="}]}`, mapping.Definition{Added: paths(t, "a")}, raised},
		{`"a":{"M":{"x":{"N":"1"}}}`, `"a":{"M":{"x":{"N":"2"}}}`, mapping.Definition{Added: paths(t, "a")}, `E: not raised: added: nothing was added at a`},
		{`"a":{"M":{"x":{"N":"1"}}}`, `"a":{"M":{"x":{"N":"1"},"y":{"N":"2"}}}`, mapping.Definition{Added: paths(t, "a")}, raised},
		{`"a":{"M":{"x":{"N":"1"}}}`, `"a":{"M":{}}`, mapping.Definition{Removed: paths(t, "a.x")}, raised},
		{`-`, `"a":{"S":"y"}`, mapping.Definition{Added: paths(t, "a"), On: every}, raised},
		{`"a":{"S":"y"}`, `-`, mapping.Definition{Removed: paths(t, "a"), On: every}, raised},

		{`"n":{"N":"1"}`, `"n":{"N":"2"}`, mapping.Definition{Match: compile(t, `{"op":["modify"],"table":["users"],"new":{"n":[{"numeric":[">",1]}]},"old":{"n":[1]},"changed":["n"],"keys":{"id":["u1"],"name":["1"]},"entity":["User"]}`)}, raised},
		{`"n":{"N":"1"}`, `"n":{"N":"1"}`, mapping.Definition{Match: compile(t, `{"new":{"n":[{"numeric":[">",1]}]}}`)}, `E: not raised: match: new.n: wanted > 1; found 1 at /new/n`},
		{`-`, ``, mapping.Definition{Match: compile(t, `{"old":{"id":[{"exists":true}]}}`)}, `E: not raised: match: old.id: wanted present; nothing is there`},

		{`-`, `"n":{"N":"1"}`, mapping.Definition{If: condition(t, "new.n == 1")}, raised},
		{`-`, `"n":{"N":"1"}`, mapping.Definition{If: condition(t, "new.n > 1")}, `E: not raised: if: ${new.n > 1} is false`},
		{`-`, `"n":{"BOOL":true}`, mapping.Definition{If: condition(t, "new.n")}, raised},
		{`-`, `"n":{"BOOL":false}`, mapping.Definition{If: condition(t, "new.n")}, `E: not raised: if: ${new.n} is false`},
		{`-`, `"n":{"S":"true"}`, mapping.Definition{If: condition(t, "new.n")}, `E: fails: event E: if: ${new.n}: it is neither true nor false: new.n is a string`},
		{`-`, ``, mapping.Definition{If: condition(t, "new.n == 1")}, `E: fails: event E: if: ${new.n == 1}: no such key: n: new.n is absent; what may be absent is asked for by ?, as in new.?name`},
		{`-`, ``, mapping.Definition{If: condition(t, "new.?n.orValue(0) == 1")}, `E: not raised: if: ${new.?n.orValue(0) == 1} is false`},

		{`-`, ``, mapping.Definition{Entity: "User"}, raised},
		{`-`, ``, mapping.Definition{Entity: "Other"}, `E: not raised: entity: wants Other; this is User`},
	} {
		c.d.Name = "E"
		if c.d.Detail == nil {
			c.d.Detail = object(t)
		}
		if got := verdict(record(st, image(t, c.was), image(t, c.is)), c.d); got != c.want {
			t.Errorf("%s → %s\n got %s\nwant %s", c.was, c.is, got, c.want)
		}
	}
}

// The first guard that fails is told, those before it hold.
func TestHeld(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	d := mapping.Definition{Name: "E", Entity: "User", Changed: transitions(t, "a"), If: condition(t, "false")}
	set := mapping.NewSet([]mapping.Definition{d}, options)
	v := set.Explain(record(st, image(t, ``), image(t, `"a":{"N":"1"}`)))[0]
	if got := strings.Join(v.Held, " "); got != "on entity changed" || v.Guard != "if" {
		t.Errorf("%s, then %s", got, v.Guard)
	}
	if got := strings.Join(set.Guards()["E"], " "); got != "on entity changed if" {
		t.Error(got)
	}
}

func TestForms(t *testing.T) {
	st := newStream(t, stream.NewImage)
	for _, c := range []struct{ form, id, want string }{
		{"USER#{userId}", "USER#7", `{"id":"USER#7","userId":"7"}`},
		{"USER#{userId}", "USER#", ``},
		{"USER#{userId}", "ORDER#7", ``},
		{"{a}#{b}", "x#y#z", `{"a":"x","b":"y#z","id":"x#y#z"}`},
		{"{a}#{b}", "#y", ``},
		{"{a}#{b}", "##y", `{"a":"#","b":"y","id":"##y"}`},
		{"O#{o}#LINE#{n}#", "O#1#LINE#2#", `{"id":"O#1#LINE#2#","n":"2","o":"1"}`},
		{"O#{o}#LINE#{n}#", "O#1#LINE#2", ``},
		{"PROFILE", "PROFILE", `{"id":"PROFILE"}`},
		{"PROFILE", "PROFILES", ``},
	} {
		set := mapping.NewSet([]mapping.Definition{{Name: "E", Entity: "X", Detail: text(t, "${keys}")}},
			mapping.Options{Entities: []mapping.Entity{{Name: "X", Forms: []mapping.Form{form("id", c.form)}}}})
		events, err := set.Apply(record(st, nil, item.MapOf(item.Field{Name: "id", Value: item.S(c.id)})), all)
		got := ""
		if len(events) == 1 {
			got = string(events[0].Event.Detail)
		}
		if err != nil || got != c.want {
			t.Errorf("%s of %s: %s, %v, want %s", c.id, c.form, got, err, c.want)
		}
	}
	for _, bad := range []string{"{a}{b}", "{a", "{a}#{a}", "{}", "{a b}", "{1}"} {
		if _, err := mapping.ParseForm("id", bad); err == nil {
			t.Errorf("%s is a form", bad)
		}
	}
	if _, err := mapping.NewEntity("X", form("a", "{x}"), form("b", "{x}")); err == nil {
		t.Error("two parts of one name")
	}
}

// A type attribute names an entity as well as a key does, in whichever image it
// stands.
func TestEntityByAttribute(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	o := mapping.Options{Entities: []mapping.Entity{{Name: "Order", Forms: []mapping.Form{form("type", "order")}}}}
	set := mapping.NewSet([]mapping.Definition{{Name: "E", Entity: "Order", Detail: object(t, "${entity}")}}, o)
	for was, is := range map[string]string{`-`: `"type":{"S":"order"}`, `"type":{"S":"order"}`: `-`} {
		if events, err := set.Apply(record(st, image(t, was), image(t, is)), all); err != nil || len(events) != 1 || string(events[0].Event.Detail) != `{"a":"Order"}` {
			t.Errorf("%v, %v", events, err)
		}
	}
}

// A removal after the second in an attribute is an expiry where the set goes by
// it.
func TestExpireBy(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	for attribute, want := range map[string]string{
		`"ttl":{"N":"1893553446"}`: "expire", `"ttl":{"N":"1893553447"}`: "remove", `"ttl":{"S":"1"}`: "remove", `"ttl":{"N":"0"}`: "remove", `"ttl":{"N":"1.5"}`: "remove", ``: "remove",
	} {
		set := mapping.NewSet([]mapping.Definition{
			{Name: "R", On: []mapping.Kind{mapping.Remove}, Detail: object(t, "${op}")}, {Name: "X", On: []mapping.Kind{mapping.Expire}, Detail: object(t, "${op}")},
		}, mapping.Options{ExpireBy: "ttl"})
		events, err := set.Apply(record(st, image(t, attribute), nil), all)
		if err != nil || len(events) != 1 || string(events[0].Event.Detail) != fmt.Sprintf(`{"a":%q}`, want) {
			t.Errorf("%s: %v, %v", attribute, events, err)
		}
	}
}
