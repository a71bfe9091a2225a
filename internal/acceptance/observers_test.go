package acceptance

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/internal/telemetry"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// damageEvent leaves a folder with one delivery under way, whose stored event is
// then changed by damage.
func damageEvent(t *testing.T, dir string, damage func(b *kv.Batch, key kv.Key)) {
	t.Helper()
	called := make(chan struct{}, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the caller is gone
		called <- struct{}{}
		<-r.Context().Done()
	}))
	defer hook.Close()
	node, err := tablecast.Open(dir, tablecast.Options{})
	if err != nil {
		t.Fatal(err)
	}
	never := 0
	route(t, node, bus.Default, "r", bus.Target{ARN: hook.URL, MaxRetries: &never})
	put(t, node, bus.Default)
	<-called
	if err := node.Close(); err != nil { // the call is cancelled, and its row stays
		t.Fatal(err)
	}
	store, err := kv.Open(dir, kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	events := kv.Prefix(kv.NewKey('e').String(bus.Default))
	it := store.Scan(events)
	var key kv.Key
	for it.Next() {
		key = bytes.Clone(it.Key())
	}
	if err := it.Close(); err != nil || key == nil {
		t.Fatal(key, err)
	}
	b := store.NewBatch()
	damage(b, key)
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// A delivery whose event is damaged or gone has no event to tell of. It becomes
// a dead letter, and ends no node that sends spans to a collector.
func TestSpansOfDamagedEvents(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	for name, damage := range map[string]func(b *kv.Batch, key kv.Key){
		"damaged": func(b *kv.Batch, key kv.Key) { b.Set(key, []byte("\xff\x00 no event")) },
		"missing": func(b *kv.Batch, key kv.Key) { b.Delete(key) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			damageEvent(t, dir, damage)
			tracer, err := telemetry.Open()
			if err != nil {
				t.Fatal(err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			defer func() { _ = tracer.Close(ended) }()
			var log bytes.Buffer
			node, err := tablecast.Open(dir, tablecast.Options{Observer: tracer.Observer(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			if err := node.AwaitQuiet(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c := node.Queues().Counts(bus.Default, "r"); c.DeadLettered != 1 {
				t.Errorf("%+v", c)
			}
			if err := node.Close(); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(log.String(), "panic") {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

// An observer that panics is logged and called no more; the node and other
// observers go on.
func TestPanickingObservers(t *testing.T) {
	for name, bad := range map[string]tablecast.Observer{
		"Mapped":    {Mapped: func(*stream.Record, []mapping.Raised) { panic("canary") }},
		"Accepted":  {Accepted: func(bus.Accepted) { panic("canary") }},
		"Attempted": {Attempted: func(delivery.Attempt) { panic("canary") }},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			var mapped, accepted, attempted int // each in one goroutine, before Close returns
			good := tablecast.Observer{
				Mapped:    func(*stream.Record, []mapping.Raised) { mapped++ },
				Accepted:  func(bus.Accepted) { accepted++ },
				Attempted: func(delivery.Attempt) { attempted++ },
			}
			node, err := tablecast.Open(filepath.Join(t.TempDir(), "data"), tablecast.Options{
				Config: parse(t, `
tables: { users: { key: id, stream: new-image } }
events: { UserCreated: { from: users, on: insert, source: s } }
rules: { all: { pattern: { source: [s] }, targets: [ { log: seen, concurrency: 1 } ] } }
`), Logger: slog.New(slog.NewTextHandler(&log, nil)), Observer: bad,
			})
			if err != nil {
				t.Fatal(err)
			}
			node.Watch(good)
			for _, id := range []string{"a", "b", "c"} {
				change(t, node, "insert", `{"id":{"S":"`+id+`"}}`)
			}
			if err := node.Close(); err != nil {
				t.Fatal(err)
			}
			if mapped != 3 || accepted != 3 || attempted != 3 {
				t.Errorf("the other observer heard of %d mapped, %d accepted, %d attempted", mapped, accepted, attempted)
			}
			if n := strings.Count(log.String(), "canary"); n != 1 || !strings.Contains(log.String(), name) {
				t.Errorf("logged %d times: %s", n, log.String())
			}
		})
	}
}
