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
	"github.com/tablecast/tablecast/parking"
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

// StartBackfill begins a backfill of a definition at the table's first item, under
// a name of its own. It goes on by itself, across restarts, until it is done, is
// stopped, or its definition is taken away.
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
		return r.endBackfill()
	})
}

// endBackfill forgets the backfill that is under way. After an error it is under
// way still.
func (r *Relay) endBackfill() error {
	b := r.opts.Store.NewBatch()
	b.UseReserve()
	b.Delete(backfillKey(r.opts.Table, r.active.Definition))
	if _, err := r.opts.Store.Commit(b); err != nil {
		return err
	}
	r.setActive(nil)
	return nil
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
			return errors.Join(fmt.Errorf("relay: backfill of %s: %w: %w", r.opts.Table, kv.ErrCorrupt, err), it.Close())
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
			return nil, errors.Join(fmt.Errorf("relay: backfill of %s: %w: %w", table, kv.ErrCorrupt, err), it.Close())
		}
		out = append(out, f)
	}
	return out, it.Close()
}

// ForgetBackfills deletes the backfills under way whose definition is gone, as a Relay
// does whose definition is taken away. It is called before any Relay of the store runs.
func ForgetBackfills(store *kv.Store, defined func(table, definition string) bool) error {
	b := store.NewBatch()
	b.UseReserve()
	forgotten := 0
	it := store.Scan(kv.Prefix(kv.NewKey('l')))
	for it.Next() {
		var f Backfill
		if json.Unmarshal(it.Value(), &f) == nil && !f.Done && !defined(f.Table, f.Definition) {
			b.Delete(backfillKey(f.Table, f.Definition))
			forgotten++
		}
	}
	if err := it.Close(); err != nil || forgotten == 0 {
		b.Close()
		return err
	}
	_, err := store.Commit(b)
	return err
}

// readChunk reads the next items of the backfill, once they are due. It ends a
// backfill whose definition Replace took away.
func (r *Relay) readChunk(ctx context.Context) error {
	f := r.active
	if f != nil && !r.has(f.Definition) {
		return r.endBackfill()
	}
	if f == nil || f.chunk != nil || r.opts.Now().Before(f.due) {
		return nil
	}
	var after item.Item
	if f.After != nil {
		if err := json.Unmarshal(f.After, &after); err != nil {
			return fmt.Errorf("relay: backfill of %s: %w: %w", f.Table, kv.ErrCorrupt, err)
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
	err := r.raiseItems(ctx, f)
	if err != nil {
		f.chunk = nil // the next one begins behind what is durable
		return err
	}
	r.advanceBackfill(f.Backfill)
	return nil
}

// raiseItems hands over what the items of a chunk raise, in parts that raisedBytes
// bounds.
func (r *Relay) raiseItems(ctx context.Context, f *activeBackfill) error {
	if len(f.chunk.items) == 0 {
		return r.finishBackfill()
	}
	for done := 0; done < len(f.chunk.items); {
		page, err := r.mapItems(f, done)
		if err == nil {
			err = r.handOver(ctx, page)
		}
		if err != nil {
			return err
		}
		done += len(page)
	}
	return nil
}

// finishBackfill makes durable that the backfill came to the end of the table.
func (r *Relay) finishBackfill() error {
	next := r.active.Backfill
	next.Done = true
	b := r.opts.Store.NewBatch()
	next.put(b)
	if _, err := r.opts.Store.Commit(b); err != nil {
		return err
	}
	r.noteBackfill(next)
	return nil
}

// backfilled returns how far the backfill is once a page of its items is durable;
// nil if the page is one of changes.
func (r *Relay) backfilled(page []mapped) *Backfill {
	if page[0].backfill == "" {
		return nil
	}
	f, last := r.active, &page[len(page)-1]
	next := f.Backfill
	next.Items += len(page)
	for i := range page {
		next.Events += len(page[i].events)
	}
	next.After = item.AppendJSON(nil, last.record.Keys)
	next.Done = f.chunk.next == nil && int(last.n) == len(f.chunk.items)
	return &next
}

// noteBackfill makes progress that is durable that of the backfill under way.
func (r *Relay) noteBackfill(next Backfill) {
	r.mu.Lock()
	r.active.Backfill = next
	r.mu.Unlock()
}

// advanceBackfill goes on behind a chunk whose progress is durable.
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

// mapItems maps items of a chunk, from one on up to the one with which the events
// have raisedBytes, as inserts with the chunk's number.
func (r *Relay) mapItems(f *activeBackfill, from int) ([]mapped, error) {
	streams := r.opts.Streams.OfTable(r.opts.Table)
	if len(streams) == 0 {
		return nil, fmt.Errorf("relay: table %s has no stream", r.opts.Table)
	}
	st := streams[len(streams)-1]
	var page []mapped
	raised := 0
	defer r.mapping.End()
	for i := from; i < len(f.chunk.items) && raised < raisedBytes; i++ {
		it := f.chunk.items[i]
		rec := &stream.Record{Stream: st, Seq: f.chunk.seq, Op: stream.Insert, Time: r.opts.Now().UTC(), Keys: slices.Clip(st.Schema().Project(it)), New: it}
		behind, err := r.behindEnding(rec, nil)
		if err != nil {
			return nil, err
		}
		if behind {
			page = append(page, mapped{record: rec, err: parking.ErrBehind, backfill: f.Run, n: uint64(i + 1)})
			continue
		}
		what := r.attempt(f.Run, mapping.Group(rec))
		events, err := r.guarded(what, func() ([]mapping.Raised, error) {
			r.note(f.Definition, what)
			return r.opts.Set.Backfill(f.Definition, f.Run, rec)
		})
		if errors.Is(err, errEnds) {
			r.ending[mapping.Group(rec)] = true
		}
		if errors.Is(err, mapping.ErrUnavailable) {
			return nil, err
		}
		page = append(page, mapped{record: rec, events: events, err: err, backfill: f.Run, n: uint64(i + 1)})
		raised += page[len(page)-1].bytes()
	}
	return page, nil
}
