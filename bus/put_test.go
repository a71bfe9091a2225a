package bus

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
)

// The results of Put stand in the order of the entries, and the fault of one
// entry leaves the others alone.
func TestPutResults(t *testing.T) {
	w := memory(t, Options{})
	good := Entry{Bus: Default, Source: "s", DetailType: "T", Detail: []byte(` {"a": 1, "a": 2} `)}
	with := func(change func(*Entry)) Entry { e := good; change(&e); return e }
	for _, c := range []struct {
		entry Entry
		err   error
	}{
		{good, nil},
		{with(func(e *Entry) { e.Source = "" }), ErrNoSource},
		{with(func(e *Entry) { e.DetailType = "" }), ErrNoDetailType},
		{with(func(e *Entry) { e.Detail = nil }), ErrNoDetail},
		{with(func(e *Entry) { e.Detail = []byte(`[1]`) }), event.ErrDetail},
		{with(func(e *Entry) { e.Detail = []byte(`{"a":1`) }), event.ErrDetail},
		{with(func(e *Entry) { e.Detail = []byte(strings.Repeat(`{"a":`, 1001) + "1" + strings.Repeat("}", 1001)) }), event.ErrDetail},
		{with(func(e *Entry) { e.Source = "aws.ec2" }), ErrReservedSource},
		{with(func(e *Entry) { e.Source = "awsome" }), nil},
		{with(func(e *Entry) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), ErrTime},
		{with(func(e *Entry) { e.Source, e.Detail = "", nil }), ErrNoSource},
	} {
		results, err := w.Put(t.Context(), []Entry{good, c.entry, good})
		if err != nil || len(results) != 3 {
			t.Fatalf("%+v: %v, %v", c.entry, results, err)
		}
		for i, r := range results {
			want := []error{nil, c.err, nil}[i]
			if !errors.Is(r.Err, want) || (r.ID == "") != (want != nil) {
				t.Errorf("%+v: result %d %+v, want %v", c.entry, i, r, want)
			}
		}
	}
}

// An event that the rules of its bus cannot be matched against leaves the other
// entries alone: here twelve fields must come from eleven arrays, of each one
// element.
func TestPutAmbiguous(t *testing.T) {
	w := memory(t, Options{})
	var fields, elements []string
	for i := range 12 {
		fields = append(fields, fmt.Sprintf(`"f%d":[1]`, i))
		elements = append(elements, fmt.Sprintf(`{"f%d":1}`, i))
	}
	w.must(w.PutRule(Rule{Bus: Default, Name: "r", Pattern: `{"detail":{"a":{` + strings.Join(fields, ",") + `}}}`}))
	good := Entry{Bus: Default, Source: "s", DetailType: "T", Detail: []byte(`{}`)}
	bad := good
	bad.Detail = []byte(`{` + strings.Repeat(`"a":[`+strings.Join(elements, ",")+`],`, 11) + `"z":1}`)
	results, err := w.Put(t.Context(), []Entry{good, bad, good})
	w.must(err)
	if len(results) != 3 || results[0].ID == "" || !errors.Is(results[1].Err, pattern.ErrAmbiguous) || results[1].ID != "" || results[2].ID == "" {
		t.Errorf("%+v", results)
	}
}

// What a bus gives to an event.
func TestPutStamps(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC)
	w := memory(t, Options{Account: "123456789012", Region: "eu-west-1", Now: func() time.Time { return now }})
	given := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	results, err := w.Put(t.Context(), []Entry{
		{Bus: Default, Source: "s", DetailType: "T", Detail: []byte(`{"b": 1, "a":2}`), Resources: []string{"r"}, Trace: "Root=1"},
		{Bus: Default, Source: "s", DetailType: "T", Detail: []byte(`{}`), Time: given},
	})
	w.must(err)
	var got []*event.Event
	w.must(w.Events(Default, 0, func(_ uint64, e *event.Event) bool { got = append(got, e); return true }))
	if len(got) != 2 || got[0].ID != results[0].ID || got[1].ID != results[1].ID || got[0].ID == got[1].ID {
		t.Fatalf("stored %v, results %v", got, results)
	}
	want := `{"version":"0","id":"` + results[0].ID + `","detail-type":"T","source":"s","account":"123456789012",` +
		`"time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":["r"],"detail":{"b":1,"a":2}}`
	if e := string(got[0].AppendJSON(nil)); e != want || got[0].Trace != "Root=1" {
		t.Errorf("envelope %s\n    want %s", e, want)
	}
	if !got[1].Time.Equal(given) {
		t.Errorf("time %v", got[1].Time)
	}
}

func TestPutWhole(t *testing.T) {
	w := memory(t, Options{MaxPutBytes: 100})
	entry := func(n int) Entry {
		return Entry{Bus: Default, Source: "s", DetailType: "T", Detail: []byte(`{"a":"` + strings.Repeat("x", n-10) + `"}`)}
	}
	for _, c := range []struct {
		entries []Entry
		err     error
	}{
		{nil, ErrPutCount},
		{make([]Entry, 11), ErrPutCount},
		{[]Entry{entry(100)}, nil},
		{[]Entry{entry(101)}, ErrPutSize},
		{[]Entry{entry(50), entry(50)}, nil},
		{[]Entry{entry(50), entry(51)}, ErrPutSize},
		{[]Entry{entry(50), {Resources: []string{strings.Repeat("r", 51)}}}, ErrPutSize},
	} {
		before := len(w.stored(Default))
		_, err := w.Put(t.Context(), c.entries)
		if !errors.Is(err, c.err) {
			t.Errorf("%d entries: %v, want %v", len(c.entries), err, c.err)
		}
		if after := len(w.stored(Default)); (after > before) != (c.err == nil) {
			t.Errorf("%d entries, %v: %d stored, then %d", len(c.entries), c.err, before, after)
		}
	}
}

// An event for a missing bus is a success to its producer, and loud here.
func TestMissingBus(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, strict := range []bool{false, true} {
		log.Reset()
		w := memory(t, Options{StrictBus: strict, Logger: logger})
		results, err := w.Put(t.Context(), []Entry{
			{Bus: "nobody", Source: "s1", DetailType: "T", Detail: []byte(`{}`)}, {Bus: Default, Source: "s2", DetailType: "T", Detail: []byte(`{}`)},
		})
		w.must(err)
		if strict {
			w.want(results[0].Err, ErrBusNotFound)
		} else if results[0].Err != nil || results[0].ID == "" {
			t.Errorf("result %+v", results[0])
		}
		equal(t, "stored", w.stored(Default), []string{"s2"})
		if w.Lost() != 1 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "bus=nobody") {
			t.Errorf("lost %d, log %s", w.Lost(), &log)
		}
	}
}

// Observers hear of durable events, with the rules that matched.
func TestAccepted(t *testing.T) {
	w := memory(t, Options{})
	w.rule("b", "s", "t")
	w.rule("a", "s")
	w.rule("c", "other", "t")
	results := w.put("s", "x")
	if len(w.accepted) != 2 {
		t.Fatalf("heard %v", w.accepted)
	}
	for i, want := range [][]string{{"a", "b"}, nil} {
		a := w.accepted[i]
		equal(t, "rules", a.Rules, want)
		e, err := Event(w.store, a.Bus, a.Seq)
		if err != nil || e.ID != results[i].ID || a.Event.ID != e.ID || a.Seq > w.store.Durable() || a.Time.IsZero() {
			t.Errorf("accepted %+v, stored %v, %v", a, e, err)
		}
	}
	if w.accepted[1].Seq != w.accepted[0].Seq+1 {
		t.Errorf("seqs %d, %d", w.accepted[0].Seq, w.accepted[1].Seq)
	}
}

func out(bus, source string) Outgoing {
	return Outgoing{bus, &event.Event{ID: uuid.NewString(), Source: source, DetailType: "T", Detail: []byte(`{}`)}}
}

// Accept stores events of several buses and the mark, or nothing.
func TestAcceptAllOrNothing(t *testing.T) {
	w := memory(t, Options{})
	w.must(w.Create(Bus{Name: "main"}))
	w.rule("r", "s", "t")
	mark := func(v string) func(*kv.Batch) {
		return func(b *kv.Batch) { b.Set(kv.NewKey('c').String("table"), []byte(v)) }
	}
	marked := func() string {
		v, err := w.store.Get(kv.NewKey('c').String("table"))
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			t.Fatal(err)
		}
		return string(v)
	}
	w.want(w.Accept(t.Context(), []Outgoing{out("main", "s"), out("nobody", "s")}, mark("1")), ErrBusNotFound)
	if got := marked(); got != "" || w.stored("main") != nil || w.Lost() != 0 {
		t.Errorf("after a refusal: mark %q, events %v, lost %d", got, w.stored("main"), w.Lost())
	}
	bad := out(Default, "s")
	bad.Event.Detail = []byte(`{"a":`)
	w.want(w.Accept(t.Context(), []Outgoing{out("main", "s"), bad}, mark("1")), event.ErrDetail)
	if got := marked(); got != "" || w.stored("main") != nil {
		t.Errorf("after a malformed event: mark %q, events %v", got, w.stored("main"))
	}
	w.must(w.Accept(t.Context(), []Outgoing{out("main", "s"), out(Default, "s")}, mark("2")))
	equal(t, "main", w.stored("main"), []string{"s"})
	equal(t, "default", w.stored(Default), []string{"s"})
	if c := w.queues.Counts(Default, "r"); marked() != "2" || c.Matched != 1 {
		t.Errorf("mark %q, counts %+v", marked(), c)
	}
	w.must(w.Accept(t.Context(), nil, mark("3")))
	if marked() != "3" {
		t.Errorf("mark %q without events", marked())
	}
}
