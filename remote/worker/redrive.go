package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/remote/eventbridge"
)

// ErrNoTable says that a file declares no events from a table.
var ErrNoTable = errors.New("worker: no events are from the table")

// selected returns the tables that are meant; an empty name is all.
func (w *Worker) selected(table string) (out []*tableWorker, err error) {
	for _, t := range w.tables {
		if table == "" || t.name == table {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoTable, table)
	}
	return out, nil
}

// Parked calls fn for the parked records of a table, or, if its name is empty,
// of all, those of each item in order, until fn returns false. It works while
// workers run, and without.
func (w *Worker) Parked(ctx context.Context, table string, fn func(*Parked) bool) error {
	tables, err := w.selected(table)
	if err != nil {
		return err
	}
	on := true
	for _, t := range tables {
		items, err := t.store.held(ctx)
		if err != nil {
			return err
		}
		for _, h := range items {
			err := t.store.parked(ctx, h.hash, 0, func(p *Parked) bool {
				on = fn(p)
				return on
			})
			if err != nil || !on {
				return err
			}
		}
	}
	return nil
}

// Redrive raises the events of parked records that are meant, each item's in
// order, by the file as it is now: one that fails again, or is not meant, keeps
// those behind it; records that were only behind one that left go along. done is
// called with what became of each table. It works while workers run, and
// without; events of two Redrives at once may arrive twice.
func (w *Worker) Redrive(ctx context.Context, table string, sel relay.Selection, done func(table string, r relay.Redriven)) error {
	return w.eachItem(ctx, table, done, func(t *tableWorker, hash string, out *relay.Redriven) error {
		return t.redrive(ctx, hash, sel, out)
	})
}

// Drop gives up parked records that are meant, and redrives those that were only
// behind them. done is called with how many were dropped of each table.
func (w *Worker) Drop(ctx context.Context, table string, sel relay.Selection, done func(table string, dropped int)) error {
	dropped := 0
	tell := func(table string, _ relay.Redriven) {
		done(table, dropped)
		dropped = 0
	}
	return w.eachItem(ctx, table, tell, func(t *tableWorker, hash string, out *relay.Redriven) error {
		n, err := t.drop(ctx, hash, sel)
		dropped += n
		if err != nil || n == 0 {
			return err
		}
		return t.redrive(ctx, hash, relay.Selection{Seq: nobody}, out)
	})
}

// eachItem calls fn for the items of tables that have parked records.
func (w *Worker) eachItem(ctx context.Context, table string, done func(string, relay.Redriven), fn func(*tableWorker, string, *relay.Redriven) error) error {
	tables, err := w.selected(table)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if _, _, err := t.readStarts(ctx); err != nil {
			return err
		}
		items, err := t.store.held(ctx)
		if err != nil {
			return err
		}
		var out relay.Redriven
		for _, h := range items {
			if err := fn(t, h.hash, &out); err != nil {
				return err
			}
		}
		done(t.name, out)
	}
	return nil
}

const nobody = "none" // no record has this sequence number

// redrive raises the events of an item's records that are meant or only behind
// others, until one stays or the item is no longer held. Records may come behind
// meanwhile.
func (t *tableWorker) redrive(ctx context.Context, hash string, sel relay.Selection, out *relay.Redriven) error {
	for held := true; held; {
		p, err := t.store.first(ctx, hash)
		if err != nil || p == nil {
			return err
		}
		if !sel.Has(&p.Parked) && !p.Behind {
			return nil
		}
		events, err := t.raise(ctx, p)
		if failed := (*failure)(nil); errors.As(err, &failed) {
			out.Failed++
			return errors.Join(t.store.keep(ctx, p, failed.err), t.countWaiting(ctx, hash, sel, out))
		}
		if err != nil {
			return err
		}
		if held, err = t.store.release(ctx, p); err != nil {
			return err
		}
		out.Records++
		out.Events += events
	}
	return nil
}

// countWaiting counts what is meant behind a record that stays.
func (t *tableWorker) countWaiting(ctx context.Context, hash string, sel relay.Selection, out *relay.Redriven) error {
	stays := true
	return t.store.parked(ctx, hash, 0, func(p *Parked) bool {
		if !stays && (p.Behind || sel.Has(&p.Parked)) {
			out.Waiting++
		}
		stays = false
		return true
	})
}

// A failure of a record is why it stays parked.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }

// raise maps a parked record and publishes its events. Errors are of type
// *failure if the record is to blame.
func (t *tableWorker) raise(ctx context.Context, p *Parked) (events int, err error) {
	r, err := p.record()
	if err != nil {
		return 0, err
	}
	set := t.setOf(p.Stream)
	m := &mapped{record: r, group: mapping.Group(r)}
	if m.events, err = set.Apply(r, t.wants(r)); err != nil {
		return 0, &failure{err}
	}
	err = worst(t.publisher.Publish(ctx, page{m}.inLanes()))
	if errors.Is(err, eventbridge.ErrRejected) {
		return 0, &failure{err}
	}
	if err != nil {
		return 0, err
	}
	return len(m.events), t.deleteAccepted(ctx, set, page{m})
}

// drop gives up records of an item.
func (t *tableWorker) drop(ctx context.Context, hash string, sel relay.Selection) (dropped int, err error) {
	var meant []*Parked
	err = t.store.parked(ctx, hash, 0, func(p *Parked) bool {
		if sel.Has(&p.Parked) {
			meant = append(meant, p)
		}
		return true
	})
	for _, p := range meant {
		if err != nil {
			return dropped, err
		}
		if _, err = t.store.release(ctx, p); err == nil {
			dropped++
		}
	}
	return dropped, err
}

// first returns the oldest parked record of an item; nil if there is none.
func (s *store) first(ctx context.Context, hash string) (first *Parked, err error) {
	err = s.parked(ctx, hash, 4, func(p *Parked) bool {
		first = p
		return false
	})
	return first, err
}
