package eventsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
)

// Each row of what a function may report.
func TestReport(t *testing.T) {
	batch := []*record{{seq: 1}, {seq: 2}, {seq: 3}}
	id := func(n int) string { return fmt.Sprintf("1%020d", n) }
	entry := func(v string) string { return `{"batchItemFailures":[{"itemIdentifier":` + v + `}]}` }
	for answer, good := range map[string]int{
		`{"batchItemFailures":[]}`: 3, `{"batchItemFailures":null}`: 3, `{}`: 3, `null`: 3, `""`: 3, ``: 3,
		entry(`"` + id(2) + `"`): 1, entry(`"` + id(1) + `"`): 0,
		`{"batchItemFailures":[{"itemIdentifier":"` + id(3) + `"},{"itemIdentifier":"` + id(2) + `"}]}`: 1,
		entry(`""`): 0, entry(`null`): 0, entry(`123`): 0, entry(`"` + id(9) + `"`): 0,
		`{"batchItemFailures":[{"foo":"` + id(2) + `"}]}`: 0, `{"batchItemFailures":[{"foo":null}]}`: 0,
		`{"batchItemFailures":[{"itemIdentifier":"` + id(2) + `"},{"foo":1}]}`: 0,
		`"text"`: 0, `[1]`: 0,
	} {
		s := Settings{Report: true}
		if v := judge(&s, batch, &process.Result{Payload: []byte(answer)}); v.good != good {
			t.Errorf("%s: %d taken, want %d", answer, v.good, good)
		}
		s.Report = false
		if v := judge(&s, batch, &process.Result{Payload: []byte(answer)}); v.good != 3 {
			t.Errorf("%s without ReportBatchItemFailures: %d taken", answer, v.good)
		}
	}
	if v := judge(&Settings{}, batch, &process.Result{FunctionError: "Unhandled", Payload: []byte(`{}`)}); v.good != 0 {
		t.Errorf("an error took %d", v.good)
	}
}

// fill puts n changes of one item, so that they are in one shard.
func (w *world) fill(n int) {
	for i := range n {
		w.put("u", i)
	}
}

// A poison record behind others, reported: 5 times delivered at 3 retries, and
// the count of the failure record is 4, as on AWS.
func TestRetriesExhausted(t *testing.T) {
	var mu sync.Mutex
	var told []string
	dest := func(arn string) (Destination, error) {
		if arn != "box" {
			return nil, errors.New("no destination " + arn)
		}
		return func(_ context.Context, _ string, r []byte) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, string(r))
			return nil
		}, nil
	}
	delivered := 0
	w := start(t, func(changes []change, _ *event) (string, error) {
		for _, c := range changes {
			if c.n == 2 {
				delivered++
				return report(c), nil
			}
		}
		return report(), nil
	}, Options{Destination: dest})
	w.fill(6)
	m := w.mapped(func(m *Mapping) { m.BatchSize, m.MaxRetry, m.Report, m.OnFailure = 3, 3, true, "box" })
	s := w.settled(m.UUID, 6)
	if s.Delivered != 5 || s.Sent != 1 || delivered != 5 || len(told) != 1 {
		t.Fatalf("%+v, poison delivered %d times, %d records", s.Counts, delivered, len(told))
	}
	var f failureRecord
	must(t, json.Unmarshal([]byte(told[0]), &f))
	if f.Request.Condition != "RetryAttemptsExhausted" || f.Request.Count != 4 || f.Response == nil || f.Response.Error != nil || f.Batch.Size != 1 || f.Batch.First != f.Batch.Last ||
		f.Batch.Stream != m.Stream || !strings.Contains(string(f.Payload), f.Batch.First) || !strings.Contains(told[0], `"functionError":null`) {
		t.Errorf("%s", told[0])
	}
}

// Without bisecting the whole batch goes; with it only the record that fails.
func TestBisect(t *testing.T) {
	for bisect, sent := range map[bool]uint64{false: 8, true: 1} {
		w := start(t, func(changes []change, _ *event) (string, error) {
			if slices.ContainsFunc(changes, func(c change) bool { return c.n == 5 }) {
				return "", errFail
			}
			return "", nil
		}, Options{})
		w.fill(8)
		m := w.mapped(func(m *Mapping) { m.MaxRetry, m.Bisect, m.OnFailure = 1, bisect, DeadLetters })
		s := w.settled(m.UUID, 8)
		if s.Sent != sent || s.Delivered != 8-sent {
			t.Errorf("bisect %v: %+v, batches %v", bisect, s.Counts, w.sizes())
		}
		n := 0
		it := w.store.Scan(kv.Prefix(kv.NewKey('z')))
		for it.Next() {
			n++
		}
		if must(t, it.Close()); n != 1 {
			t.Errorf("bisect %v: %d dead letters", bisect, n)
		}
		w.stop()
	}
}

// A function that cannot be reached takes no attempt away, and the mapping says
// what is wrong.
func TestUnreachable(t *testing.T) {
	away := true
	w := start(t, func([]change, *event) (string, error) {
		if away {
			return "", errAway
		}
		return "", nil
	}, Options{})
	w.fill(3)
	m := w.mapped(func(m *Mapping) { m.MaxRetry = 0; m.OnError = Skip })
	w.await("tries", func() bool { return len(w.seen()) > 10 })
	if s := w.status(m.UUID); s.Counts != (Counts{}) || !strings.HasPrefix(s.Result, "PROBLEM: Function call failed.") {
		t.Errorf("%+v", s)
	}
	w.mu.Lock()
	away = false
	w.mu.Unlock()
	if s := w.settled(m.UUID, 3); s.Delivered != 3 || s.Result != "OK" {
		t.Errorf("%+v", s)
	}
}

// Old records go before they are handed over; the others are not harmed.
func TestAge(t *testing.T) {
	w := start(t, func([]change, *event) (string, error) { return "", nil }, Options{})
	w.fill(2)
	m := w.mapped(func(m *Mapping) { m.MaxAge, m.OnFailure, m.Enabled = 60, DeadLetters, false })
	later := time.Now().Add(2 * time.Minute)
	w.now = func() time.Time { return later }
	if _, err := w.Update(m.UUID, func(s *Settings) { s.Enabled = true }); err != nil {
		t.Fatal(err)
	}
	if s := w.settled(m.UUID, 2); s.Sent != 2 || len(w.seen()) != 0 {
		t.Errorf("%+v %v", s.Counts, w.seen())
	}
}

// Skip drops what fails and counts it; Block holds on to it.
func TestPolicies(t *testing.T) {
	for policy, skipped := range map[string]uint64{Skip: 1, Block: 0} {
		w := start(t, func(changes []change, _ *event) (string, error) {
			if changes[0].n == 1 {
				return "", errFail
			}
			return "", nil
		}, Options{})
		w.fill(4)
		m := w.mapped(func(m *Mapping) { m.BatchSize, m.OnError = 1, policy })
		w.await("attempts", func() bool { return len(w.seen()) > 6 || w.status(m.UUID).Delivered == 3 })
		if s := w.status(m.UUID); s.Skipped != skipped || s.Delivered != 1+2*skipped {
			t.Errorf("%s: %+v", policy, s.Counts)
		}
		w.stop()
	}
}

// A failing item parks alone, its later changes behind it; dropped, it lets go
// of them, in order.
func TestPark(t *testing.T) {
	sick := true
	w := start(t, func(changes []change, _ *event) (string, error) {
		if sick && slices.ContainsFunc(changes, func(c change) bool { return c.id == "bad" }) {
			return "", errFail
		}
		return "", nil
	}, Options{})
	for n := range 5 {
		for _, id := range []string{"bad", "a", "b", "c"} {
			w.put(id, n)
		}
	}
	m := w.mapped(nil)
	s := w.settled(m.UUID, 20)
	if s.Delivered != 15 || s.Parked != 5 {
		t.Fatalf("%+v", s.Counts)
	}
	parked := w.parked(m.UUID)
	if len(parked) != 5 || !strings.Contains(parked[0].Error, "failed") || parked[0].Behind || !parked[1].Behind || parked[0].Mapping != m.UUID || parked[0].Function != "f" {
		t.Fatalf("%+v", parked)
	}
	if out := w.redrive(m.UUID); out != (parking.Redriven{Failed: 1, Waiting: 4}) || w.parked(m.UUID)[0].Tries != 1 {
		t.Errorf("redriven while it fails: %+v", out)
	}
	w.mu.Lock()
	sick, w.batches = false, nil
	w.mu.Unlock()
	if n, err := w.Drop(t.Context(), m.UUID, parking.Selection{Seqs: []string{parked[0].Seq}}); n != 1 || err != nil {
		t.Errorf("%d dropped, %v", n, err)
	}
	if got := fmt.Sprint(w.sizes()); got != "[1 1 1 1]" || w.seen()[0][0].n != 1 || len(w.parked(m.UUID)) != 0 {
		t.Errorf("%v", w.seen())
	}
	if _, err := w.Redrive(t.Context(), m.UUID, parking.Selection{Seqs: []string{parked[0].Seq}}, false, func(parking.Redriven) {}); !errors.Is(err, parking.ErrNoMatch) {
		t.Error(err)
	}
	w.put("bad", 5)
	s = w.settled(m.UUID, 21)
	if s.Delivered != 16 || s.Parked != 5 || s.Redriven != 4 || s.Dropped != 1 {
		t.Errorf("a change after the redrive: %+v", s.Counts)
	}
	again, err := Open(w.store, w.opts)
	must(t, err)
	if r, err := again.Get(m.UUID); err != nil || r.Counts != s.Counts {
		t.Errorf("read again: %+v %v, want %+v", r.Counts, err, s.Counts)
	}
}
