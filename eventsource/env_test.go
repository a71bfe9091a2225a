package eventsource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A change is a record as the tests' function sees it: the n-th of an item.
type change struct {
	id  string
	n   int
	seq string
}

// An event is what the function is given.
type event struct {
	Records []struct {
		Dynamodb struct {
			SequenceNumber string
			Keys, NewImage map[string]map[string]string
		} `json:"dynamodb"`
	}
	Window *struct{ Start, End string } `json:"window"`
	State  map[string]int               `json:"state"`
	Final  bool                         `json:"isFinalInvokeForWindow"`
	Early  bool                         `json:"isWindowTerminatedEarly"`
}

// A handler is the function of a test, in this process.
type handler func(changes []change, e *event) (answer string, err error)

// A world is mappings over a table users, and what their function saw.
type world struct {
	*Mappings
	t       testing.TB
	store   *kv.Store
	streams *stream.Streams
	tables  *table.Tables
	stop    func()
	bare    bool // the function does nothing at all

	mu      sync.Mutex
	handle  handler    // guarded by mu
	batches [][]change // guarded by mu; all that were handed over
	called  []string   // guarded by mu; the functions they were handed to
}

func open(t testing.TB, fs vfs.FS, h handler, o Options) *world {
	t.Helper()
	w := &world{t: t, store: kvtest.Open(t, "data", kv.Options{FS: fs}), handle: h}
	var err error
	if w.streams, err = stream.Open(w.store, stream.Options{Shards: 2}); err != nil {
		t.Fatal(err)
	}
	if w.tables, err = table.Open(w.store, w.streams, table.Options{}); err != nil {
		t.Fatal(err)
	}
	o.Streams, o.Invoke = w.streams, w.invoke
	o.Exists = func(name string) bool { return name != "nobody" }
	o.FunctionARN = func(name string) string { return "arn:aws:lambda:us-east-1:000000000000:function:" + name }
	o.Bury = func(b *kv.Batch, _ string, record []byte) {
		b.Number(1, func(first uint64) { b.Set(kv.NewKey('z').Uint64(first), record) })
	}
	if o.Pause == nil {
		o.Pause = func(int) time.Duration { return time.Millisecond }
	}
	if w.Mappings, err = Open(w.store, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	w.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(w.stop)
	return w
}

// start is open with a table.
func start(t testing.TB, h handler, o Options) *world {
	t.Helper()
	w := open(t, vfs.NewMem(), h, o)
	w.create()
	return w
}

func (w *world) create() {
	w.t.Helper()
	_, err := w.tables.Create(table.Spec{
		Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, View: stream.NewAndOldImages,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) users() *stream.Stream { return w.streams.OfTable("users")[0] }

func (w *world) put(id string, n int) {
	w.t.Helper()
	it := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "n", Value: item.NumOf(int64(n)).Value()})
	if _, err := w.tables.Put(context.Background(), table.PutRequest{Table: "users", Item: it}); err != nil {
		w.t.Error(err)
	}
}

// mapped makes a mapping from the oldest record on.
func (w *world) mapped(do func(*Mapping)) Status {
	w.t.Helper()
	m := Mapping{Stream: w.users().ARN(), Start: TrimHorizon, Settings: Defaults()}
	m.Function = "f"
	if do != nil {
		do(&m)
	}
	s, err := w.Create(m)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// invoke is the function.
func (w *world) invoke(_ context.Context, name string, payload []byte) (process.Result, error) {
	if w.bare {
		return process.Result{}, nil
	}
	var e event
	if err := json.Unmarshal(payload, &e, jsontext.AllowDuplicateNames(true)); err != nil {
		w.t.Errorf("payload %.300s: %v", payload, err)
	}
	var changes []change
	for _, r := range e.Records {
		c := change{id: r.Dynamodb.Keys["id"]["S"], seq: r.Dynamodb.SequenceNumber}
		if _, err := fmt.Sscan(r.Dynamodb.NewImage["n"]["N"], &c.n); err != nil {
			w.t.Error(err)
		}
		changes = append(changes, c)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches, w.called = append(w.batches, changes), append(w.called, name)
	answer, err := w.handle(changes, &e)
	switch {
	case errors.Is(err, errAway):
		return process.Result{NotStarted: true, FunctionError: "Unhandled", Payload: []byte(`{}`)}, nil
	case errors.Is(err, errBusy):
		return process.Result{}, err
	case err != nil:
		return process.Result{RequestID: "id", FunctionError: "Unhandled", Payload: fmt.Appendf(nil, "{%q:%q}", "errorMessage", err.Error())}, nil
	}
	return process.Result{RequestID: "id", Payload: []byte(answer)}, nil
}

// Failures that are not the function's, and one that is.
var (
	errAway = errors.New("does not start")
	errBusy = errors.New("no room")
	errFail = errors.New("failed")
)

// report is the answer that a change failed.
func report(changes ...change) string {
	type entry struct {
		ID string `json:"itemIdentifier"`
	}
	out := struct {
		Failures []entry `json:"batchItemFailures"`
	}{[]entry{}}
	for _, c := range changes {
		out.Failures = append(out.Failures, entry{c.seq})
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// seen returns the batches so far.
func (w *world) seen() [][]change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.batches)
}

func (w *world) sizes() (out []int) {
	for _, b := range w.seen() {
		out = append(out, len(b))
	}
	return out
}

func (w *world) status(uuid string) Status {
	w.t.Helper()
	s, err := w.Get(uuid)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// await returns once ok holds.
func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("no %s: %+v", what, w.List("", 10))
		}
	}
}

// settled waits until so many records were dealt with.
func (w *world) settled(uuid string, n uint64) Status {
	w.t.Helper()
	var s Status
	w.await(fmt.Sprint(n, " records dealt with"), func() bool {
		s = w.status(uuid)
		return s.Delivered+s.Filtered+s.Parked+s.Sent+s.Skipped >= n
	})
	return s
}

func (w *world) parked(uuid string) (out []*parking.Record) {
	w.t.Helper()
	if err := w.Parked(w.t.Context(), uuid, parking.Selection{}, func(p *parking.Record) bool { out = append(out, p); return true }); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// redrive redrives what is parked.
func (w *world) redrive(uuid string) parking.Redriven {
	w.t.Helper()
	out, err := w.Redrive(w.t.Context(), uuid, parking.Selection{}, false, func(parking.Redriven) {})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}
