package mapping_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// newStream is a stream of a table users that is keyed by id.
func newStream(t testing.TB, view stream.View) *stream.Stream {
	t.Helper()
	store := kvtest.NewMem(t)
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := store.NewBatch()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	st := streams.Create(b, stream.Spec{Table: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, View: view, At: at})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	return st
}

// wire reads an item in wire JSON; "" is none.
func wire(t testing.TB, text string) item.Item {
	t.Helper()
	if text == "" {
		return nil
	}
	var m item.Map
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// record is a change from one item to another as the stream's view shows it.
func record(st *stream.Stream, before, after item.Item) *stream.Record {
	r := &stream.Record{Stream: st, Seq: 7, Time: time.Date(2030, 1, 2, 3, 4, 6, 0, time.UTC), Op: stream.Modify, Keys: st.Schema().Project(after)}
	if before == nil {
		r.Op = stream.Insert
	}
	if after == nil {
		r.Op, r.Keys = stream.Remove, st.Schema().Project(before)
	}
	if st.View().HasNew() {
		r.New = after
	}
	if st.View().HasOld() {
		r.Old = before
	}
	return r
}

func all(string) bool { return true }

// text is a template of a string.
func text(t testing.TB, s string) *mapping.Template {
	t.Helper()
	out, err := mapping.Scope{Each: true}.Text(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// object is a template of an object with members a, b, … of the texts.
func object(t testing.TB, texts ...string) *mapping.Template {
	t.Helper()
	var names []string
	var values []*mapping.Template
	for i, s := range texts {
		names = append(names, string(rune('a'+i)))
		values = append(values, text(t, s))
	}
	return mapping.Object(names, values)
}

func paths(t testing.TB, texts ...string) []mapping.Path {
	t.Helper()
	var out []mapping.Path
	for _, s := range texts {
		p, err := mapping.ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// transitions are changes at paths, from and to anything.
func transitions(t testing.TB, texts ...string) []mapping.Transition {
	t.Helper()
	var out []mapping.Transition
	for _, p := range paths(t, texts...) {
		out = append(out, mapping.Transition{Path: p})
	}
	return out
}

// condition compiles an expression that may use each.
func condition(t testing.TB, s string) *mapping.Expression {
	t.Helper()
	e, err := mapping.Scope{Each: true}.Condition(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func collection(t testing.TB, s string) *mapping.Expression {
	t.Helper()
	e, err := mapping.Scope{}.Collection(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// details applies definitions and returns "definition detail" of each event.
func details(t testing.TB, r *stream.Record, defs ...mapping.Definition) []string {
	t.Helper()
	events, err := mapping.NewSet(defs, mapping.Options{Account: "000000000000", Region: "us-east-1"}).Apply(r, all)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %s", e.Definition, e.Event.Detail))
	}
	return out
}
