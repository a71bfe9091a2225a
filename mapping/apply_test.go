package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

const (
	before = `{"id":{"S":"u1"},"name":{"S":"Ada"}}`
	after  = `{"id":{"S":"u1"},"name":{"S":"Grace"}}`
)

// Each event has all that its consumers need, in the order of the definitions.
func TestEvent(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, wire(t, after))
	r.Trace = trace.Parse("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01")
	set := mapping.NewSet([]mapping.Definition{
		{Name: "First", Table: "users", Source: "app", Bus: "main"},
		{Name: "Second", Table: "users", Source: "app", Bus: "other", DetailType: "Type", Detail: object(t, "${op}")},
	}, mapping.Options{Account: "111122223333", Region: "eu-west-1"})
	got, err := set.Apply(r, all)
	if err != nil {
		t.Fatal(err)
	}
	seq := stream.FormatSeq(7)
	want := []mapping.Raised{
		{Definition: "First", Bus: "main", Event: event.Event{
			ID: event.DeterministicID(st.ARN(), seq, "First", "0"), Source: "app", DetailType: "First", Account: "111122223333", Region: "eu-west-1",
			Time: r.Time, Resources: []string{st.ARN()}, Detail: []byte(`{"id":"u1","name":"Grace"}`), Group: `users{"id":"u1"}`,
			Trace: r.Trace.AWS(), Cause: event.Cause{Table: "users", Sequence: seq, Definition: "First"},
		}},
		{Definition: "Second", Bus: "other", Event: event.Event{
			ID: event.DeterministicID(st.ARN(), seq, "Second", "0"), Source: "app", DetailType: "Type", Account: "111122223333", Region: "eu-west-1",
			Time: r.Time, Resources: []string{st.ARN()}, Detail: []byte(`{"a":"insert"}`), Group: `users{"id":"u1"}`,
			Trace: r.Trace.AWS(), Cause: event.Cause{Table: "users", Sequence: seq, Definition: "Second"},
		}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	only, err := set.Apply(r, func(name string) bool { return name == "Second" })
	if err != nil || len(only) != 1 || only[0].Definition != "Second" {
		t.Errorf("%v, %v", only, err)
	}
}

// Which kinds raise an event; an expiry is no removal.
func TestOn(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	was, is := wire(t, before), wire(t, after)
	expired := record(st, was, nil)
	expired.Expired = true
	changes := map[mapping.Kind]*stream.Record{
		mapping.Insert: record(st, nil, is), mapping.Modify: record(st, was, is), mapping.Remove: record(st, was, nil), mapping.Expire: expired,
	}
	for _, c := range []struct {
		on      []mapping.Kind
		changed string
		want    string
	}{
		{nil, "", "insert modify remove"},
		{[]mapping.Kind{mapping.Expire}, "", "expire"},
		{[]mapping.Kind{mapping.Insert, mapping.Insert, mapping.Expire}, "", "insert expire"},
		{nil, "name", "modify"},
		{[]mapping.Kind{mapping.Insert, mapping.Modify, mapping.Remove}, "name", "insert modify remove"},
		{nil, "id", ""},
	} {
		d := mapping.Definition{Name: "E", On: c.on}
		if c.changed != "" {
			d.Changed = transitions(t, c.changed)
		}
		var got []string
		for _, k := range []mapping.Kind{mapping.Insert, mapping.Modify, mapping.Remove, mapping.Expire} {
			if n := len(details(t, changes[k], d)); n == 1 {
				got = append(got, string(k))
			} else if n > 1 {
				t.Errorf("%v: %d events", c, n)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("on %v changed %q: %v, want %s", c.on, c.changed, got, c.want)
		}
	}
}

// The default detail is the best image that the view has.
func TestDefaultDetail(t *testing.T) {
	was, is := wire(t, before), wire(t, after)
	for view, want := range map[stream.View][3]string{ // insert, modify, remove
		stream.NewAndOldImages: {`{"id":"u1","name":"Grace"}`, `{"id":"u1","name":"Grace"}`, `{"id":"u1","name":"Ada"}`},
		stream.NewImage:        {`{"id":"u1","name":"Grace"}`, `{"id":"u1","name":"Grace"}`, `{"id":"u1"}`},
		stream.OldImage:        {`{"id":"u1"}`, `{"id":"u1","name":"Ada"}`, `{"id":"u1","name":"Ada"}`},
		stream.KeysOnly:        {`{"id":"u1"}`, `{"id":"u1"}`, `{"id":"u1"}`},
	} {
		st := newStream(t, view)
		for i, r := range []*stream.Record{record(st, nil, is), record(st, was, is), record(st, was, nil)} {
			if got := details(t, r, mapping.Definition{Name: "E"}); len(got) != 1 || got[0] != "E "+want[i] {
				t.Errorf("%s %s: %v, want %s", view, mapping.KindOf(r), got, want[i])
			}
		}
	}
}

// Changed compares by value, at any depth, and knows absent from null.
func TestChanged(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	for _, c := range []struct {
		was, is, path string
		want          bool
	}{
		{`"a":{"S":"x"}`, `"a":{"S":"y"}`, "a", true},
		{`"a":{"S":"x"},"b":{"S":"1"}`, `"a":{"S":"x"},"b":{"S":"2"}`, "a", false},
		{`"a":{"N":"1"}`, `"a":{"N":"1.00"}`, "a", false},
		{`"a":{"N":"1"}`, `"a":{"S":"1"}`, "a", true},
		{`"a":{"N":"12345678901234567890123456789012345678"}`, `"a":{"N":"12345678901234567890123456789012345679"}`, "a", true},
		{``, `"a":{"NULL":true}`, "a", true},
		{`"a":{"NULL":true}`, ``, "a", true},
		{``, `"b":{"S":"x"}`, "a", false},
		{`"a":{"SS":["x","y"]}`, `"a":{"SS":["y","x"]}`, "a", false},
		{`"a":{"L":[{"S":"x"},{"S":"y"}]}`, `"a":{"L":[{"S":"y"},{"S":"x"}]}`, "a", true},
		{`"a":{"M":{"b":{"S":"1"},"c":{"S":"1"}}}`, `"a":{"M":{"b":{"S":"1"},"c":{"S":"2"}}}`, "a.b", false},
		{`"a":{"M":{"b":{"S":"1"},"c":{"S":"1"}}}`, `"a":{"M":{"b":{"S":"1"},"c":{"S":"2"}}}`, "a.c", true},
		{`"a":{"M":{"b":{"S":"1"},"c":{"S":"1"}}}`, `"a":{"M":{"b":{"S":"1"},"c":{"S":"2"}}}`, "a", true},
		{`"a":{"L":[{"S":"x"}]}`, `"a":{"L":[{"S":"x"},{"S":"y"}]}`, "a[0]", false},
		{`"a":{"L":[{"S":"x"}]}`, `"a":{"L":[{"S":"x"},{"S":"y"}]}`, "a[1]", true},
		{`"a-b":{"S":"x"}`, `"a-b":{"S":"y"}`, `["a-b"]`, true},
		{`"a":{"S":"x"},"z":{"S":"x"}`, `"b":{"S":"x"},"z":{"S":"x"}`, "b", true},
		{`"a":{"S":"x"},"z":{"S":"x"}`, `"b":{"S":"x"},"z":{"S":"x"}`, "z", false},
	} {
		item := func(attributes string) string {
			if attributes != "" {
				attributes = "," + attributes
			}
			return `{"id":{"S":"u1"}` + attributes + `}`
		}
		r := record(st, wire(t, item(c.was)), wire(t, item(c.is)))
		if got := len(details(t, r, mapping.Definition{Name: "E", Changed: transitions(t, c.path)})) == 1; got != c.want {
			t.Errorf("%s of {%s} and {%s}: %v", c.path, c.was, c.is, got)
		}
		if !c.want {
			continue
		}
		if got := details(t, r, mapping.Definition{Name: "E", Changed: transitions(t, "other", c.path)}); len(got) != 1 {
			t.Errorf("one of two paths: %v", got)
		}
	}
}

func TestPathErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":         `"" is not a path: it ends too early; `,
		"[0]":      `"[0]" is not a path: a path begins with the name of an attribute; `,
		"a.":       `"a." is not a path: it ends too early; `,
		"a b":      `"a b" is not a path: "b" is not supported; `,
		"a[":       `"a[" is not a path: it ends too early; `,
		"user-id":  `"user-id" is not a path: "-id" is not supported: a name with a dash is written ["user-…"]; `,
		"${new.a}": `"${new.a}" is not a path: "${new.a" is not supported; `,
	} {
		if _, err := mapping.ParsePath(src); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", src, err, want)
		}
	}
}
