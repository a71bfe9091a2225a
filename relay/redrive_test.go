package relay

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
)

// optional is raising, but for items without n, too.
func optional(name string) mapping.Definition {
	d := raising(name)
	n, err := mapping.Scope{}.Text("${new.?n.orValue('none')}")
	if err != nil {
		panic(err)
	}
	id, err := mapping.Scope{}.Text("${keys.id}")
	if err != nil {
		panic(err)
	}
	d.Detail = mapping.Object([]string{"id", "n"}, []*mapping.Template{id, n})
	return d
}

func set(version string, defs ...mapping.Definition) *mapping.Set {
	return mapping.NewSet(defs, mapping.Options{Version: version})
}

// reasons are "id: why" of the parked records, in order.
func (f *folder) reasons() string {
	var out []string
	for _, p := range f.parked() {
		why := "fails"
		if p.Behind {
			why = "behind"
		}
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(p.Group, `users{"id":"`), `"}`)+": "+why)
	}
	return strings.Join(out, ", ")
}

// A record that fails holds back the later ones of its item, and no others;
// after the fix they leave in order.
func TestParkedItemKeepsItsOrder(t *testing.T) {
	f := newFolder(t)
	r := f.relay(Options{Set: set("1", raising("E"))}, raising("E"))
	runs(t, r, func() {
		f.write("a", `,"n":{"N":"1"}`)
		f.write("a", ``)
		f.write("b", `,"n":{"N":"1"}`)
		f.write("a", `,"n":{"N":"3"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		f.write("a", `,"n":{"N":"4"}`)
		f.write("b", `,"n":{"N":"2"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		f.expect(`E {"id":"a","n":1}`, `E {"id":"b","n":1}`, `E {"id":"b","n":2}`)
		if got := f.reasons(); got != "a: fails, a: behind, a: behind" || r.Status().Parked != 3 {
			t.Errorf("%s, %+v", got, r.Status())
		}

		// With the same mapping it fails again.
		out, err := r.Redrive(t.Context(), parking.Selection{}, false, func(parking.Redriven) {})
		if err != nil || out != (parking.Redriven{Failed: 1, Waiting: 2}) || f.parked()[0].Tries != 1 {
			t.Errorf("%+v, %v, %+v", out, err, f.parked()[0])
		}
		if err := r.Replace(t.Context(), []mapping.Definition{optional("E")}, set("2", optional("E")), nil); err != nil {
			t.Fatal(err)
		}
		out, err = r.Redrive(t.Context(), parking.Selection{Event: "E"}, false, func(parking.Redriven) {})
		if err != nil || out != (parking.Redriven{Records: 3, Events: 3}) {
			t.Errorf("%+v, %v", out, err)
		}
		f.write("a", `,"n":{"N":"5"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
	})
	f.expect(`E {"id":"a","n":1}`, `E {"id":"b","n":1}`, `E {"id":"b","n":2}`, `E {"id":"a","n":"none"}`, `E {"id":"a","n":3}`, `E {"id":"a","n":4}`, `E {"id":"a","n":5}`)
	if s := r.Status(); s.Parked != 0 || s.Redriven != 3 || len(f.parked()) != 0 || s.Version != "2" {
		t.Errorf("%+v", s)
	}
}

// Records that have no event for anyone wait for nothing, and neither does what
// comes after a restart pass what waits.
func TestParkedSurvivesRestart(t *testing.T) {
	f := newFolder(t)
	only := raising("E")
	only.Changed = []mapping.Transition{}
	r := f.relay(Options{}, raising("E"))
	f.write("a", ``)
	drain(t, r)
	again := f.relay(Options{}, raising("E"))
	f.write("a", `,"n":{"N":"2"}`)
	if _, err := f.tables.Delete(t.Context(), deleteOf("a")); err != nil {
		t.Fatal(err)
	}
	drain(t, again)
	f.expect()
	if got := f.reasons(); got != "a: fails, a: behind" {
		t.Error(got)
	}
}

// What is dropped is counted, and lets go of what was behind it.
func TestDropParked(t *testing.T) {
	f := newFolder(t)
	r := f.relay(Options{}, raising("E"))
	runs(t, r, func() {
		f.write("a", ``)
		f.write("a", `,"n":{"N":"2"}`)
		f.write("b", ``)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		n, err := r.Drop(t.Context(), parking.Selection{Seqs: []string{f.parked()[0].Seq}})
		if err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
	})
	f.expect(`E {"id":"a","n":2}`)
	if s := r.Status(); s.Parked != 1 || s.Dropped != 1 || s.Redriven != 1 || f.reasons() != "b: fails" {
		t.Errorf("%+v, %s", s, f.reasons())
	}
	if _, err := r.Drop(t.Context(), parking.Selection{Seqs: []string{f.parked()[0].Seq}}); err == nil {
		t.Error("a relay that does not run dropped something")
	}
}

// A record can be redriven with the mapping that parked it.
func TestRedriveWithOriginalMapping(t *testing.T) {
	f := newFolder(t)
	rejects := true
	sink := func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
		if rejects && len(events) > 0 {
			return fmt.Errorf("%w: bus gone", ErrRejected)
		}
		return f.keep(ctx, events, mark)
	}
	sources := map[string]mapping.Definition{"one": raising("E"), "two": optional("Other")}
	compile := func(source []byte) (*mapping.Set, error) { return set("1", sources[string(source)]), nil }
	r := f.relay(Options{Set: set("1", raising("E")), Source: []byte("one"), Compile: compile, Sink: sink}, raising("E"))
	runs(t, r, func() {
		f.write("a", `,"n":{"N":"1"}`)
		f.write("b", `,"n":{"N":"1"}`)
		await(t, r, func(s Status) bool { return s.Position >= s.End })
		if err := r.Replace(t.Context(), []mapping.Definition{optional("E")}, set("2", optional("E")), []byte("two")); err != nil {
			t.Fatal(err)
		}
		rejects = false
		for original, id := range map[bool]string{true: "a", false: "b"} {
			if out, err := r.Redrive(t.Context(), parking.Selection{Key: item.MapOf(item.Field{Name: "id", Value: item.S(id)})}, original, func(parking.Redriven) {}); err != nil || out.Events != 1 {
				t.Errorf("%v: %+v, %v", original, out, err)
			}
		}
	})
	if got := strings.Join(f.events(), " "); !strings.Contains(got, `E {"id":"a","n":1}`) || !strings.Contains(got, `E {"id":"b","n":1}`) || len(f.events()) != 2 {
		t.Error(got)
	}
}

// Versions of the mapping go once they are not in use and nothing is parked by
// them.
func TestForgetVersions(t *testing.T) {
	f := newFolder(t)
	kept := func() string {
		var out []string
		it := f.store.Scan(kv.Prefix(kv.NewKey('y')))
		for it.Next() {
			out = append(out, string(it.Value()))
		}
		if err := it.Close(); err != nil {
			t.Error(err)
		}
		return strings.Join(out, " ")
	}
	forget := func(used string) {
		if err := ForgetVersions(f.store, used); err != nil {
			t.Error(err)
		}
	}
	r := f.relay(Options{Set: set("1", raising("E")), Source: []byte("one")}, raising("E"))
	runs(t, r, func() {
		for v, name := range []string{"one", "two", "three"} {
			version := fmt.Sprint(v + 1)
			if err := r.Replace(t.Context(), []mapping.Definition{raising("E")}, set(version, raising("E")), []byte(name)); err != nil {
				t.Fatal(err)
			}
			if name == "two" {
				f.write("a", ``)
				await(t, r, func(s Status) bool { return s.Position >= s.End })
			}
		}
	})
	if forget("3"); kept() != "two three" {
		t.Errorf("while one is parked: %s", kept())
	}
	r = f.relay(Options{Set: set("3", raising("E")), Source: []byte("three")}, raising("E"))
	runs(t, r, func() {
		if n, err := r.Drop(t.Context(), parking.Selection{}); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
	})
	if forget("3"); kept() != "three" {
		t.Errorf("then: %s", kept())
	}
}

// The items of an outbox are deleted once their events are kept, unless they
// have changed.
func TestOutboxIsEmptied(t *testing.T) {
	f := newFolder(t)
	path := func(s string) mapping.Path {
		p, err := mapping.ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	d := mapping.Definition{Name: "outbox", Table: "users", Bus: "default", Outbox: &mapping.Outbox{Source: path("source"), Type: path("type"), Payload: path("payload"), Delete: true}}
	const message = `,"source":{"S":"shop"},"type":{"S":"T"},"payload":{"M":{"n":{"N":"1"}}}`
	r := f.relay(Options{}, d)
	for n := range 150 {
		f.write(user(n), message)
	}
	f.write("bad", `,"source":{"S":"shop"}`)
	runs(t, r, func() {
		await(t, r, func(s Status) bool { return s.Position >= s.End && s.End > 300 })
		await(t, r, func(Status) bool {
			items, _, _, err := f.scan(t.Context(), nil, 1000)
			return err == nil && len(items) == 1
		})
	})
	if len(f.events()) != 150 || f.reasons() != "bad: fails" {
		t.Errorf("%d events, parked %s", len(f.events()), f.reasons())
	}
}
