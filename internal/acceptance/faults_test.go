package acceptance

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/target"
)

// A fault is an endpoint that misbehaves, and what becomes of its events.
type fault struct {
	handle   http.HandlerFunc // nil: nobody listens
	retries  int
	code     string // of the dead letters; empty: all are delivered
	says     string // in their messages
	attempts int    // of each
}

// faults are endpoints as they are met.
func faults() map[string]fault {
	var flaps atomic.Int64
	return map[string]fault{
		"refuses": {retries: 1, code: target.CodeUnavailable, says: "connection refused", attempts: 2},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the caller is gone
			<-r.Context().Done()
		}, 1,
			target.CodeTimeout, "no whole answer in time", 2},
		"drips": {drip, 0, target.CodeTimeout, "no whole answer in time", 1},
		"never ends": {func(w http.ResponseWriter, _ *http.Request) {
			for chunk := make([]byte, 1<<16); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, 0, "", "", 0},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusMovedPermanently)
		}, 3, target.CodeClientError, "169.254.169.254", 1},
		"errs": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, 2,
			target.CodeUnavailable, "answered 500", 3},
		"flaps": {func(w http.ResponseWriter, _ *http.Request) {
			if flaps.Add(1)%2 != 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, 50, "", "", 0},
		"breaks off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1, target.CodeUnavailable, "EOF", 2},
		"works":      {func(http.ResponseWriter, *http.Request) {}, 0, "", "", 0},
	}
}

// drip answers with a byte a second.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := w.Write([]byte(".")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// serve returns the URL of an endpoint.
func (f *fault) serve(t *testing.T) string {
	if f.handle == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return "http://" + l.Addr().String()
	}
	s := httptest.NewServer(f.handle)
	t.Cleanup(s.Close)
	return s.URL
}

// Whatever an endpoint does, each event is delivered or a dead letter that says
// why, and at each moment in between every event is accounted for (P6).
func TestFaultyEndpoints(t *testing.T) {
	n := runNode(t, tablecast.Options{})
	all := faults()
	for name, f := range all {
		route(t, n, bus.Default, ruleOf(name), bus.Target{ARN: f.serve(t), MaxRetries: &f.retries, MaxAgeSeconds: 60})
	}
	const events = 3 // so few that no gate shuts, for that takes ten failures in a row
	for range events {
		put(t, n, bus.Default)
		conserves(t, n, events)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ahead := false
	for begin := time.Now(); !n.Quiet(); <-tick.C {
		conserves(t, n, events)
		if n.Queues().Counts(bus.Default, "works").Pending() == 0 && n.Queues().Counts(bus.Default, "hangs").Pending() == events {
			ahead = true
		}
		if time.Since(begin) > 45*time.Second {
			t.Fatalf("not in time: %+v", n.Queues().States())
		}
	}
	conserves(t, n, events)
	if !ahead {
		t.Error("P8: events for the endpoint that works waited for those that hang")
	}
	var dead []delivery.DeadLetter
	err := n.Queues().DeadLetters(t.Context(), delivery.DeadFilter{}, func(d delivery.DeadLetter) bool { dead = append(dead, d); return true })
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range all {
		f.check(t, name, n.Queues().Counts(bus.Default, ruleOf(name)), dead, events)
	}
}

// ruleOf makes the name of a rule.
func ruleOf(name string) string { return strings.ReplaceAll(name, " ", "-") }

// check compares the counters and dead letters of an endpoint with what is
// wanted.
func (f *fault) check(t *testing.T, name string, c delivery.Counts, dead []delivery.DeadLetter, events uint64) {
	t.Helper()
	want := delivery.Counts{Matched: events, Delivered: events}
	if f.code != "" {
		want.Delivered, want.DeadLettered = 0, events
	}
	if c != want {
		t.Errorf("%s: %+v, want %+v", name, c, want)
	}
	for _, d := range dead {
		if d.Queue.Rule != ruleOf(name) {
			continue
		}
		if d.Code != f.code || !strings.Contains(d.Msg, f.says) || d.Attempts != f.attempts || d.Event == nil || len(d.History) != f.attempts {
			t.Errorf("%s: dead letter %+v, want %s %s after %d", name, d, f.code, f.says, f.attempts)
		}
	}
}

// conserves checks P6 in one snapshot of the store: what a rule's counters say
// is pending are the rows that there are, and dead letters are counted.
func conserves(t *testing.T, n *tablecast.Node, most uint64) {
	t.Helper()
	snap := n.Snapshot()
	defer snap.Close()
	rules, err := n.Buses().Rules(bus.Default, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		prefix := func(k kv.Key) kv.Range { return kv.Prefix(k.String(bus.Default).String(r.Name)) }
		rows, _ := keys(t, snap, prefix(kv.NewKey('d').Raw([]byte{'r'})))
		dead, _ := keys(t, snap, prefix(kv.NewKey('x')))
		_, counters := keys(t, snap, prefix(kv.NewKey('n')))
		var c [4]uint64 // matched, delivered, dead-lettered, dropped
		for i := range c {
			v, size := binary.Uvarint(counters)
			c[i], counters = v, counters[max(size, 0):]
		}
		if c[0] != c[1]+c[2]+c[3]+rows || c[2] != dead || c[0] > most {
			t.Fatalf("P6: rule %s: counters %v, %d rows, %d dead letters", r.Name, c, rows, dead)
		}
	}
}

// keys counts the keys of a range and returns the last value.
func keys(t *testing.T, r kv.Reader, within kv.Range) (n uint64, last []byte) {
	t.Helper()
	it := r.Scan(within)
	for it.Next() {
		n++
		last = fmt.Append(nil, string(it.Value()))
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return n, last
}
