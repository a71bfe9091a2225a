package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/attempt"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// A Sink takes events. The mark that the relay passes belongs to the batch that
// makes the events durable. Either all events and the mark are kept, or, with
// an error, none; see ErrRejected. It is called without events, too, to keep the
// mark.
type Sink func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error

// Options configure a Relay. Store, Streams, Table, Set, Definitions and Sink
// must be set; Delete for outboxes whose items are deleted, Scan for backfills,
// Source and Compile for redrives with earlier versions of the mapping.
type Options struct {
	Store       *kv.Store
	Streams     *stream.Streams
	Table       string
	Definitions []mapping.Definition
	Set         *mapping.Set
	Sink        Sink
	// Delete deletes an item of the table if it is still as given.
	Delete func(context.Context, item.Item) error
	// Scan returns items of the table in the order of their keys, behind a key,
	// as they are after commit seq and all before; next is the key to go on
	// after, nil at the end.
	Scan func(ctx context.Context, after item.Item, limit int) (items []item.Item, next item.Item, seq uint64, err error)
	// Source is what Compile makes the set of, as long as its version is the
	// set's.
	Source  []byte
	Compile func(source []byte) (*mapping.Set, error)
	// Attempts notes each change and item of a backfill while it is mapped: one at
	// which two processes ended is parked. The default notes nothing.
	Attempts *attempt.Log
	// OnMapped hears of each record that was mapped, before its events are
	// handed on, and again when its page is tried again. It must be quick. The
	// default is none.
	OnMapped func(r *stream.Record, events []mapping.Raised)
	// Now is the clock for the times of parking. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// Bounds of one page: records, bytes as they are stored, and bytes of the events that
// they raise. The events of one record may have more, up to mapping.MaxBytes.
const (
	pageRecords = 256
	pageBytes   = 4 << 20
	raisedBytes = 4 << 20
)

// A Relay carries the records of one table. Prepare must have returned before
// Run is called, once.
type Relay struct {
	opts    Options
	parked  *parked
	mapping *attempt.Worker // what is being mapped; only for the goroutine of Run
	ending  map[string]bool // items of which a record was parked at which processes ended; as mapping
	reading *stream.Stream  // the one last read from; only for the goroutine of Run

	elsewhere map[string]bool // definitions that functions map; as mapping

	mu        sync.Mutex
	cursor    cursor             // guarded by mu; written by the goroutine of Run alone, which reads it without
	active    *activeBackfill    // the backfill under way, or nil; as cursor
	deleting  bool               // there may be items of an outbox to delete; as cursor
	status    Status             // guarded by mu
	commands  []command          // guarded by mu
	interrupt context.CancelFunc // ends the waiting of Run; guarded by mu
	stopped   bool               // Run has ended; guarded by mu
}

// A cursor is how far the relay has come.
type cursor struct {
	// Position is the sequence number of the last record that was dealt with.
	// Sequence numbers rise over all streams of the store, so it holds across a
	// table's streams.
	Position uint64 `json:"position"`
	// Starts says after which record each definition takes part.
	Starts   map[string]uint64 `json:"starts"`
	Parked   uint64            `json:"parked"` // so far
	Redriven uint64            `json:"redriven,omitzero"`
	Dropped  uint64            `json:"dropped,omitzero"`
	Gaps     uint64            `json:"gaps,omitzero"`
}

// held returns how many records are parked now.
func (c *cursor) held() uint64 { return c.Parked - c.Redriven - c.Dropped }

// A Status tells how a relay is doing.
type Status struct {
	Table     string `json:"table"`
	Version   string `json:"version"`            // of the mapping
	Position  uint64 `json:"position"`           // last record that was dealt with
	End       uint64 `json:"end"`                // newest durable record
	Parked    uint64 `json:"parked"`             // records parked now
	Redriven  uint64 `json:"redriven"`           // records that were parked and raised their events later
	Dropped   uint64 `json:"dropped"`            // records that were parked and given up
	Gaps      uint64 `json:"gaps"`               // times that records were trimmed unread
	Backfill  string `json:"filling,omitzero"`   // the definition whose backfill is under way
	Deleting  bool   `json:"deleting,omitzero"`  // there are items of an outbox to delete
	LastError string `json:"lastError,omitzero"` // why the sink last refused, until it accepts again
}

// New returns a relay. It does nothing before Prepare and Run.
func New(o Options) *Relay {
	if o.OnMapped == nil {
		o.OnMapped = func(*stream.Record, []mapping.Raised) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Relay{opts: o, parked: newParked(o.Store, o.Table), ending: map[string]bool{}, status: Status{Table: o.Table}}
}

func cursorKey(table string) kv.Key { return kv.NewKey('c').String(table) }

func versionKey(version string) kv.Key { return kv.NewKey('y').String(version) }

// Prepare reads the cursor and makes the start of new definitions durable. It
// must return before the node takes writes.
func (r *Relay) Prepare() error {
	err := r.opts.Store.View(cursorKey(r.opts.Table), func(v []byte) error { return kv.Unmarshal(v, &r.cursor) })
	fresh := errors.Is(err, kv.ErrNotFound)
	if err != nil && !fresh {
		return fmt.Errorf("relay: cursor of %s: %w", r.opts.Table, err)
	}
	if fresh {
		r.cursor.Position = r.opts.Store.Durable()
	}
	r.setDeleting(true)
	r.recallEnding()
	return errors.Join(r.start(), r.resume())
}

// recallEnding finds the items of which a record is parked at which processes ended.
// Damage among the parked records keeps no relay from starting.
func (r *Relay) recallEnding() {
	if r.opts.Attempts == nil || r.cursor.held() == 0 {
		return
	}
	err := parking.List(context.Background(), r.parked, parking.Selection{}, func(p *parking.Record) bool {
		if p.Error == errEnds.Error() {
			r.ending[p.Group] = true
		}
		return true
	})
	if err != nil {
		r.opts.Logger.Warn("relay: not all parked records can be read", "table", r.opts.Table, "error", err)
	}
}

// start gives each definition its start, and makes that and the version of the
// mapping durable.
func (r *Relay) start() error {
	end := r.opts.Store.Durable()
	next := r.cursor
	next.Starts = map[string]uint64{}
	horizon, elsewhere := false, map[string]bool{}
	for _, d := range r.opts.Definitions {
		start, known := r.cursor.Starts[d.Name]
		if !known && !d.FromHorizon {
			start = end
		}
		horizon = horizon || !known && d.FromHorizon
		next.Starts[d.Name] = start
		elsewhere[d.Name] = d.Function != ""
	}
	if horizon {
		next.Position = r.rewind(next.Starts)
	}
	b := r.opts.Store.NewBatch()
	b.UseReserve()
	if r.opts.Source != nil {
		b.Set(versionKey(r.opts.Set.Version()), r.opts.Source)
	}
	r.mark(b, next)
	if _, err := r.opts.Store.Commit(b); err != nil {
		return err
	}
	r.elsewhere = elsewhere
	r.advance(next)
	return nil
}

// Replace puts other definitions in the place of the relay's, between two
// records. It may be called while Run runs.
func (r *Relay) Replace(ctx context.Context, defs []mapping.Definition, set *mapping.Set, source []byte) error {
	return r.do(ctx, func(context.Context) error {
		was := r.opts
		r.mu.Lock()
		r.opts.Definitions, r.opts.Set, r.opts.Source = defs, set, source
		r.mu.Unlock()
		if err := r.start(); err != nil {
			r.mu.Lock()
			r.opts = was
			r.mu.Unlock()
			return err
		}
		return nil
	})
}

// rewind returns the position of the oldest record, for definitions that start
// there; the others start where they were.
func (r *Relay) rewind(starts map[string]uint64) uint64 {
	for name, start := range starts {
		if _, known := r.cursor.Starts[name]; known {
			starts[name] = max(start, r.cursor.Position)
		}
	}
	var horizon uint64
	for _, st := range r.opts.Streams.OfTable(r.opts.Table) {
		horizon = max(horizon, st.Trimmed())
	}
	return min(r.cursor.Position, horizon)
}

func (r *Relay) mark(b *kv.Batch, c cursor) {
	v, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("relay: cursor: %v", err)) // plain data always marshals
	}
	b.Set(cursorKey(r.opts.Table), v)
}

func (r *Relay) setDeleting(on bool) {
	r.mu.Lock()
	r.deleting = on
	r.mu.Unlock()
}

func (r *Relay) setLastError(lastError string) {
	r.mu.Lock()
	r.status.LastError = lastError
	r.mu.Unlock()
}

// Defines reports whether the relay has a definition of an event.
func (r *Relay) Defines(event string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.has(event)
}

// Status returns how the relay is doing.
func (r *Relay) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	c := &r.cursor
	s.Deleting = r.deleting
	if r.active != nil {
		s.Backfill = r.active.Definition
	}
	s.Version, s.Position, s.Parked, s.Redriven, s.Dropped, s.Gaps = r.opts.Set.Version(), c.Position, c.held(), c.Redriven, c.Dropped, c.Gaps
	for _, st := range r.opts.Streams.OfTable(r.opts.Table) {
		s.End = max(s.End, st.Last())
	}
	return s
}
