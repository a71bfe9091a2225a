// Package tablecast runs a node inside a Go program: tables as DynamoDB has
// them with their streams, the mapping of their changes to domain events, and
// buses as EventBridge has them with durable deliveries. A node is one folder
// and one process; only one node may have a folder open.
//
//	node, err := tablecast.Open("data", tablecast.Options{Config: file})
//	…
//	defer node.Close()
//
// A write is acknowledged once it is durable. The events that the mapping makes
// of it reach the bus exactly once, and each matching target at least once.
// docs/design.md states the promises, docs/embedding.md shows how a program
// writes items, receives events, and brings mappers and targets of its own.
//
// The files read in the order in which a node is made: tablecast.go opens the
// packages and starts what they run, apply.go and sources.go make the folder
// hold what the file declares, relays.go, mapper.go, targets.go and functions.go
// connect the packages with each other, reload.go puts another file into effect.
package tablecast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
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
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/claim"
	"github.com/tablecast/tablecast/target/connection"
)

// Options configure a node. The zero value is an empty node, whose tables, buses
// and rules are made by calls of its methods.
type Options struct {
	// Config declares tables, events and rules. The default is none.
	Config *config.File
	// Definitions are events besides those that the file declares, as those that
	// a Mapper makes. The file, which is needed then, declares their tables and
	// buses. They stay in effect across Reload.
	Definitions []mapping.Definition
	// Account and Region are those of the node, which stand in its ARNs, its events and
	// its records; an ARN of another is not the node's. The defaults are what the file
	// says, or else 000000000000 and us-east-1. A folder keeps those of its first Open.
	Account, Region string
	// Targets are targets in Go, by name. A rule of the file calls one with
	// go: NAME, a rule that the program puts with the ARN go:NAME. The default is
	// none.
	Targets map[string]target.Target
	// Logger is given what operators should know. The default discards it.
	Logger *slog.Logger
	// Observer is told what each hop did, from the first on; Watch adds others.
	// The default is none.
	Observer Observer
	// FS is the file system of the folder, as vfs.NewMem() for tests. With any
	// but the default, the operating system's, log targets have no folder, and
	// functions no place for code that comes over the API.
	FS vfs.FS
	// Fatal is called when the store's log cannot be written or synced (P7). It
	// must not return. The default ends the process with kv.ExitStatus.
	Fatal func(error)
	// Endpoint is the URL at which the program serves this node's APIs, which the
	// AWS SDKs in functions call. The default gives functions none.
	Endpoint string
	// FunctionKey are the access key id and the secret that the AWS SDKs in functions
	// sign with. The default is a pair that only an open server takes.
	FunctionKey [2]string
	// AWS says how to call the services of AWS that targets name (SQS, SNS,
	// Kinesis, Step Functions and CloudWatch Logs) and the queues that targets
	// name for their dead letters. The default refuses such targets, and keeps
	// dead letters in the folder alone.
	AWS *target.AWS
	// NATSCredentials names a file of credentials for NATS. The default is none.
	NATSCredentials string
	// PublicTargets reports whether webhooks, API destinations, token endpoints and
	// NATS servers at loopback and private addresses are refused at the moment, but
	// for those in AllowPrivate. By default they are called. Link-local addresses and
	// metadata services of clouds never are.
	PublicTargets func() bool
	AllowPrivate  []netip.Prefix
	// NoFunctions keeps functions from being created, changed and invoked, over the
	// API or by the file. The default lets them.
	NoFunctions bool
	// FunctionUser is whom the processes of functions run as; only root can run them
	// as another user. Code that came over the API is then in a folder beside the
	// node's, with -functions at the end of its name. The default is who runs this
	// program.
	FunctionUser *process.User
	// WebhookSecret is the key with which requests to webhooks are signed. The
	// default signs nothing.
	WebhookSecret []byte
	// AcceptLoss opens a folder that lost commits which were acknowledged, or whose
	// watermark is missing; see kv.Options. By default it is refused.
	AcceptLoss bool
	// CacheBytes bounds the memory for blocks of the store. The default is 64 MiB.
	CacheBytes int64
	// MemTableBytes is the size at which the store writes to the disk what it holds in
	// memory besides its log; four times as much may be in memory. The default is 16 MiB.
	MemTableBytes uint64
	// StrictBus makes an event put to a bus that does not exist an error. By
	// default such an event is lost and answered as a success, as EventBridge
	// does; the node counts and logs it.
	StrictBus bool
	// Stdout is where targets of the kind log:- write. The default is the
	// standard output of the process.
	Stdout io.Writer
}

// A Node is an open folder whose hops run. All methods but Close may be called by
// many goroutines at once.
type Node struct {
	opts      Options
	home      local.Home
	store     *kv.Store
	streams   *stream.Streams
	tables    *table.Tables
	queues    *delivery.Queues
	buses     *bus.Buses
	conns     *connection.Connections
	claims    claim.Store // nil without one
	functions *function.Functions
	sources   *eventsource.Mappings
	logs      string // the folder of log targets
	attempts  attempts
	observers observers

	// The hops run under running, which cancel ends; the store, which they use
	// until they have ended, runs until stop.
	running context.Context
	cancel  context.CancelFunc
	hops    sync.WaitGroup
	stop    context.CancelFunc
	storage sync.WaitGroup

	// reloading is held during Reload, so that files take effect one after
	// another. It is taken before mu.
	reloading sync.Mutex

	mu     sync.Mutex
	config *config.File            // the file in effect; guarded by mu
	relays map[string]*relay.Relay // by table; guarded by mu
	failed error                   // of the first hop that ended on its own; guarded by mu
}

// Open opens a folder, which it makes if there is none, makes it hold what the
// configuration declares, and starts the hops. The caller must call Close.
//
// What the file declares is applied in steps that are durable one by one, in the
// order of the package's files, before any hop runs. A crash between two of them
// leaves what both files say in part; the next Open applies all of its file
// again and ends where it would have ended without the crash. The same holds if
// Open fails half-way.
//
// Errors: those of kv.Open, as for a folder that another process has open; and
// what of the configuration contradicts the folder, as another key of a table.
func Open(dir string, o Options) (*Node, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{opts: o, config: o.Config, relays: map[string]*relay.Relay{}, observers: observers{logger: o.Logger, list: map[*watcher]bool{}}}
	n.Watch(o.Observer)
	var err error
	if n.store, err = kv.Open(dir, kv.Options{FS: o.FS, Logger: o.Logger, Fatal: o.Fatal, AcceptLoss: o.AcceptLoss, CacheBytes: o.CacheBytes, MemTableBytes: o.MemTableBytes}); err != nil {
		return nil, err
	}
	if err := n.wire(dir); err != nil {
		return nil, errors.Join(err, n.attempts.Close(), n.store.Close())
	}
	n.run()
	return n, nil
}

// wire opens the packages over the store, those first whose options others need,
// applies the file, and makes the relays, whose starting positions are then
// durable: no change that is made after Open is missed.
func (n *Node) wire(dir string) error {
	for _, open := range []func(dir string) error{n.openHome, n.openAttempts, n.openTables, n.openFunctions, n.openTargets, n.openBuses, n.openSources} {
		if err := open(dir); err != nil {
			return err
		}
	}
	f := n.opts.Config
	if f == nil {
		return nil
	}
	if err := n.apply(context.Background(), f); err != nil {
		return err
	}
	if url := f.ClaimCheck.Store; url != "" {
		var err error
		if n.claims, err = claim.Open(url); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	if err := n.prepareRelays(f); err != nil {
		return err
	}
	return n.removeBuses(f)
}

// openTables opens the streams and the tables.
func (n *Node) openTables(string) (err error) {
	if n.streams, err = stream.Open(n.store, n.streamOptions()); err != nil {
		return err
	}
	n.tables, err = table.Open(n.store, n.streams, table.Options{Account: n.home.Account, Region: n.home.Region, Logger: n.opts.Logger})
	return err
}

// streamOptions returns the options of streams that the file sets.
func (n *Node) streamOptions() stream.Options {
	o := stream.Options{Account: n.home.Account, Region: n.home.Region, Logger: n.opts.Logger}
	if f := n.opts.Config; f != nil {
		o.Shards, o.Retention, o.Rotate, o.SplitAbove = f.Streams.Shards, f.Streams.Retention, f.Streams.Rotate, f.Streams.SplitAbove
		if f.Streams.KeepUnread {
			o.Unread = n.unread
		}
	}
	return o
}

// openBuses opens the deliveries and the buses. The deliveries read events of the
// buses, which are opened over them; none is read before Run.
func (n *Node) openBuses(string) (err error) {
	n.queues, err = delivery.Open(n.store, delivery.Options{
		Targets:   n.target,
		Events:    func(name string, seq uint64) (*event.Event, error) { return n.buses.Event(name, seq) },
		Restore:   bus.Restore,
		Attempts:  n.attempts.Log,
		OnAttempt: n.observers.attempted,
		Logger:    n.opts.Logger,
	})
	if err != nil {
		return err
	}
	var puts config.PutEvents
	var quotas config.Quotas
	if f := n.opts.Config; f != nil {
		puts, quotas = f.PutEvents, f.Quotas
	}
	n.buses, err = bus.Open(n.store, n.queues, bus.Options{
		Account: n.home.Account, Region: n.home.Region, Serves: n.serves, Check: func(arn string) error { return target.CheckURL(arn, n.targetOptions()) }, StrictBus: n.opts.StrictBus || puts.Refuse, DedupWindow: puts.Deduplication, MaxPutBytes: puts.MaxBytes,
		MaxBuses: quotas.Buses, MaxRules: quotas.Rules, MaxTargets: quotas.Targets, OnAccepted: n.observers.accepted, Logger: n.opts.Logger,
	})
	return err
}

// run starts the hops. Each ends with its context, or on its own if it cannot go
// on; Ready tells of the latter.
func (n *Node) run() {
	var stored, running context.Context
	stored, n.stop = context.WithCancel(context.Background())
	running, n.cancel = context.WithCancel(context.Background())
	n.running = running
	n.storage.Go(func() { n.note("store", n.store.Run(stored)) })
	for name, hop := range map[string]func(context.Context) error{
		"tables": n.tables.Run, "streams": n.streams.Run, "buses": n.buses.Run, "delivery": n.queues.Run, "functions": n.functions.Run,
		"event sources": n.sources.Run, "connections": n.conns.Run, "dead letters": n.sendDead,
	} {
		n.hops.Go(func() { n.note(name, hop(running)) })
	}
	for _, r := range n.relays {
		n.runRelay(r)
	}
}

// note keeps why a hop ended on its own.
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

// Close ends the hops, waits for them, and closes the folder. No other method may
// run or be called any more. A call of a target that is under way is cancelled
// and made again after the next Open, so that the target may get it twice; all
// else goes on where it was. A process that ends without Close loses nothing
// either: what was acknowledged is durable.
func (n *Node) Close() error {
	n.cancel()
	n.hops.Wait()
	n.stop() // the hops are done with the store
	n.storage.Wait()
	return errors.Join(n.attempts.Close(), n.store.Close())
}

// Tables returns the node's tables.
func (n *Node) Tables() *table.Tables { return n.tables }

// Streams returns the node's streams.
func (n *Node) Streams() *stream.Streams { return n.streams }

// Buses returns the node's buses.
func (n *Node) Buses() *bus.Buses { return n.buses }

// Functions returns the node's functions.
func (n *Node) Functions() *function.Functions { return n.functions }

// EventSources returns the node's event source mappings, which feed functions
// from streams.
func (n *Node) EventSources() *eventsource.Mappings { return n.sources }

// Connections returns the node's connections and their API destinations.
func (n *Node) Connections() *connection.Connections { return n.conns }

// Queues returns the node's deliveries: one queue for each target of each rule.
func (n *Node) Queues() *delivery.Queues { return n.queues }

// Stats returns the figures of the node's store.
func (n *Node) Stats() kv.Stats { return n.store.Stats() }

// Snapshot returns a view of all keys of the folder as of this moment, in the
// form of docs/formats.md, for programs that check a folder. The caller closes
// it.
func (n *Node) Snapshot() *kv.Snapshot { return n.store.Snapshot() }

// Ready returns nil, or why the node makes no progress: a hop ended on its own,
// the disk is full (kv.ErrDiskFull), or a relay cannot hand its events on. It
// returns kv.ErrCorrupt with the file's name once a damaged block was met, until
// the folder is opened again.
func (n *Node) Ready() error {
	n.mu.Lock()
	failed := n.failed
	n.mu.Unlock()
	if failed != nil {
		return failed
	}
	if err := n.store.Damaged(); err != nil {
		return err
	}
	if n.store.Stats().DiskFull {
		return kv.ErrDiskFull
	}
	for _, r := range n.Relays() {
		if r.LastError != "" && r.Position < r.End {
			return fmt.Errorf("the relay of table %s cannot hand on: %s", r.Table, r.LastError)
		}
	}
	return n.sources.Halted()
}

// Quiet reports whether nothing is left to do for what was written so far: each
// change was mapped or parked, and each event was delivered, dropped or made a
// dead letter. It says nothing of what is written meanwhile.
func (n *Node) Quiet() bool {
	if slices.ContainsFunc(n.Relays(), func(r relay.Status) bool { return r.Position < r.End || r.Deleting }) {
		return false
	}
	if quiet, err := n.sources.Quiet(); err != nil || !quiet || n.functions.Waiting() > 0 {
		return false
	}
	return !slices.ContainsFunc(n.queues.States(), func(s delivery.QueueState) bool { return s.Pending() > 0 })
}

// AwaitQuiet returns nil once Quiet holds, or the error of ctx. It is for tests
// and tools; it asks each millisecond.
func (n *Node) AwaitQuiet(ctx context.Context) error {
	for !n.Quiet() {
		if err := wait.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
