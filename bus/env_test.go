package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a store, its queues and its buses, and what targets were sent.
type world struct {
	*Buses
	t      testing.TB
	store  *kv.Store
	queues *delivery.Queues
	opts   Options
	answer func(arn string) error // of all targets; nil is success

	forwards map[string]string // buses that targets hand events on to, by ARN

	mu       sync.Mutex
	bodies   map[string][]string // sent, by the target's ARN; guarded by mu
	accepted []Accepted          // guarded by mu
}

// newWorld opens buses over a new store in memory; close must be called.
func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	w := &world{t: t, opts: o, bodies: map[string][]string{}}
	w.open(vfs.NewMem())
	return w
}

// memory is newWorld outside of bubbles, closed by cleanup.
func memory(t testing.TB, o Options) *world {
	t.Helper()
	w := newWorld(t, o)
	t.Cleanup(w.close)
	return w
}

// open opens the store as a new process would.
func (w *world) open(fs vfs.FS) {
	w.t.Helper()
	var err error
	w.store, err = kv.Open("data", kv.Options{FS: fs, Fatal: func(err error) { w.t.Errorf("fatal: %v", err) }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.reopen()
}

// reopen opens queues and buses again over the same store.
func (w *world) reopen() {
	w.t.Helper()
	w.must(w.restart())
}

// restart is reopen, which may fail.
func (w *world) restart() (err error) {
	w.queues, err = delivery.Open(w.store, delivery.Options{
		Targets: w.target,
		Events:  func(bus string, seq uint64) (*event.Event, error) { return w.Event(bus, seq) },
		Restore: Restore,
	})
	if err != nil {
		return err
	}
	o := w.opts
	o.OnAccepted = func(a Accepted) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.accepted = append(w.accepted, a)
	}
	w.Buses, err = Open(w.store, w.queues, o)
	return err
}

func (w *world) close() {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// target opens a target that keeps what it is sent.
func (w *world) target(arn string) (target.Target, error) {
	if _, err := target.Open(arn, target.Options{}); err != nil {
		return nil, err
	}
	return target.Func(func(ctx context.Context, d *target.Delivery) (target.Response, error) {
		if to := w.forwards[arn]; to != "" {
			return target.Response{}, w.Forward(ctx, to, d.Event)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.answer != nil {
			if err := w.answer(arn); err != nil {
				return target.Response{}, err
			}
		}
		w.bodies[arn] = append(w.bodies[arn], string(d.Body))
		return target.Response{}, nil
	}), nil
}

// run runs queues and buses until the returned function is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var hops sync.WaitGroup
	for _, run := range []func(context.Context) error{w.queues.Run, w.Run} {
		hops.Go(func() {
			if err := run(ctx); err != nil {
				w.t.Errorf("run: %v", err)
			}
		})
	}
	return func() {
		cancel()
		hops.Wait()
	}
}

// deadLetters returns all dead letters.
func (w *world) deadLetters() (out []delivery.DeadLetter) {
	w.t.Helper()
	w.must(w.queues.DeadLetters(w.t.Context(), delivery.DeadFilter{}, func(d delivery.DeadLetter) bool { out = append(out, d); return true }))
	return out
}

// must fails the test for an error.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// want fails the test unless err wraps sentinel.
func (w *world) want(err, sentinel error) {
	w.t.Helper()
	if !errors.Is(err, sentinel) {
		w.t.Errorf("error %v, want %v", err, sentinel)
	}
}

// rule puts a rule for a source on the default bus, with log targets.
func (w *world) rule(name, source string, targets ...string) {
	w.t.Helper()
	w.must(w.PutRule(Rule{Bus: Default, Name: name, Pattern: bySource(source)}))
	var ts []Target
	for _, id := range targets {
		ts = append(ts, Target{ID: id, ARN: "log:" + name + "-" + id})
	}
	if ts != nil {
		w.must(w.PutTargets(Default, name, ts))
	}
}

func bySource(source string) string { return fmt.Sprintf(`{"source":[%q]}`, source) }

// put puts events of the sources to the default bus.
func (w *world) put(sources ...string) []Result {
	w.t.Helper()
	var entries []Entry
	for _, s := range sources {
		entries = append(entries, Entry{Bus: Default, Source: s, DetailType: "T", Detail: []byte(`{"n":1}`)})
	}
	results, err := w.Put(w.t.Context(), entries)
	w.must(err)
	return results
}

// sent returns how many bodies a target was sent.
func (w *world) sent(arn string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.bodies[arn])
}

// stored returns the sources of the events that a bus holds.
func (w *world) stored(bus string) []string {
	w.t.Helper()
	var out []string
	w.must(w.Events(bus, 0, func(_ uint64, e *event.Event) bool {
		out = append(out, e.Source)
		return true
	}))
	return out
}

func (w *world) names(bus string) []string {
	w.t.Helper()
	rules, err := w.Rules(bus, "")
	w.must(err)
	var out []string
	for _, r := range rules {
		out = append(out, r.Name)
	}
	return out
}

// bubble runs f in fake time.
func bubble(t *testing.T, o Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, o)
		f(w)
		w.close()
	})
}

// after lets fake time pass until all have nothing left to do.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
