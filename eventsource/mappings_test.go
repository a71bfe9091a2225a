package eventsource

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast/function/process"
)

func takeAll([]change, *event) (string, error) { return "", nil }

// LATEST misses no write made after Create, and takes none made before.
func TestLatest(t *testing.T) {
	w := start(t, takeAll, Options{})
	w.fill(3)
	m := w.mapped(func(m *Mapping) { m.Start = Latest })
	w.put("v", 7)
	w.settled(m.UUID, 1)
	if got := w.seen(); len(got) != 1 || got[0][0].n != 7 {
		t.Errorf("%v", got)
	}
}

// Records reach the function when they are written: nothing polls.
func TestPush(t *testing.T) {
	w := start(t, takeAll, Options{})
	m := w.mapped(nil)
	w.fill(1)
	w.settled(m.UUID, 1)
	begin := time.Now()
	for n := range 50 {
		w.put("u", n+1)
		w.settled(m.UUID, uint64(n+2))
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("50 changes, one by one, took %v", took)
	}
}

func TestBatches(t *testing.T) {
	w := start(t, takeAll, Options{})
	w.fill(10)
	m := w.mapped(func(m *Mapping) { m.BatchSize, m.BatchingWindow = 4, 1 })
	w.settled(m.UUID, 10)
	if got := fmt.Sprint(w.sizes()); got != "[4 4 2]" {
		t.Errorf("batches of %v", got)
	}
}

// A batch ends before its payload is larger than a function takes.
func TestPayloadCut(t *testing.T) {
	s := &shard{m: &runner{Mapping: Mapping{Settings: Defaults()}}}
	var queue []*record
	for range 10 {
		queue = append(queue, &record{json: make([]byte, 1<<20)})
	}
	if n, full := s.size(queue); n != 5 || !full || len(payload(queue[:n])) > process.MaxPayloadBytes || len(payload(queue[:n+1])) < 6<<20 {
		t.Errorf("%d records, full %v", n, full)
	}
	huge := []*record{{json: make([]byte, 7<<20)}, {}}
	if n, _ := s.size(huge); n != 1 {
		t.Errorf("a huge record: %d", n)
	}
}

func TestFilters(t *testing.T) {
	w := start(t, takeAll, Options{})
	w.fill(6)
	w.put("v", 1)
	m := w.mapped(func(m *Mapping) {
		m.Filters = []string{`{"eventName":["INSERT"]}`, `{"dynamodb":{"NewImage":{"n":{"N":["4"]}}}}`}
	})
	s := w.settled(m.UUID, 7)
	if s.Delivered != 3 || s.Filtered != 4 {
		t.Errorf("%+v %v", s.Counts, w.seen())
	}
}

// The state machine, and a checkpoint that outlives being disabled.
func TestStates(t *testing.T) {
	gate := make(chan struct{})
	w := start(t, takeAll, Options{})
	w.handle = func([]change, *event) (string, error) { <-gate; return "", nil }
	w.fill(2)
	m := w.mapped(func(m *Mapping) { m.BatchSize = 1 })
	w.await("a batch under way", func() bool {
		if !w.mu.TryLock() { // the handler holds it
			return true
		}
		w.mu.Unlock()
		return false
	})
	s, err := w.Update(m.UUID, func(s *Settings) { s.Enabled = false })
	if err != nil || s.State != Disabling {
		t.Fatalf("%+v %v", s, err)
	}
	if _, err := w.Update(m.UUID, func(*Settings) {}); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	if _, err := w.Delete(m.UUID); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	close(gate)
	w.await("disabled", func() bool { return w.status(m.UUID).State == Disabled })
	if s := w.status(m.UUID); s.Delivered != 1 {
		t.Errorf("%+v", s.Counts)
	}
	if s, err = w.Update(m.UUID, func(s *Settings) { s.Enabled = true }); err != nil || s.State != Enabling {
		t.Fatalf("%+v %v", s, err)
	}
	w.settled(m.UUID, 2)
	if got := w.seen(); len(got) != 2 || got[1][0].n != 1 {
		t.Errorf("%v", got)
	}
	w.await("enabled", func() bool { return w.status(m.UUID).State == Enabled })
	if s, err = w.Delete(m.UUID); err != nil || s.State != Deleting {
		t.Fatalf("%+v %v", s, err)
	}
	w.await("gone", func() bool { _, err := w.Get(m.UUID); return errors.Is(err, ErrNotFound) })
}

// What no mapping has done with is kept, while it is disabled, too.
func TestUnread(t *testing.T) {
	sick := true
	w := start(t, func(changes []change, _ *event) (string, error) {
		if sick {
			return "", errFail
		}
		return "", nil
	}, Options{})
	w.fill(3)
	page, err := w.users().Read(0, 1, 1)
	must(t, err)
	unread := func(table string) uint64 {
		t.Helper()
		at, err := w.Unread(table)
		must(t, err)
		return at
	}
	if at := unread("users"); at != math.MaxUint64 {
		t.Errorf("without a mapping %d", at)
	}
	m := w.mapped(func(m *Mapping) { m.OnError = Block })
	w.await("attempts", func() bool { return len(w.seen()) > 2 })
	if at := unread("users"); at != page.Records[0].Seq-1 || unread("others") != math.MaxUint64 {
		t.Errorf("unread from %d, want %d", at, page.Records[0].Seq-1)
	}
	if quiet, err := w.Quiet(); quiet || err != nil {
		t.Error("quiet while the function fails", err)
	}
	if _, err := w.Update(m.UUID, func(s *Settings) { s.Enabled = false }); err != nil {
		t.Fatal(err)
	}
	w.await("disabled", func() bool { return w.status(m.UUID).State == Disabled })
	if quiet, err := w.Quiet(); !quiet || err != nil || unread("users") != page.Records[0].Seq-1 {
		t.Error("disabled: quiet", quiet, err, unread("users"))
	}
	w.mu.Lock()
	sick = false
	w.mu.Unlock()
	if _, err := w.Update(m.UUID, func(s *Settings) { s.Enabled = true }); err != nil {
		t.Fatal(err)
	}
	w.settled(m.UUID, 3)
	if quiet, err := w.Quiet(); !quiet || err != nil || unread("users") != math.MaxUint64 {
		t.Error("done: quiet", quiet, err)
	}
}

func TestRefusals(t *testing.T) {
	w := start(t, takeAll, Options{})
	m := w.mapped(nil)
	for want, change := range map[error]func(*Mapping){
		ErrNoStream:   func(m *Mapping) { m.Stream = "arn:none" },
		ErrNoFunction: func(m *Mapping) { m.Function = "nobody" },
		ErrFilter:     func(m *Mapping) { m.Filters = []string{`{"a":[]}`} },
	} {
		bad := Mapping{Stream: w.users().ARN(), Start: Latest, Settings: Defaults()}
		bad.Function = "g"
		change(&bad)
		if _, err := w.Create(bad); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	again := Mapping{Stream: m.Stream, Settings: m.Settings}
	var exists *ExistsError
	if _, err := w.Create(again); !errors.As(err, &exists) || exists.UUID != m.UUID {
		t.Error(err)
	}
	if _, err := w.Update(m.UUID, func(s *Settings) { s.OnFailure = "nowhere" }); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
}

// The state goes from batch to batch of a window and ends with it.
func TestTumblingWindow(t *testing.T) {
	type call struct {
		n, records int
		final      bool
	}
	var calls []call
	w := start(t, func(changes []change, e *event) (string, error) {
		calls = append(calls, call{e.State["n"], len(changes), e.Final})
		return fmt.Sprintf(`{"state":{"n":%d}}`, e.State["n"]+len(changes)), nil
	}, Options{})
	w.fill(5)
	m := w.mapped(func(m *Mapping) { m.BatchSize, m.TumblingWindow = 2, 900 })
	w.settled(m.UUID, 5)
	must(t, w.users().Rotate()) // the end of a shard ends the window
	w.put("u", 9)
	w.settled(m.UUID, 6)
	w.mu.Lock()
	defer w.mu.Unlock()
	total := 0
	for i, c := range calls {
		if c.n != total || c.final != (c.records == 0) {
			t.Errorf("call %d: %+v, want state %d", i, c, total)
		}
		if total += c.records; c.final {
			total = 0
		}
	}
	finals := 0
	for _, c := range calls {
		if c.final {
			finals++
		}
	}
	if finals < 1 {
		t.Errorf("no final invocation: %+v", calls)
	}
}

// A state that names a member twice, which an answer may have, is kept, and so are the
// counts beside it when the node starts again.
func TestTumblingWindowAnyState(t *testing.T) {
	w := start(t, func([]change, *event) (string, error) { return `{"state":{"n":1,"n":2}}`, nil }, Options{})
	w.fill(4)
	m := w.mapped(func(m *Mapping) { m.BatchSize, m.TumblingWindow = 2, 900 })
	w.settled(m.UUID, 4)
	again, err := Open(w.store, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := again.Get(m.UUID); err != nil || s.Delivered != 4 {
		t.Errorf("after a restart: %+v, %v", s.Counts, err)
	}
}

// Records that grow too old leave a window, and a state beyond its limit ends
// the window early; then the next one begins without it.
func TestWindowLimits(t *testing.T) {
	var old atomic.Bool
	var calls []string
	w := start(t, func(changes []change, e *event) (string, error) {
		calls = append(calls, fmt.Sprintf("%d %d %t %t", len(changes), e.State["n"], e.Final, e.Early))
		switch {
		case len(changes) == 0:
			return `{"state":{}}`, nil
		case changes[0].n == 0:
			old.Store(true)
			return "", errFail
		}
		return fmt.Sprintf(`{"state":{"n":%d,%q:0}}`, e.State["n"]+1, strings.Repeat("x", maxState)), nil
	}, Options{})
	w.now = func() time.Time {
		if old.Load() {
			return time.Now().Add(61 * time.Second)
		}
		return time.Now()
	}
	w.put("u", 0)
	m := w.mapped(func(m *Mapping) { m.BatchSize, m.TumblingWindow, m.MaxAge, m.OnFailure = 1, 900, 60, DeadLetters })
	if s := w.settled(m.UUID, 1); s.Sent != 1 {
		t.Errorf("%+v", s.Counts)
	}
	old.Store(false)
	w.put("u", 1)
	w.put("u", 2)
	w.settled(m.UUID, 3)
	w.await("the end of the window", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(calls) >= 5 && strings.HasSuffix(calls[len(calls)-1], "true true")
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	// The end of an empty window may fall between, where the clock passes it.
	calls = slices.DeleteFunc(calls, func(c string) bool { return c == "0 0 true false" })
	if got := strings.Join(calls[1:5], ", "); calls[0] != "1 0 false false" || got != "1 0 false false, 0 1 true true, 1 0 false false, 0 1 true true" {
		t.Errorf("calls %q", calls)
	}
}
