package tablecast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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

// definitions returns the definitions of a file and of Options.Definitions, by
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

// prepareRelays makes a relay for each table that events come from. Its starting
// position is durable afterwards.
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
	return relay.ForgetBackfills(n.store, func(table, event string) bool {
		r := n.Relay(table)
		return r != nil && r.Defines(event)
	})
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
		Attempts: n.attempts.Log, OnMapped: n.observers.mapped, Logger: n.opts.Logger,
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
	o.Account, o.Region = n.home.Account, n.home.Region
	return mapping.NewSet(defs, o)
}

// A bundle is the text of a configuration with those of the files that it names.
// It is stored with parked records, so that a version of the mapping can be
// compiled again when its files are gone.
type bundle struct {
	Path  string            `json:"path"`
	Text  string            `json:"text"`
	Files map[string][]byte `json:"files,omitempty"`
}

func source(f *config.File) []byte {
	out, err := json.Marshal(bundle{f.Path, string(f.Text), f.Files}, jsontext.AllowInvalidUTF8(true)) // a path may hold any bytes
	if err != nil {
		panic(fmt.Sprintf("tablecast: file: %v", err)) // plain data always marshals
	}
	return out
}

// compile returns the definitions of a table as an earlier version of the file had
// them, from what source made of it.
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

// accept is the sink of the relays: it hands the events of a batch to the buses,
// and has mark add the relay's new position to the commit that makes them durable
// (P5). Errors that wrap relay.ErrRejected are about the events and come again
// with each try; others may pass.
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
	if errors.Is(err, bus.ErrBusNotFound) || errors.Is(err, pattern.ErrAmbiguous) || errors.Is(err, event.ErrDetail) || errors.Is(err, bus.ErrBatchSize) {
		return fmt.Errorf("%w: %w", relay.ErrRejected, err)
	}
	return err
}

// check makes an event small enough for a bus: a detail that is too large is put
// into the claim check's store, and a reference to it takes its place. Without a
// store the event is rejected. The object is put before the event is durable; a
// crash in between leaves an object that the next try writes again under the same
// name.
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

// scan returns a page of a table's items, all as of one commit, whose number it
// returns, too.
func (n *Node) scan(ctx context.Context, name string, after item.Item, limit int) ([]item.Item, item.Item, uint64, error) {
	p, err := n.tables.Scan(ctx, table.ScanRequest{Table: name, Start: after, Limit: limit, WithSeq: true})
	return p.Items, p.Last, p.Seq, err
}

// Relay returns the relay of a table; nil if no event comes from the table.
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

// Relays returns the status of each relay, in the order of the tables' names.
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

// Config returns the file in effect, which is the last that Open or Reload was
// given; nil if there is none. Callers must not change it.
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
