package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// Errors of backfills.
var (
	// ErrNoDefinition means that the table has no definition of that name.
	ErrNoDefinition = errors.New("relay: no such definition")
	// ErrBackfilling means that a backfill of the table is under way.
	ErrBackfilling = errors.New("relay: a backfill of the table is under way")
	// ErrNoBackfill means that the definition has no backfill under way.
	ErrNoBackfill = errors.New("relay: no backfill is under way")
)

// backfillPage is the most items that are raised between two pages of changes.
const backfillPage = 100

// A Backfill raises the events of a definition for the items that are there.
type Backfill struct {
	Table      string         `json:"table"`
	Definition string         `json:"definition"`
	Run        string         `json:"run"` // its name
	Started    time.Time      `json:"started"`
	Rate       int            `json:"rate,omitzero"` // items a second; 0 is as fast as it goes
	Items      int            `json:"items"`         // read so far
	Events     int            `json:"events"`        // raised so far
	After      jsontext.Value `json:"after,omitzero"`
	Done       bool           `json:"done"`
}

// An activeBackfill is a backfill under way. It belongs to the goroutine of Run.
type activeBackfill struct {
	Backfill
	due   time.Time // of the next page
	chunk *chunk    // read, not yet raised
}

// A chunk is some items as they are after a commit.
type chunk struct {
	seq   uint64
	items []item.Item
	next  item.Item // key to go on after; nil at the end
}

func backfillKey(table, definition string) kv.Key {
	return kv.NewKey('l').String(table).String(definition)
}

func (f *Backfill) put(b *kv.Batch) {
	v, err := json.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("relay: backfill: %v", err)) // plain data always marshals
	}
	b.Set(backfillKey(f.Table, f.Definition), v)
}

// StartBackfill begins a backfill of a definition under a name of its own, or
// goes on with one that was stopped. It goes on by itself, across restarts.
// Errors: ErrNoDefinition, ErrBackfilling.
func (r *Relay) StartBackfill(ctx context.Context, definition, run string, rate int) (f Backfill, err error) {
	err = r.do(ctx, func(context.Context) error {
		if !r.has(definition) {
			return fmt.Errorf("%w: %s", ErrNoDefinition, definition)
		}
		if r.active != nil {
			return fmt.Errorf("%w: of %s", ErrBackfilling, r.active.Definition)
		}
		if len(r.opts.Streams.OfTable(r.opts.Table)) == 0 {
			return fmt.Errorf("relay: table %s has no stream", r.opts.Table)
		}
		f = Backfill{Table: r.opts.Table, Definition: definition, Run: run, Started: r.opts.Now().UTC(), Rate: rate}
		return r.begin(&f)
	})
	return f, err
}

// begin makes a backfill durable and the one under way.
func (r *Relay) begin(f *Backfill) error {
	b := r.opts.Store.NewBatch()
	f.put(b)
	if _, err := r.opts.Store.Commit(b); err != nil {
		return err
	}
	r.setActive(&activeBackfill{Backfill: *f})
	return nil
}

// StopBackfill ends the backfill of the table that is under way, where it is.
// Errors: ErrNoBackfill.
func (r *Relay) StopBackfill(ctx context.Context) error {
	return r.do(ctx, func(context.Context) error {
		if r.active == nil {
			return ErrNoBackfill
		}
		b := r.opts.Store.NewBatch()
		b.UseReserve()
		b.Delete(backfillKey(r.opts.Table, r.active.Definition))
		_, err := r.opts.Store.Commit(b)
		r.setActive(nil)
		return err
	})
}

func (r *Relay) setActive(f *activeBackfill) {
	r.mu.Lock()
	r.active = f
	r.mu.Unlock()
}

// has reports whether the table has a definition of that name.
func (r *Relay) has(definition string) bool {
	for _, d := range r.opts.Definitions {
		if d.Name == definition {
			return true
		}
	}
	return false
}

// resume takes up the backfill that was under way when the folder was closed.
func (r *Relay) resume() error {
	it := r.opts.Store.Scan(kv.Prefix(kv.NewKey('l').String(r.opts.Table)))
	for it.Next() {
		var f Backfill
		if err := json.Unmarshal(it.Value(), &f); err != nil {
			return errors.Join(fmt.Errorf("relay: backfill of %s: %w", r.opts.Table, err), it.Close())
		}
		if !f.Done && r.has(f.Definition) {
			r.setActive(&activeBackfill{Backfill: f})
		}
	}
	return it.Close()
}

// Backfills returns the last backfill of each definition of a table.
func Backfills(store kv.Reader, table string) (out []Backfill, err error) {
	it := store.Scan(kv.Prefix(kv.NewKey('l').String(table)))
	for it.Next() {
		var f Backfill
		if err := json.Unmarshal(it.Value(), &f); err != nil {
			return nil, errors.Join(fmt.Errorf("relay: backfill of %s: %w", table, err), it.Close())
		}
		out = append(out, f)
	}
	return out, it.Close()
}

// readChunk reads the next items of the backfill, once they are due.
func (r *Relay) readChunk(ctx context.Context) error {
	f := r.active
	if f == nil || f.chunk != nil || r.opts.Now().Before(f.due) {
		return nil
	}
	var after item.Item
	if f.After != nil {
		if err := json.Unmarshal(f.After, &after); err != nil {
			return fmt.Errorf("relay: backfill of %s: %w", f.Table, err)
		}
	}
	limit := backfillPage
	if f.Rate > 0 {
		limit = min(limit, f.Rate)
	}
	items, next, seq, err := r.opts.Scan(ctx, after, limit)
	if err != nil {
		return err
	}
	f.chunk = &chunk{seq, items, next}
	return nil
}

// raiseChunk raises the events of the items that were read; all changes that they
// show have been dealt with, and no later ones (invariant 9).
func (r *Relay) raiseChunk(ctx context.Context) error {
	f := r.active
	page, err := r.mapChunk(f)
	if err != nil {
		return err
	}
	next := f.Backfill
	add := func(b *kv.Batch, last *mapped) {
		next.Items = f.Items + int(last.n)
		next.Events = f.Events
		for _, m := range page[:last.n] {
			next.Events += len(m.events)
		}
		next.After = item.AppendJSON(nil, last.record.Keys)
		next.Done = f.chunk.next == nil && int(last.n) == len(page)
		next.put(b)
	}
	if len(page) == 0 {
		next.Done = true
		b := r.opts.Store.NewBatch()
		next.put(b)
		_, err = r.opts.Store.Commit(b)
	} else {
		err = r.handOver(ctx, page, add)
	}
	if err != nil {
		f.chunk = nil // what was handed on before the error is not read again
		r.advanceBackfill(next)
		return err
	}
	r.advanceBackfill(next)
	return nil
}

// advanceBackfill makes progress that is durable the current one.
func (r *Relay) advanceBackfill(next Backfill) {
	if next.Done {
		r.setActive(nil)
		return
	}
	f := &activeBackfill{Backfill: next}
	if next.Rate > 0 {
		f.due = r.opts.Now().Add(time.Second * time.Duration(min(backfillPage, next.Rate)) / time.Duration(next.Rate))
	}
	r.setActive(f)
}

// mapChunk maps the items of a chunk, as inserts with the chunk's number.
func (r *Relay) mapChunk(f *activeBackfill) ([]mapped, error) {
	streams := r.opts.Streams.OfTable(r.opts.Table)
	if len(streams) == 0 {
		return nil, fmt.Errorf("relay: table %s has no stream", r.opts.Table)
	}
	st := streams[len(streams)-1]
	var page []mapped
	for i, it := range f.chunk.items {
		rec := &stream.Record{Stream: st, Seq: f.chunk.seq, Op: stream.Insert, Time: r.opts.Now().UTC(), Keys: slices.Clip(st.Schema().Project(it)), New: it}
		events, err := r.opts.Set.Backfill(f.Definition, f.Run, rec)
		if errors.Is(err, mapping.ErrUnavailable) {
			return nil, err
		}
		page = append(page, mapped{record: rec, events: events, err: err, backfill: f.Run, n: uint64(i + 1)})
	}
	return page, nil
}
