package worker

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/remote/streams"
)

// handle deals with the records of one shard, a page after the other. It implements
// streams.Handler.
func (t *tableWorker) handle(ctx context.Context, b streams.Batch) error {
	set := t.setOf(b.Stream)
	for records := b.Records; len(records) > 0; {
		p, done, err := t.apply(set, records)
		if err == nil {
			err = t.handlePage(ctx, set, p)
		}
		if err != nil {
			return err
		}
		records = records[done:]
	}
	return nil
}

// handlePage publishes or parks what is in a page.
func (t *tableWorker) handlePage(ctx context.Context, set *mapping.Set, p page) error {
	// Each round publishes before it parks, and parks before the page counts as
	// handled; the reader moves its checkpoint only after all pages of its batch. A
	// crash in between has the batch handled again: events are published again with
	// the same ids, and what is parked already stays as it is. An operator may let an
	// item flow again between the look at what is held and the parking behind it; park
	// refuses then, and the records go through another round.
	for len(p) > 0 {
		held, err := t.held(ctx)
		if err != nil {
			return err
		}
		publish, park := p.divide(held)
		accepted, rejected, err := t.publish(ctx, publish)
		if err != nil {
			return err
		}
		if err := t.deleteAccepted(ctx, set, accepted); err != nil {
			return err
		}
		if p, err = t.park(ctx, p.only(park, rejected)); err != nil {
			return err
		}
	}
	return nil
}

// only returns the records of a page that are of one of two others, in order.
func (p page) only(a, b page) (out page) {
	in := make(map[*mapped]bool, len(a)+len(b))
	for _, m := range a {
		in[m] = true
	}
	for _, m := range b {
		in[m] = true
	}
	for _, m := range p {
		if in[m] {
			out = append(out, m)
		}
	}
	return out
}

// held returns the items that have parked records.
func (t *tableWorker) held(ctx context.Context) (map[string]bool, error) {
	var items []heldItem
	err := t.w.persist(ctx, "read what is parked", func() (err error) {
		items, err = t.store.held(ctx)
		return err
	})
	out := make(map[string]bool, len(items))
	for _, h := range items {
		out[h.group] = true
	}
	t.noteHeld(items)
	return out, err
}

// park keeps records, and returns those that need not be parked any more since
// what they were behind has left.
func (t *tableWorker) park(ctx context.Context, p page) (again page, err error) {
	byItem := map[string]page{}
	var order []string
	for _, m := range p {
		if byItem[m.group] == nil {
			order = append(order, m.group)
		}
		byItem[m.group] = append(byItem[m.group], m)
	}
	for _, group := range order {
		released, err := t.parkItem(ctx, byItem[group])
		if err != nil {
			return nil, err
		}
		again = append(again, released...)
	}
	return again, nil
}

// parkItem keeps records of one item.
func (t *tableWorker) parkItem(ctx context.Context, p page) (again page, err error) {
	records := make([]*parking.Record, len(p))
	for i, m := range p {
		records[i] = parking.New(m.record, m.group, t.w.opts.Now(), m.err)
		records[i].Version = t.w.opts.File.Version
	}
	err = t.w.persist(ctx, "park records", func() error { return t.store.park(ctx, records) })
	if errors.Is(err, errReleased) {
		for _, m := range p {
			if errors.Is(m.err, parking.ErrBehind) {
				m.err = nil
			}
		}
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	t.parkedNow.Add(int64(len(records)))
	for _, r := range records {
		if !r.Behind {
			t.w.opts.Logger.Error("worker: record parked", "table", t.name, "seq", r.Seq, "definition", r.Definition, "error", r.Error)
		}
	}
	return nil, nil
}

// Bounds of the pause between two tries.
const (
	minPause = 50 * time.Millisecond
	maxPause = 10 * time.Second
)

// persist calls fn until it succeeds or its error is errReleased, or ctx ends.
func (w *Worker) persist(ctx context.Context, what string, fn func() error) error {
	tries := wait.Backoff{Least: minPause, Most: maxPause}
	for first := true; ; first = false {
		err := fn()
		if err == nil || errors.Is(err, errReleased) || ctx.Err() != nil {
			return err
		}
		if first {
			w.opts.Logger.Warn("worker: cannot "+what+"; trying on", "error", err)
		}
		if err := tries.Wait(ctx); err != nil {
			return err
		}
	}
}
