package function

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// soon has no pauses to speak of.
func soon(int, bool) time.Duration { return time.Millisecond }

// A letterbox is a destination that takes what comes after some refusals.
type letterbox struct {
	mu      sync.Mutex
	refuse  int
	records []recordBody
}

func (l *letterbox) open(arn string) (Destination, error) {
	if arn != "box" {
		return nil, &DestinationError{arn}
	}
	return func(_ context.Context, r InvocationRecord) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.refuse > 0 {
			l.refuse--
			return errors.New("not now")
		}
		var rec recordBody
		if err := json.Unmarshal(r.Body, &rec, anyJSON); err != nil {
			return err
		}
		l.records = append(l.records, rec)
		return nil
	}, nil
}

func (l *letterbox) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

func queued(t *testing.T, store *kv.Store) (n int) {
	t.Helper()
	it := store.Scan(kv.Prefix(kv.NewKey('f').Uint64(2)))
	for it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

func (w *world) dead(name string) (out []DeadLetter) {
	w.t.Helper()
	if err := w.DeadLetters(name, func(d DeadLetter) bool { out = append(out, d); return true }); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// An event that fails is tried three times; then its destination is told, until
// it takes the record.
func TestDestination(t *testing.T) {
	box := &letterbox{refuse: 2}
	var pauses []int
	var mu sync.Mutex
	w := open(t, vfs.NewMem(), Options{Destination: box.open, Pause: func(n int, failed bool) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		if failed {
			pauses = append(pauses, n)
		}
		return time.Millisecond
	}})
	w.create("go", binary(t), goConfig())
	_, err := w.SetEvents("go", func(c *EventConfig) *EventConfig { c.OnFailure, c.OnSuccess = "box", "box"; return c })
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`{"fail":true}`, `{}`} {
		if err := w.Enqueue("go", "id-"+payload, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "records", func() bool { return box.count() == 2 && queued(t, w.store) == 0 })
	for _, r := range box.records {
		want := requestContext{"id-" + string(r.Request), w.ARN("go") + ":$LATEST", "Success", 1}
		status, response := responseContext{200, "$LATEST", ""}, `"done "`
		if strings.Contains(string(r.Request), "fail") {
			want.Condition, want.Count, status.Error = "RetriesExhausted", 3, "Unhandled"
			response = `{"errorMessage":"no luck","errorType":"errorString"}`
		}
		if r.RequestContext != want || *r.Context != status || string(r.Response) != response {
			t.Errorf("%+v %+v %s", r, r.Context, r.Response)
		}
	}
	if len(pauses) != 2 || pauses[0] != 1 || pauses[1] != 2 {
		t.Errorf("pauses after attempts %v", pauses)
	}
	if len(w.dead("go")) != 0 {
		t.Error("dead letters beside a destination")
	}
}

// Without a destination the event is kept; a deleted function's events go.
func TestDeadLetters(t *testing.T) {
	w := open(t, vfs.NewMem(), Options{Pause: soon})
	w.create("go", binary(t), goConfig())
	_, err := w.SetEvents("go", func(c *EventConfig) *EventConfig { c.MaxRetries = 0; return c })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Enqueue("go", "", []byte(`{"fail":true}`)); err != nil {
		t.Fatal(err)
	}
	await(t, "dead letter", func() bool { return len(w.dead("go")) == 1 && queued(t, w.store) == 0 })
	if text := string(w.dead("go")[0].Record); !strings.Contains(text, `"requestPayload":{"fail":true}`) {
		t.Errorf("%s", text)
	}
	if err := w.Delete("go"); err != nil {
		t.Fatal(err)
	}
	if len(w.dead("go")) != 1 {
		t.Error("the dead letter went with the function")
	}
}

// The events of a function that is deleted do not go to the next one of its name;
// a record that waits for its destination does.
func TestDeleteDropsEvents(t *testing.T) {
	box := &letterbox{refuse: 1}
	w := open(t, vfs.NewMem(), Options{Destination: box.open, Pause: func(int, bool) time.Duration { return 24 * time.Hour }})
	w.create("go", binary(t), goConfig())
	if _, err := w.SetEvents("go", func(c *EventConfig) *EventConfig { c.OnSuccess = "box"; return c }); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`{"fail":true}`, `{}`} {
		if err := w.Enqueue("go", "", []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "events that wait again", func() bool {
		w.queue.mu.Lock()
		defer w.queue.mu.Unlock()
		return len(w.queue.busy) == 0 && len(w.queue.waiting) == 2 && w.queue.waiting[0].due.After(time.Now().Add(time.Hour))
	})
	if err := w.Delete("go"); err != nil {
		t.Fatal(err)
	}
	w.create("go", binary(t), goConfig())
	if n, stored := w.Waiting(), queued(t, w.store); n != 1 || stored != 1 || !w.queue.waiting[0].record {
		t.Errorf("%d events wait and %d are stored, want the record alone", n, stored)
	}
}

// Events outlive a restart, even one in the middle of an attempt, and wait while
// the function cannot start.
func TestQueueRestart(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{Pause: soon})
	w.create("go", binary(t), goConfig())
	gate := filepath.Join(t.TempDir(), "gate")
	if err := w.Enqueue("go", "", []byte(`{"wait":"`+gate+`"}`)); err != nil {
		t.Fatal(err)
	}
	await(t, "begin", func() bool { files, _ := filepath.Glob(gate + ".begun"); return len(files) == 1 })
	w.create("js", Code{Zip: zipOf(t, file{"app.py", "import nothing_of_this_name", 0o644})}, pythonConfig())
	if err := w.Enqueue("js", "", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	w.stop()
	mem = mem.Clone(0)
	w = open(t, mem, Options{Pause: soon})
	if n := queued(t, w.store); n != 2 {
		t.Fatalf("%d events after a restart, want 2", n)
	}
	if _, err := w.SetCode("go", "", Code{Dir: t.TempDir()}); err != nil { // without a bootstrap
		t.Fatal(err)
	}
	for _, name := range []string{"go", "js"} {
		if len(w.dead(name)) > 0 {
			t.Errorf("an event of %s that no attempt was made with is dead", name)
		}
	}
	if _, err := w.SetCode("js", "", app(t, "now")); err != nil {
		t.Fatal(err)
	}
	await(t, "success", func() bool { return queued(t, w.store) == 1 })
	if f, err := w.Get("js"); err != nil || f.State.Failed() {
		t.Errorf("%+v %v", f.State, err)
	}
}

// An event is too old once its age passes, whatever it waits for.
func TestAge(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	w := open(t, vfs.NewMem(), Options{Pause: soon, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(100 * time.Millisecond)
		return now
	}, Function: process.Options{Node: "no-such-node"}})
	w.create("js", Code{Zip: zipOf(t, file{"index.js", "", 0o644})}, Config{Runtime: "nodejs22.x", Handler: "index.handler"})
	_, err := w.SetEvents("js", func(c *EventConfig) *EventConfig { c.MaxAge = 60; return c })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Enqueue("js", "", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	await(t, "dead letter", func() bool { return len(w.dead("js")) == 1 })
	if text := string(w.dead("js")[0].Record); !strings.Contains(text, `"condition":"EventAgeExceeded"`) {
		t.Errorf("%s", text)
	}
}

// An event may be any JSON that an invocation whose sender waits may be, and so
// may the answer of the function.
func TestAnyPayload(t *testing.T) {
	box := &letterbox{}
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{Destination: box.open, Pause: soon})
	w.create("go", binary(t), goConfig())
	if _, err := w.SetEvents("go", func(c *EventConfig) *EventConfig { c.OnFailure, c.MaxRetries = "box", 0; return c }); err != nil {
		t.Fatal(err)
	}
	gate := filepath.Join(t.TempDir(), "gate")
	if err := w.Enqueue("go", "", []byte(`{"wait":"`+gate+`"}`)); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`{"fail":true,"fail":true}`, "{\"fail\":true,\"x\":\"\xff\"}"} {
		if err := w.Enqueue("go", "", []byte(payload)); err != nil {
			t.Fatalf("%q: %v", payload, err)
		}
	}
	await(t, "records", func() bool { return box.count() == 2 })
	w.stop()
	w = open(t, mem.Clone(0), Options{})
	if n := queued(t, w.store); n != 1 {
		t.Errorf("%d events after a restart, want the one under way", n)
	}
}

// An event whose attempt is under way while its function is deleted does not go to
// the next function of the name, even after a restart.
func TestDeleteDuringAttempt(t *testing.T) {
	mem := kvtest.NewCrashFS(1)
	w := open(t, mem, Options{Pause: soon})
	gate := filepath.Join(t.TempDir(), "gate")
	w.create("go", binary(t), goConfig())
	if err := w.Enqueue("go", "", []byte(`{"fail":true,"wait":"`+gate+`"}`)); err != nil {
		t.Fatal(err)
	}
	await(t, "begin", func() bool { files, _ := filepath.Glob(gate + ".begun"); return len(files) == 1 })
	if err := w.Delete("go"); err != nil {
		t.Fatal(err)
	}
	w.create("go", binary(t), goConfig())
	if _, err := w.Configure("go", "", func(c *Config) { c.Description = "the next" }); err != nil {
		t.Fatal(err)
	}
	if err := w.Enqueue("go", "", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	after := mem.Clone(0)
	write := os.WriteFile(gate, nil, 0o600)
	await(t, "end of the attempt", func() bool { return w.Waiting() == 0 })
	if n, dead := queued(t, w.store), w.dead("go"); n != 0 || len(dead) != 0 || write != nil {
		t.Errorf("%d events stored, dead %v, %v", n, dead, write)
	}
	w.stop()
	w = open(t, after, Options{Pause: soon})
	await(t, "end after a restart", func() bool { return w.Waiting() == 0 })
	if n, dead := queued(t, w.store), w.dead("go"); n != 0 || len(dead) != 0 {
		t.Errorf("after a restart: %d events stored, dead %v", n, dead)
	}
}

// An event that nests as deep as JSON may reaches its destination like any other.
func TestDeepPayload(t *testing.T) {
	box := &letterbox{}
	w := open(t, vfs.NewMem(), Options{Destination: box.open, Pause: soon})
	w.create("go", binary(t), goConfig())
	if _, err := w.SetEvents("go", func(c *EventConfig) *EventConfig { c.OnFailure, c.MaxRetries = "box", 0; return c }); err != nil {
		t.Fatal(err)
	}
	const levels = 9998 // of 10,000 that are read, less the event and its row
	payload := `{"fail":true,"x":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`
	if err := w.Enqueue("go", "", []byte(payload)); err != nil {
		t.Fatal(err)
	}
	await(t, "record", func() bool { return box.count() == 1 && queued(t, w.store) == 0 })
	var text string
	if err := json.Unmarshal(box.records[0].Request, &text); err != nil || text != payload {
		t.Errorf("the record has the payload %.100s, %v", box.records[0].Request, err)
	}
}
