package tablecast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target/claim"
)

// definitions returns the definitions of a file and of the embedding program, by
// table.
func (n *Node) definitions(f *config.File) map[string][]mapping.Definition {
	out := map[string][]mapping.Definition{}
	for _, d := range slices.Concat(f.Events, n.opts.Definitions) {
		if d.Function != "" {
			d.Mapper = &functionMapper{n, d.Function}
		}
		out[d.Table] = append(out[d.Table], d)
	}
	return out
}

// prepareRelays makes a relay for each table that events come from, and its
// starting position durable.
func (n *Node) prepareRelays(f *config.File) error {
	for name, defs := range n.definitions(f) {
		if err := n.prepareRelay(f, name, defs); err != nil {
			return err
		}
	}
	var versions []string
	for _, s := range n.Relays() {
		versions = append(versions, s.Version)
	}
	if err := relay.ForgetVersions(n.store, versions...); err != nil {
		n.opts.Logger.Warn("tablecast: earlier versions of the mapping are kept", "error", err)
	}
	return nil
}

func (n *Node) prepareRelay(f *config.File, name string, defs []mapping.Definition) error {
	r := relay.New(relay.Options{
		Store: n.store, Streams: n.streams, Table: name, Definitions: defs, Set: n.set(f, name, defs),
		Source: source(f), Compile: func(source []byte) (*mapping.Set, error) { return n.compile(source, name) },
		Sink:   n.accept,
		Delete: func(ctx context.Context, it item.Item) error { return n.tables.DeleteUnchanged(ctx, name, it) },
		Scan: func(ctx context.Context, after item.Item, limit int) ([]item.Item, item.Item, uint64, error) {
			return n.scan(ctx, name, after, limit)
		},
		OnMapped: n.observers.mapped, Logger: n.opts.Logger,
	})
	if err := r.Prepare(); err != nil {
		return err
	}
	n.mu.Lock()
	n.relays[name] = r
	n.mu.Unlock()
	return nil
}

// runRelay starts a relay.
func (n *Node) runRelay(r *relay.Relay) {
	n.hops.Go(func() { n.note("relay", r.Run(n.running)) })
}

// set returns the definitions of a table, ready to apply.
func (n *Node) set(f *config.File, table string, defs []mapping.Definition) *mapping.Set {
	o := f.Mapping(table)
	o.Account, o.Region = Account, Region
	return mapping.NewSet(defs, o)
}

// A bundle is the text of a file with those that it names, so that it can be
// read again elsewhere and later.
type bundle struct {
	Path  string            `json:"path"`
	Text  string            `json:"text"`
	Files map[string][]byte `json:"files,omitempty"`
}

func source(f *config.File) []byte {
	out, err := json.Marshal(bundle{f.Path, string(f.Text), f.Files})
	if err != nil {
		panic(fmt.Sprintf("tablecast: file: %v", err)) // plain data always marshals
	}
	return out
}

// compile returns the definitions of a table by an earlier version of the file.
func (n *Node) compile(source []byte, table string) (*mapping.Set, error) {
	var b bundle
	if err := json.Unmarshal(source, &b); err != nil {
		return nil, fmt.Errorf("tablecast: version of the mapping: %w", err)
	}
	f, err := config.ParseWith(b.Path, []byte(b.Text), b.Files)
	if err != nil {
		return nil, err
	}
	return n.set(f, table, n.definitions(f)[table]), nil
}

// accept is the relays' sink.
func (n *Node) accept(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error {
	out := make([]bus.Outgoing, len(events))
	for i := range events {
		e := &events[i].Event
		if err := n.check(ctx, e); err != nil {
			return err
		}
		out[i] = bus.Outgoing{Bus: events[i].Bus, Event: e}
	}
	err := n.buses.Accept(ctx, out, mark)
	if errors.Is(err, bus.ErrBusNotFound) || errors.Is(err, pattern.ErrAmbiguous) || errors.Is(err, event.ErrDetail) {
		return fmt.Errorf("%w: %w", relay.ErrRejected, err)
	}
	return err
}

// check puts the detail of an event that is too large into the claim check's
// store. An event that is too large for the bus and has none is rejected.
func (n *Node) check(ctx context.Context, e *event.Event) error {
	n.mu.Lock()
	limit := cmp.Or(n.config.ClaimCheck.Above, event.MaxPutSize)
	n.mu.Unlock()
	if e.Size(true) <= limit && e.Size(true) <= event.MaxPutSize {
		return nil
	}
	if n.claims == nil {
		return fmt.Errorf("%w: the event has %d bytes, and a bus takes %d; set mapping.claim-check", relay.ErrRejected, e.Size(true), event.MaxPutSize)
	}
	if _, ok := claim.ParseReference(e.Detail); ok { // of an earlier try
		return nil
	}
	detail, err := claim.Check(ctx, n.claims, e.ID, e.Detail)
	if err != nil {
		return err
	}
	e.Detail = detail
	return nil
}

// scan returns items of a table as they are after one commit.
func (n *Node) scan(ctx context.Context, name string, after item.Item, limit int) ([]item.Item, item.Item, uint64, error) {
	p, err := n.tables.Scan(ctx, table.ScanRequest{Table: name, Start: after, Limit: limit, WithSeq: true})
	return p.Items, p.Last, p.Seq, err
}

// Relay returns the relay of a table that events come from; nil if there is
// none.
func (n *Node) Relay(table string) *relay.Relay {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.relays[table]
}

// unread returns the position up to which a table's changes have raised their
// events and were taken by the functions that they feed; 0 if that cannot be
// told.
func (n *Node) unread(table string) uint64 {
	at, err := n.sources.Unread(table)
	if err != nil {
		n.opts.Logger.Error("tablecast: what functions have not read", "table", table, "error", err)
		return 0
	}
	if r := n.Relay(table); r != nil {
		at = min(at, r.Status().Position)
	}
	return at
}

// Relays tells how the relay of each table is doing, in the order of their
// names.
func (n *Node) Relays() []relay.Status {
	n.mu.Lock()
	all := maps.Clone(n.relays)
	n.mu.Unlock()
	var out []relay.Status
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name].Status())
	}
	return out
}

// Config returns the file that is in effect; nil if there is none.
func (n *Node) Config() *config.File {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.config
}

// Parked calls fn for the parked records of a selection of a table, in the order
// in which the changes were made, until fn returns false.
func (n *Node) Parked(ctx context.Context, table string, sel parking.Selection, fn func(*parking.Record) bool) error {
	return relay.ListParked(ctx, n.store, table, sel, fn)
}

// Backfills returns the last backfill of each definition of a table.
func (n *Node) Backfills(table string) ([]relay.Backfill, error) {
	return relay.Backfills(n.store, table)
}
