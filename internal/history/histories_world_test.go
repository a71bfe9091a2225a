package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/target"
)

// worldOptions are settings that no answer and no event may depend on.
type worldOptions struct {
	shards, indexes int
	page            int32 // of queries and scans
	segments        int32 // of scans
	flaky           bool  // targets fail now and then
	unsynced        int   // percent of unsynced data that a power loss keeps
	seed            uint64
}

func randomOptions(rng *rand.Rand) worldOptions {
	return worldOptions{
		shards: 1 + rng.IntN(4), indexes: rng.IntN(3), page: 1 + rng.Int32N(8), segments: 1 + rng.Int32N(3),
		flaky: rng.IntN(3) == 0, unsynced: rng.IntN(101), seed: rng.Uint64(),
	}
}

// A world is a node with its server and its clients.
type world struct {
	o    worldOptions
	fs   *vfs.MemFS
	rng  *rand.Rand
	file int // the variant of the file's events

	node   *tablecast.Node
	stop   func() error
	tables *dynamodb.Client
	events *eventbridge.Client

	mu        sync.Mutex
	seen      map[string]bool   // queue and id of the events that were delivered; guarded by mu
	delivered map[string][]news // by queue, in the order of the first deliveries; guarded by mu
}

// file returns the file of a variant.
func (o worldOptions) file(variant int) (*config.File, error) {
	text := fmt.Sprintf("streams: { shards: %d, split-above: 1000 }\ntables:\n  orders:\n    key: { pk: S, sk: N }\n    ttl: ends\n    indexes:\n      by-status: { key: { status: S, n: N } }\n      by-many: { partition: \"status, pk\", sort: { n: N, sk: N }, project: keys }\n", o.shards)
	for i := range o.indexes {
		text += fmt.Sprintf("      extra%d: { key: { status: S }, project: keys }\n", i)
	}
	text += "events:\n  Placed: { from: orders, on: insert, source: shop }\n"
	switch variant {
	case 1:
		text += "  Removed: { from: orders, on: remove, source: shop }\n"
	case 2:
		text += "  Changed: { from: orders, changed: status, source: shop }\n  Expired: { from: orders, on: expire, source: shop }\n"
	}
	return config.Parse("histories.yaml", []byte(text))
}

// open opens the folder and begins to serve it.
func (w *world) open() error {
	file, err := w.o.file(w.file)
	if err != nil {
		return err
	}
	sink := target.Func(w.deliver)
	w.node, err = tablecast.Open("data", tablecast.Options{
		FS: w.fs, Config: file, Targets: map[string]target.Target{"sink": sink},
		Fatal: func(err error) { panic(err) },
	})
	if err != nil {
		return err
	}
	ln := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, w.node, ln, server.Options{}, time.Second) }()
	transport := &http.Transport{DialContext: ln.dial}
	w.stop = func() error {
		transport.CloseIdleConnections()
		cancel()
		return errors.Join(<-served, w.node.Close())
	}
	url, client := "http://localhost", &http.Client{Transport: transport}
	w.tables = dynamodb.New(dynamodb.Options{BaseEndpoint: &url, Region: "us-east-1", Credentials: campaigntest.Local, HTTPClient: client, RetryMaxAttempts: 1})
	w.events = eventbridge.New(eventbridge.Options{BaseEndpoint: &url, Region: "us-east-1", Credentials: campaigntest.Local, HTTPClient: client, RetryMaxAttempts: 1})
	return nil
}

// A pipeListener is a network within a bubble of synctest.
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- loopback{there}:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A loopback is a pipe that looks like a connection from this machine.
type loopback struct{ net.Conn }

func (loopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

// deliver is the target of all rules.
func (w *world) deliver(_ context.Context, d *target.Delivery) (target.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.o.flaky && d.Attempt == 1 && w.rng.IntN(4) == 0 {
		return target.Response{}, &target.Error{Code: target.CodeUnavailable, Msg: "now and then"}
	}
	queue := d.Rule + "/" + d.TargetID
	if once := queue + d.Event.ID; !w.seen[once] {
		w.seen[once] = true
		w.delivered[queue] = append(w.delivered[queue], newsOf(d.Event))
	}
	return target.Response{}, nil
}

// newsOf returns an event as the model has it.
func newsOf(e *event.Event) news {
	var d struct {
		PK, Status string
		SK, ID     int
		N          *int
	}
	if err := json.Unmarshal(e.Detail, &d, json.MatchCaseInsensitiveNames(true)); err != nil {
		return news{text: err.Error()}
	}
	n := news{source: e.Source, kind: e.DetailType, key: -1, n: -1}
	if d.N != nil {
		n.n = *d.N
	}
	if e.Source == "app" {
		n.text = fmt.Sprintf("app id=%d n=%d", d.ID, n.n)
		return n
	}
	n.key = keyOf(d.PK, d.SK)
	n.text = e.DetailType + " " + row{d.Status, n.n}.text(n.key)
	return n
}

func keyOf(pk string, sk int) int { return sk*3 + int(pk[1]-'0') }

// quiet waits until all changes were raised and all events delivered.
func (w *world) quiet() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return w.node.AwaitQuiet(ctx)
}

// restart closes the node, or cuts its power, and opens it again.
func (w *world) restart(powerLoss bool) error {
	fs := w.fs
	if powerLoss {
		fs = w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: w.o.unsynced, RNG: rand.New(rand.NewPCG(w.o.seed, 2))})
	}
	if err := w.stop(); err != nil {
		return err
	}
	w.fs = fs
	return w.open()
}

// reload puts the file of another variant into effect.
func (w *world) reload(variant int) error {
	file, err := w.o.file(variant)
	if err != nil {
		return err
	}
	w.file = variant
	return w.node.Reload(context.Background(), file)
}

// reshard rotates or splits the shards of the table's stream.
func (w *world) reshard(split bool) error {
	var errs []error
	for _, st := range w.node.Streams().OfTable("orders") {
		if split && len(st.Shards()) < 40 {
			errs = append(errs, st.Split())
		} else {
			errs = append(errs, st.Rotate())
		}
	}
	return errors.Join(errs...)
}

// compare returns in what the world differs from the model at the end.
func (w *world) compare(m *model) error {
	if err := w.quiet(); err != nil {
		return fmt.Errorf("the node does not come to rest: %w", err)
	}
	var bus []news
	err := w.node.Buses().Events("default", 0, func(_ uint64, e *event.Event) bool {
		bus = append(bus, newsOf(e))
		return true
	})
	if err != nil {
		return err
	}
	diff := difference("P4, P5: events of", ofItems("the bus", m.bus), ofItems("the bus", bus)) + w.compareQueues(m)
	rules, err := w.rules()
	if err != nil {
		return err
	}
	diff += difference("P2: targets of rule", m.targets(), rules)
	changes, err := w.changes()
	if err != nil {
		return err
	}
	diff += difference("P1, P3: changes of item", m.changes, changes)
	diff += w.compareIndexes(m)
	if diff != "" {
		return errors.New(diff)
	}
	return nil
}

// compareQueues returns in what the deliveries differ, those of targets that are gone
// among them.
func (w *world) compareQueues(m *model) (diff string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := maps.Clone(m.delivered)
	maps.Copy(names, w.delivered)
	for name := range names {
		want, got := m.delivered[name], w.delivered[name]
		if !strings.HasSuffix(name, "/t1") {
			want, got = inAnyOrder(want), inAnyOrder(got)
		}
		diff += difference("P4, P6: events of", ofItems(name, want), ofItems(name, got))
	}
	for _, q := range w.node.Queues().States() {
		name := q.ID.Rule + "/" + q.ID.Target
		if n := uint64(len(m.delivered[name])); q.Matched != n || q.Delivered != n {
			diff += fmt.Sprintf("\nP6: queue %s: %d events, counted as %+v", name, n, q.Counts)
		}
	}
	return diff
}

// rules returns the targets of each rule that the node has, after what it matches.
func (w *world) rules() (map[string][]string, error) {
	out := map[string][]string{}
	list, err := w.events.ListRules(context.Background(), &eventbridge.ListRulesInput{})
	if err != nil {
		return nil, err
	}
	for _, r := range list.Rules {
		targets, err := w.events.ListTargetsByRule(context.Background(), &eventbridge.ListTargetsByRuleInput{Rule: r.Name})
		if err != nil {
			return nil, err
		}
		out[*r.Name] = []string{string(r.State), *r.EventPattern}
		for _, target := range targets.Targets {
			out[*r.Name] = append(out[*r.Name], *target.Id)
		}
	}
	return out, nil
}

// changes returns what the table's stream says of each item, shard by shard as
// consumers read it.
func (w *world) changes() (map[int][]string, error) {
	out := map[int][]string{}
	for _, st := range w.node.Streams().OfTable("orders") {
		shards := st.Shards()
		slices.SortFunc(shards, func(a, b stream.Shard) int { return cmp.Compare(a.Number, b.Number) }) // parents first
		for _, shard := range shards {
			next, err := st.Iterator(shard.ID, stream.TrimHorizon, 0)
			for last := st.End(); next != "" && err == nil; {
				var records []stream.Record
				if records, next, err = w.node.Streams().Records(next, int(w.o.page), 1<<20); len(records) == 0 && last == st.End() {
					break
				}
				for _, r := range records {
					pk, _ := r.Keys.Get("pk")
					key := keyOf(pk.Str(), numberOf(r.Keys, "sk"))
					out[key] = append(out[key], changeOf(&r, key))
				}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// changeOf returns a change as the model has it.
func changeOf(r *stream.Record, key int) string {
	switch {
	case r.Expired:
		return "Expired"
	case r.New == nil:
		return "Removed"
	}
	status, _ := r.New.Get("status")
	n := -1
	if _, ok := r.New.Get("n"); ok {
		n = numberOf(r.New, "n")
	}
	return row{status.Str(), n}.text(key)
}

// compareIndexes returns in what the indexes differ from the items.
func (w *world) compareIndexes(m *model) (diff string) {
	want, many := 0, 0
	for _, r := range m.rows {
		if r.status != "" {
			want++
			if r.n >= 0 {
				many++
			}
		}
	}
	d, err := w.node.Tables().Describe("orders")
	if err != nil || int(d.Items) != len(m.rows) {
		return fmt.Sprintf("\nP1: %d items, counted as %d: %v", len(m.rows), d.Items, err)
	}
	for _, x := range d.Indexes {
		if strings.HasPrefix(x.Name, "extra") && int(x.Entries) != want {
			diff += fmt.Sprintf("\nP1: index %s has %d entries, not %d", x.Name, x.Entries, want)
		}
		if x.Name == "by-many" && int(x.Entries) != many {
			diff += fmt.Sprintf("\nP1: index %s has %d entries, not %d", x.Name, x.Entries, many)
		}
	}
	return diff
}
