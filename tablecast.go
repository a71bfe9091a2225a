// Package tablecast is an embedded node: DynamoDB-compatible tables with
// streams, the mapping of their changes to domain events, and an
// EventBridge-compatible bus with durable deliveries, in one process and one
// folder.
//
//	node, err := tablecast.Open("data", tablecast.Options{Config: file})
//	…
//	defer node.Close()
//
// A write is acknowledged once it is durable; the events that it means reach
// the bus exactly once, and each matching target at least once. docs/design.md
// states the promises.
package tablecast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/claim"
	"github.com/tablecast/tablecast/target/connection"
)

// Account and Region stand in the ARNs and events of a node.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// Options configure a node. The zero value is an empty node, to be filled over
// its APIs.
type Options struct {
	// Config declares tables, events and rules. The default is none.
	Config *config.File
	// Definitions are raised besides those of the file: those that have a
	// Mapper, for instance. The file declares their tables and buses.
	Definitions []mapping.Definition
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
	// Observer hears of each hop. The default hears nothing.
	Observer Observer
	// FS is the file system of the folder. The default is the operating
	// system's.
	FS vfs.FS
	// Fatal is called when the log cannot be written or synced. It must not
	// return. The default ends the process with kv.ExitStatus.
	Fatal func(error)
	// Endpoint is the URL of this node's APIs, which the AWS SDKs in functions
	// call. Functions need it.
	Endpoint string
	// AWS calls the services of AWS that targets name: SQS, SNS, Kinesis, Step
	// Functions and CloudWatch Logs, and sends
	// dead letters to the queues that targets name for them. Nil: no service of
	// AWS is called.
	AWS *target.AWS
	// NATSCredentials is a file of credentials for NATS. The default is none.
	NATSCredentials string
	// WebhookSecret signs the requests of webhooks. The default signs nothing.
	WebhookSecret []byte
	// StrictBus refuses an event put to a bus that does not exist. By default
	// it is answered as EventBridge does: as a success, and lost.
	StrictBus bool
	// Stdout is where targets of the kind log:- write. The default is the
	// process's own.
	Stdout io.Writer
}

// A Node is an open folder with all hops running.
type Node struct {
	opts      Options
	store     *kv.Store
	streams   *stream.Streams
	tables    *table.Tables
	queues    *delivery.Queues
	buses     *bus.Buses
	conns     *connection.Connections
	claims    claim.Store // nil without one
	functions *function.Functions
	sources   *eventsource.Mappings
	logs      string // folder of log targets

	running context.Context // of the hops
	cancel  context.CancelFunc
	stop    context.CancelFunc // of the store, last
	hops    sync.WaitGroup
	base    sync.WaitGroup

	observers observers

	reloading sync.Mutex // held by Reload

	mu     sync.Mutex
	config *config.File            // what is in effect; guarded by mu
	relays map[string]*relay.Relay // by table; guarded by mu
	failed error                   // the first hop that ended on its own; guarded by mu
}

// Open opens the folder, applies the configuration, and starts each hop. Close
// ends them. Errors: those of kv.Open, and of a configuration that contradicts
// the folder.
func Open(dir string, o Options) (*Node, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{opts: o, config: o.Config, relays: map[string]*relay.Relay{}, observers: observers{logger: o.Logger, list: map[*watcher]bool{}}}
	n.Watch(o.Observer)
	var err error
	if n.store, err = kv.Open(dir, kv.Options{FS: o.FS, Logger: o.Logger, Fatal: o.Fatal}); err != nil {
		return nil, err
	}
	if err := n.wire(dir); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	n.run()
	return n, nil
}

// wire opens each package over the store, in the order of the path.
func (n *Node) wire(dir string) error {
	var err error
	if n.streams, err = stream.Open(n.store, n.streamOptions()); err != nil {
		return err
	}
	if n.tables, err = table.Open(n.store, n.streams, table.Options{Account: Account, Region: Region, Logger: n.opts.Logger}); err != nil {
		return err
	}
	if err := n.openFunctions(dir); err != nil {
		return err
	}
	n.logs = filepath.Join(dir, "logs")
	if n.opts.FS == nil {
		if err := os.MkdirAll(n.logs, 0o700); err != nil {
			return fmt.Errorf("tablecast: %w", err)
		}
	}
	if err := n.openConnections(dir); err != nil {
		return err
	}
	n.queues, err = delivery.Open(n.store, delivery.Options{
		Targets:   n.target,
		Events:    func(name string, seq uint64) (*event.Event, error) { return n.buses.Event(name, seq) },
		Restore:   bus.Restore,
		OnAttempt: n.observers.attempted,
		Logger:    n.opts.Logger,
	})
	if err != nil {
		return err
	}
	var puts config.PutEvents
	var quotas config.Quotas
	if n.opts.Config != nil {
		puts, quotas = n.opts.Config.PutEvents, n.opts.Config.Quotas
	}
	n.buses, err = bus.Open(n.store, n.queues, bus.Options{
		Account: Account, Region: Region, Serves: n.serves, StrictBus: n.opts.StrictBus || puts.Refuse, DedupWindow: puts.Deduplication, MaxPutBytes: puts.MaxBytes,
		MaxBuses: quotas.Buses, MaxRules: quotas.Rules, MaxTargets: quotas.Targets, OnAccepted: n.observers.accepted, Logger: n.opts.Logger,
	})
	if err != nil {
		return err
	}
	if err := n.openSources(); err != nil || n.opts.Config == nil {
		return err
	}
	if err := n.apply(context.Background(), n.opts.Config); err != nil {
		return err
	}
	if url := n.opts.Config.ClaimCheck.Store; url != "" {
		if n.claims, err = claim.Open(url); err != nil {
			return fmt.Errorf("%s: %w", n.opts.Config.Path, err)
		}
	}
	if err := n.prepareRelays(n.opts.Config); err != nil {
		return err
	}
	return n.removeBuses(n.opts.Config)
}

// streamOptions returns the options of streams that the file sets.
func (n *Node) streamOptions() stream.Options {
	o := stream.Options{Account: Account, Region: Region, Logger: n.opts.Logger}
	if f := n.opts.Config; f != nil {
		o.Shards, o.Retention, o.Rotate, o.SplitAbove = f.Streams.Shards, f.Streams.Retention, f.Streams.Rotate, f.Streams.SplitAbove
		if f.Streams.KeepUnread {
			o.Unread = n.unread
		}
	}
	return o
}

// run starts each hop.
func (n *Node) run() {
	base, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.base.Go(func() { n.note("store", n.store.Run(base)) })
	ctx, cancel := context.WithCancel(context.Background())
	n.running, n.cancel = ctx, cancel
	n.hops.Go(func() { n.note("tables", n.tables.Run(ctx)) })
	n.hops.Go(func() { n.note("streams", n.streams.Run(ctx)) })
	n.hops.Go(func() { n.note("buses", n.buses.Run(ctx)) })
	n.hops.Go(func() { n.note("delivery", n.queues.Run(ctx)) })
	n.hops.Go(func() { n.note("functions", n.functions.Run(ctx)) })
	n.hops.Go(func() { n.note("event sources", n.sources.Run(ctx)) })
	n.hops.Go(func() { n.note("connections", n.conns.Run(ctx)) })
	n.hops.Go(func() { n.note("dead letters", n.sendDead(ctx)) })
	for _, r := range n.relays {
		n.runRelay(r)
	}
}

// note keeps the error of a hop that ended on its own.
func (n *Node) note(hop string, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	n.opts.Logger.Error("tablecast: hop ended", "hop", hop, "error", err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed == nil {
		n.failed = fmt.Errorf("%s ended: %w", hop, err)
	}
}

// Close ends all hops, waits for them, and closes the folder. The caller has
// stopped calling the node.
func (n *Node) Close() error {
	n.cancel()
	n.hops.Wait()
	n.stop()
	n.base.Wait()
	return n.store.Close()
}

// Tables returns the node's tables.
func (n *Node) Tables() *table.Tables { return n.tables }

// Streams returns the node's streams.
func (n *Node) Streams() *stream.Streams { return n.streams }

// Buses returns the node's buses.
func (n *Node) Buses() *bus.Buses { return n.buses }

// Functions returns the node's functions.
func (n *Node) Functions() *function.Functions { return n.functions }

// EventSources returns the mappings of streams to functions.
func (n *Node) EventSources() *eventsource.Mappings { return n.sources }

// Connections returns the node's connections and API destinations.
func (n *Node) Connections() *connection.Connections { return n.conns }

// Queues returns the node's deliveries.
func (n *Node) Queues() *delivery.Queues { return n.queues }

// Stats returns the figures of the node's store.
func (n *Node) Stats() kv.Stats { return n.store.Stats() }

// Snapshot returns an unchanging view of all that the folder holds, in the form
// that docs/formats.md draws, for programs that check it. The caller closes it.
func (n *Node) Snapshot() *kv.Snapshot { return n.store.Snapshot() }

// Ready returns why the node makes no progress, or nil: a hop ended, the disk
// is full, or a relay cannot hand on.
func (n *Node) Ready() error {
	n.mu.Lock()
	failed := n.failed
	n.mu.Unlock()
	if failed != nil {
		return failed
	}
	if n.store.Stats().DiskFull {
		return kv.ErrDiskFull
	}
	for _, r := range n.Relays() {
		if r.LastError != "" && r.Position < r.End {
			return fmt.Errorf("the relay of table %s cannot hand on: %s", r.Table, r.LastError)
		}
	}
	return nil
}

// Quiet reports whether everything that is durable was mapped and delivered,
// or is a dead letter or parked.
func (n *Node) Quiet() bool {
	if slices.ContainsFunc(n.Relays(), func(r relay.Status) bool { return r.Position < r.End || r.Deleting }) {
		return false
	}
	if quiet, err := n.sources.Quiet(); err != nil || !quiet || n.functions.Waiting() > 0 {
		return false
	}
	return !slices.ContainsFunc(n.queues.States(), func(s delivery.QueueState) bool { return s.Pending() > 0 })
}

// AwaitQuiet returns once Quiet holds, or with the context's error.
func (n *Node) AwaitQuiet(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !n.Quiet() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
