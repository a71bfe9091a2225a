package relay

import (
	"context"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// A mapped record has its events, or the reason why it has none.
type mapped struct {
	record *stream.Record
	events []mapping.Raised
	err    error
}

// apply maps the records of a page.
func (r *Relay) apply(records []stream.Record) []mapped {
	out := make([]mapped, len(records))
	for i := range records {
		rec := &records[i]
		events, err := r.opts.Set.Apply(rec, func(def string) bool { return rec.Seq > r.cursor.Starts[def] })
		if err == nil {
			r.opts.OnMapped(rec, events)
		}
		out[i] = mapped{rec, events, err}
	}
	return out
}

// handOver gives the events of records to the sink and advances past them. If
// the sink rejects them it halves the page, down to the record that is to
// blame, which it parks.
func (r *Relay) handOver(ctx context.Context, page []mapped) error {
	err := r.commit(ctx, page)
	if d, _ := decide(err); d != Park {
		return err
	}
	if len(page) == 1 {
		page[0].events, page[0].err = nil, err
		return r.commit(ctx, page)
	}
	half := len(page) / 2
	if err := r.handOver(ctx, page[:half]); err != nil {
		return err
	}
	return r.handOver(ctx, page[half:])
}

// commit gives the sink the events of records, and with them, for the same
// batch, what is to park and the cursor.
func (r *Relay) commit(ctx context.Context, page []mapped) error {
	next := r.cursor
	next.Position = page[len(page)-1].record.Seq
	var events []mapping.Raised
	var parked []*Parked
	for i := range page {
		events = append(events, page[i].events...)
		if page[i].err != nil {
			parked = append(parked, newParked(&page[i], r.opts.Now()))
			next.Parked++
		}
	}
	if plantCursorFirst {
		b := r.opts.Store.NewBatch()
		r.mark(b, next)
		if _, err := r.opts.Store.Commit(b); err != nil {
			return err
		}
	}
	err := r.opts.Sink(ctx, events, func(b *kv.Batch) {
		for _, p := range parked {
			p.add(b)
		}
		r.mark(b, next)
	})
	if err != nil {
		return err
	}
	for _, p := range parked {
		r.opts.Logger.Error("relay: record parked", "table", p.Table, "seq", p.Seq, "definition", p.Definition, "error", p.Error)
	}
	r.advance(next)
	return nil
}

// advance makes a cursor that is durable the current one.
func (r *Relay) advance(next cursor) {
	r.mu.Lock()
	r.cursor = next
	r.mu.Unlock()
}
