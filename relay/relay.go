// Package relay carries change records from a table's streams to the buses: it
// reads on from its cursor, maps, hands on, and only then advances.
//
// # Keys
//
//	'c' table                       -> cursor of the table's relay (JSON)
//	'p' table, stream id text, seq  -> parked record (JSON): why, and the change
//
// # Invariants
//
//  1. Hand over, record, then advance: the events of a page, the parked
//     records of the page and the cursor past the page are one batch (P5).
//  2. A definition takes part from its own start on: the end of the stream
//     when the relay first met it, or the oldest record. The start is durable
//     before the node takes writes, so no write made meanwhile is missed.
//  3. A record that cannot be mapped is parked with its full payload and
//     counted; the records after it go on (P8).
//  4. The cursor moves back only in Prepare, for a definition that starts at
//     the oldest record, and then no other takes part before it has caught up.
//     A gap, records that were trimmed before
//     they were read, is logged and counted.
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
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// A Sink takes events. The mark that the relay passes belongs to the batch that
// makes the events durable. Either all events and the mark are kept, or, with
// an error, none.
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
	// handed on. It must be quick. The default is none.
	OnMapped func(r *stream.Record, events []mapping.Raised)
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// Bounds of one page.
const (
	pageRecords = 256
	pageBytes   = 4 << 20
)

// A Relay carries the records of one table. Prepare must have returned before
// Run is called, once.
type Relay struct {
	opts Options

	mu     sync.Mutex
	cursor cursor // guarded by mu; written by the goroutine of Run alone
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
	r.cursor.Position = 0
	if all := r.opts.Streams.OfTable(r.opts.Table); len(all) > 0 {
		r.cursor.Position = all[0].Trimmed()
	}
}

func (r *Relay) mark(b *kv.Batch, c cursor) {
	v, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("relay: cursor: %v", err)) // plain data always marshals
	}
	b.Set(cursorKey(r.opts.Table), v)
}

// Run carries records until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	pause := backoff{}
	for ctx.Err() == nil {
		err := r.step(ctx)
		switch {
		case err == nil:
			pause = backoff{}
			r.note("")
		case ctx.Err() == nil:
			r.note(err.Error())
			r.opts.Logger.Warn("relay: the page is tried again", "table", r.opts.Table, "error", err)
			pause.wait(ctx)
		}
	}
	return nil
}

// step waits for records and deals with one page of them.
func (r *Relay) step(ctx context.Context) error {
	st := r.current()
	if st == nil {
		return r.idle(ctx)
	}
	if err := st.Wait(ctx, r.cursor.Position); err != nil {
		return err
	}
	page, err := st.Read(r.cursor.Position, pageRecords, pageBytes)
	if errors.Is(err, stream.ErrTrimmed) {
		return r.gap(st)
	}
	if err != nil {
		return err
	}
	if len(page.Records) == 0 {
		if page.Closed {
			return r.idle(ctx)
		}
		return nil
	}
	return r.page(ctx, page.Records)
}

// current returns the oldest of the table's streams that may have records after
// the cursor; nil if there is none.
func (r *Relay) current() *stream.Stream {
	all := r.opts.Streams.OfTable(r.opts.Table)
	for i, st := range all {
		if i == len(all)-1 || st.Last() > r.cursor.Position {
			return st
		}
	}
	return nil
}

// idle waits for the table to have a stream with something to read.
func (r *Relay) idle(ctx context.Context) error {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil
}

// page maps the records and hands their events on.
func (r *Relay) page(ctx context.Context, records []stream.Record) error {
	next := r.cursor
	var events []mapping.Raised
	var parked []parking
	for i := range records {
		rec := &records[i]
		raised, err := r.opts.Set.Apply(rec, func(def string) bool { return rec.Seq > r.cursor.Starts[def] })
		if err != nil {
			parked = append(parked, parking{rec, err})
			next.Parked++
			r.opts.Logger.Error("relay: record parked", "table", r.opts.Table, "seq", rec.Seq, "error", err)
		}
		r.opts.OnMapped(rec, raised)
		events = append(events, raised...)
		next.Position = rec.Seq
	}
	if err := r.handOver(ctx, events, parked, next); err != nil {
		return err
	}
	r.mu.Lock()
	r.cursor = next
	r.mu.Unlock()
	return nil
}

// handOver gives the events to the sink, with the parked records and the cursor
// in the same batch.
func (r *Relay) handOver(ctx context.Context, events []mapping.Raised, parked []parking, next cursor) error {
	if plantCursorFirst {
		b := r.opts.Store.NewBatch()
		r.mark(b, next)
		if _, err := r.opts.Store.Commit(b); err != nil {
			return err
		}
	}
	return r.opts.Sink(ctx, events, func(b *kv.Batch) {
		for _, p := range parked {
			p.add(b)
		}
		r.mark(b, next)
	})
}

// gap steps over records that were trimmed before they were read.
func (r *Relay) gap(st *stream.Stream) error {
	next := r.cursor
	next.Position = st.Trimmed()
	r.opts.Logger.Error("relay: records were trimmed before they were read", "table", r.opts.Table, "after", r.cursor.Position, "upTo", next.Position)
	b := r.opts.Store.NewBatch()
	b.UseReserve()
	r.mark(b, next)
	if _, err := r.opts.Store.Commit(b); err != nil {
		return err
	}
	r.mu.Lock()
	r.cursor = next
	r.status.Gaps++
	r.mu.Unlock()
	return nil
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
	s.Position, s.Parked = r.cursor.Position, r.cursor.Parked
	for _, st := range r.opts.Streams.OfTable(r.opts.Table) {
		s.End = max(s.End, st.Last())
	}
	return s
}

// A parking is a record that could not be mapped, and why.
type parking struct {
	record *stream.Record
	err    error
}

// add puts the parked record into the batch.
func (p parking) add(b *kv.Batch) {
	v, err := json.Marshal(struct {
		Stream string         `json:"stream"`
		Seq    string         `json:"sequenceNumber"`
		Op     string         `json:"op"`
		Time   time.Time      `json:"time"`
		Error  string         `json:"error"`
		Keys   jsontext.Value `json:"keys"`
		New    jsontext.Value `json:"new,omitzero"`
		Old    jsontext.Value `json:"old,omitzero"`
	}{
		p.record.Stream.ARN(), stream.FormatSeq(p.record.Seq), p.record.Op.String(), p.record.Time, p.err.Error(),
		wire(p.record.Keys), wire(p.record.New), wire(p.record.Old),
	})
	if err != nil {
		panic(fmt.Sprintf("relay: parked record: %v", err)) // plain data always marshals
	}
	b.Set(kv.NewKey('p').String(p.record.Stream.Table()).String(p.record.Stream.Label()).Uint64(p.record.Seq), v)
}

func wire(image item.Item) jsontext.Value {
	if image == nil {
		return nil
	}
	return item.AppendJSON(nil, image)
}

// A backoff is a pause that grows.
type backoff struct{ last time.Duration }

func (b *backoff) wait(ctx context.Context) {
	b.last = min(max(2*b.last, 10*time.Millisecond), 5*time.Second)
	timer := time.NewTimer(b.last)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
