package bus

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
)

// Events whose copies in archives and rows of targets come to more than a batch are
// refused before the batch is made, and fewer of them are taken.
func TestAcceptIsBounded(t *testing.T) {
	w := memory(t, Options{maxBatch: 1 << 20})
	for n := range 4 {
		w.must(w.CreateArchive(Archive{Name: fmt.Sprint("a", n), Bus: Default}))
	}
	var events []Outgoing
	for n := range 40 {
		e := w.stamp(&event.Event{Source: "s", DetailType: "T", Detail: []byte(fmt.Sprintf(`{"n":%d,"text":%q}`, n, strings.Repeat("x", 10_000)))})
		events = append(events, Outgoing{Default, e})
	}
	before := w.store.Durable()
	if err := w.Accept(t.Context(), events, func(*kv.Batch) {}); !errors.Is(err, ErrBatchSize) || w.store.Durable() != before {
		t.Errorf("%v, and %d commits", err, w.store.Durable()-before)
	}
	if err := w.Accept(t.Context(), events[:10], func(*kv.Batch) {}); err != nil {
		t.Error(err)
	}
}

// Entries of Put that come to more than a batch are refused one by one: those ahead
// of them are stored, and so are smaller ones behind them.
func TestPutIsBounded(t *testing.T) {
	w := memory(t, Options{maxBatch: 100_000})
	for n := range 4 {
		w.must(w.CreateArchive(Archive{Name: fmt.Sprint("a", n), Bus: Default}))
	}
	entry := func(id string, bytes int) Entry {
		return Entry{Bus: Default, Source: "s", DetailType: "T", Detail: []byte(fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", bytes))), DeduplicationID: id}
	}
	results, err := w.Put(t.Context(), []Entry{entry("1", 10_000), entry("2", 12_000), entry("3", 1), entry("2", 1)})
	w.must(err)
	for i, want := range []error{nil, ErrBatchFull, nil, nil} {
		if r := results[i]; !errors.Is(r.Err, want) || (r.ID == "") != (want != nil) || r.Duplicate {
			t.Errorf("entry %d: %+v", i, r)
		}
	}
	again, err := w.Put(t.Context(), []Entry{entry("4", 12_000), entry("1", 1), entry("5", 30_000)})
	w.must(err)
	if again[0].Err != nil || again[1].ID != results[0].ID || !errors.Is(again[2].Err, ErrBatchSize) {
		t.Errorf("%+v", again)
	}
}

// Rows count: small events that many targets get are refused as large ones are.
func TestAcceptCountsRows(t *testing.T) {
	w := memory(t, Options{maxBatch: 100_000})
	for n := range 10 {
		name := fmt.Sprint("r", n)
		w.must(w.PutRule(Rule{Bus: Default, Name: name, Pattern: `{"source":["s"]}`}))
		var targets []Target
		for i := range 5 {
			targets = append(targets, Target{ID: fmt.Sprint("t", i), ARN: "log:x"})
		}
		w.must(w.PutTargets(Default, name, targets))
	}
	var events []Outgoing
	for range 20 {
		events = append(events, Outgoing{Default, w.stamp(&event.Event{Source: "s", DetailType: "T", Detail: []byte("{}")})})
	}
	if err := w.Accept(t.Context(), events, func(*kv.Batch) {}); !errors.Is(err, ErrBatchSize) {
		t.Error(err)
	}
	if err := w.Accept(t.Context(), events[:5], func(*kv.Batch) {}); err != nil {
		t.Error(err)
	}
}

// allocated returns how many bytes fn allocates, garbage included.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// largeEvent is an event with a text of so many characters, which take two bytes as
// JSON, and a list with half as many.
func largeEvent(n int) *event.Event {
	return &event.Event{
		ID: "1", Source: "s", DetailType: "T", Resources: []string{"arn:1", "arn:2"},
		Detail: []byte(`{"text":"` + strings.Repeat(`\"`, n) + `","list":[{"a":"` + strings.Repeat("x", n/2) + `"},{"a":2}],"n":1}`),
	}
}

// A template or parameters that show one large value many times make no more than is
// bounded, and the reason says what to do.
func TestInputIsBounded(t *testing.T) {
	e := largeEvent(400_000)
	paths := map[string]string{"v": "$.detail.text", "l": "$.detail.list[*].a"}
	for name, template := range map[string]string{
		"text": `"` + strings.Repeat("<v>", 2000) + `"`, "JSON": "[" + strings.Repeat("<v>,", 2000) + "1]", "lists": "[" + strings.Repeat("<l>,", 2000) + "1]",
		"quoted": `{"a":"` + strings.Repeat("<v>", 2000) + `"}`, "events": strings.Repeat("<aws.events.event.json>", 300),
	} {
		target := Target{ID: "t", ARN: "log:x", Template: template, Paths: paths}
		p, err := target.policy("", "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := allocated(func() { _, err = p.Input(e) }); n > 60<<20 {
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		}
		if err == nil || !strings.Contains(err.Error(), "InputTemplate makes more than 4194304 bytes of the event; let it show large values less often") {
			t.Errorf("%s: %v", name, err)
		}
	}
	target := Target{ID: "t", ARN: "log:x", Parameters: map[string]jsontext.Value{
		"HttpParameters": jsontext.Value(`{"PathParameterValues":[` + strings.Repeat(`"$.detail.text",`, 1000) + `"$.detail.n"]}`),
	}}
	p, err := target.policy("", "")
	w := allocated(func() { _, err = p.Params(e) })
	if w > 60<<20 || err == nil || !strings.Contains(err.Error(), "HttpParameters makes more than") {
		t.Errorf("parameters: %v, and %d MB were allocated", err, w>>20)
	}
}

// Whatever the template, what a target is sent stays within the bound, and what is
// allocated within a few of it.
func TestInputBoundHolds(t *testing.T) {
	e := largeEvent(50_000)
	room := maxInput(e.AppendJSON(nil))
	paths := map[string]string{"v": "$.detail.text", "l": "$.detail.list[*].a", "d": "$.detail", "n": "$.detail.n", "no": "$.detail.no"}
	part := rapid.SampledFrom([]string{"<v>", "<l>", "<d>", "<n>", "<no>", "<aws.events.event>", "<aws.events.event.json>", `"<v>"`, `"<d>"`, ",", "[", "]", "x"})
	parts := rapid.SliceOfN(part, 0, 60)
	for seed := range 60 {
		target := Target{ID: "t", ARN: "log:x", Template: []string{`"`, "[", ""}[seed%3] + strings.Join(parts.Example(seed), ""), Paths: paths}
		p, err := target.policy("", "")
		if err != nil {
			continue
		}
		var out []byte
		n := allocated(func() { out, err = p.Input(e) })
		if len(out) > room || n > uint64(24*room) {
			t.Fatalf("%q: %d bytes, %d MB were allocated, %v", target.Template, len(out), n>>20, err)
		}
	}
}
