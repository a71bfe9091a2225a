package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// A Sink takes events. The mark that the relay passes belongs to the batch that
// makes the events durable. Either all events and the mark are kept, or, with
// an error, none; see ErrRejected. It is called without events, too, to keep the
// mark.
type Sink func(ctx context.Context, events []mapping.Raised, mark func(*kv.Batch)) error

// Options configure a Relay. Store, Streams, Table, Set, Definitions and Sink
// must be set.
type Options struct {
	Store       *kv.Store
	Streams     *stream.Streams
	Table       string
	Definitions []mapping.Definition
	Set         *mapping.Set
	Sink        Sink
	// OnMapped hears of each record that was mapped, before its events are
	// handed on, and again when its page is tried again. It must be quick. The
	// default is none.
	OnMapped func(r *stream.Record, events []mapping.Raised)
	// Now is the clock for the times of parking. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// Bounds of one page: records, and bytes as they are stored.
const (
	pageRecords = 256
	pageBytes   = 4 << 20
)

// A Relay carries the records of one table. Prepare must have returned before
// Run is called, once.
type Relay struct {
	opts    Options
	reading *stream.Stream // the one last read from; only for the goroutine of Run

	mu     sync.Mutex
	cursor cursor // guarded by mu; written by the goroutine of Run alone, which reads it without
	status Status // guarded by mu
}

// A cursor is how far the relay has come.
type cursor struct {
	// Position is the sequence number of the last record that was dealt with.
	// Sequence numbers rise over all streams of the store, so it holds across a
	// table's streams.
	Position uint64 `json:"position"`
	// Starts says after which record each definition takes part.
	Starts map[string]uint64 `json:"starts"`
	Parked uint64            `json:"parked"`
	Gaps   uint64            `json:"gaps,omitzero"`
}

// A Status tells how a relay is doing.
type Status struct {
	Table     string
	Position  uint64 // last record that was dealt with
	End       uint64 // newest durable record
	Parked    uint64 // records parked so far
	Gaps      uint64 // times that records were trimmed unread
	LastError string // why the sink last refused, until it accepts again
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
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return &Relay{opts: o, status: Status{Table: o.Table}}
}

func cursorKey(table string) kv.Key { return kv.NewKey('c').String(table) }

// Prepare reads the cursor and makes the start of new definitions durable. It
// must return before the node takes writes.
func (r *Relay) Prepare() error {
	err := r.opts.Store.View(cursorKey(r.opts.Table), func(v []byte) error { return json.Unmarshal(v, &r.cursor) })
	fresh := errors.Is(err, kv.ErrNotFound)
	if err != nil && !fresh {
		return fmt.Errorf("relay: cursor of %s: %w", r.opts.Table, err)
	}
	end := r.opts.Store.Durable()
	starts := map[string]uint64{}
	horizon := false
	for _, d := range r.opts.Definitions {
		start, known := r.cursor.Starts[d.Name]
		if !known && !d.FromHorizon {
			start = end
		}
		horizon = horizon || !known && d.FromHorizon
		starts[d.Name] = start
	}
	if fresh {
		r.cursor.Position = end
	}
	if horizon {
		r.rewind(starts)
	}
	r.cursor.Starts = starts
	b := r.opts.Store.NewBatch()
	b.UseReserve()
	r.mark(b, r.cursor)
	_, err = r.opts.Store.Commit(b)
	return err
}

// rewind goes back to the oldest record for definitions that start there; the
// others start where they were.
func (r *Relay) rewind(starts map[string]uint64) {
	for name, start := range starts {
		if _, known := r.cursor.Starts[name]; known {
			starts[name] = max(start, r.cursor.Position)
		}
	}
	var horizon uint64
	for _, st := range r.opts.Streams.OfTable(r.opts.Table) {
		horizon = max(horizon, st.Trimmed())
	}
	r.cursor.Position = min(r.cursor.Position, horizon)
}

func (r *Relay) mark(b *kv.Batch, c cursor) {
	v, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("relay: cursor: %v", err)) // plain data always marshals
	}
	b.Set(cursorKey(r.opts.Table), v)
}

func (r *Relay) note(lastError string) {
	r.mu.Lock()
	r.status.LastError = lastError
	r.mu.Unlock()
}

// Status returns how the relay is doing.
func (r *Relay) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Position, s.Parked, s.Gaps = r.cursor.Position, r.cursor.Parked, r.cursor.Gaps
	for _, st := range r.opts.Streams.OfTable(r.opts.Table) {
		s.End = max(s.End, st.Last())
	}
	return s
}
