package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
)

// ErrNoTable says that the file declares no events from the table of a selection.
// It is for programs that select by what people name.
var ErrNoTable = errors.New("worker: no events are from the table")

// selected returns the tables of a selection.
func (w *Worker) selected(sel parking.Selection) (out []*tableWorker, err error) {
	for _, t := range w.tables {
		if sel.Table == "" || t.name == sel.Table {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoTable, sel.Table)
	}
	return out, nil
}

// Parked calls fn for the parked records of a selection, those of each item in
// order, until fn returns false. It works while workers run, and without. Errors:
// ErrNoTable, parking.ErrNoMatch, those of the state table.
func (w *Worker) Parked(ctx context.Context, sel parking.Selection, fn func(*parking.Record) bool) error {
	on := true
	return w.across(sel, func(t *tableWorker) error {
		if !on {
			return nil
		}
		return parking.List(ctx, &shelf{store: t.store}, sel, func(r *parking.Record) bool {
			on = fn(r)
			return on
		})
	})
}

// Redrive raises the events of the parked records of a selection, by the file as
// it is now; see parking.Lot. done is called with what became of those of each
// table. It works while workers run, and without; events of two Redrives at once
// may arrive twice. Errors: as Parked, and what keeps events from being published.
func (w *Worker) Redrive(ctx context.Context, sel parking.Selection, done func(table string, r parking.Redriven)) error {
	return w.across(sel, func(t *tableWorker) error {
		lot, err := t.lot(ctx)
		if err != nil {
			return err
		}
		out, err := lot.Redrive(ctx, sel, false, func(parking.Redriven) {})
		done(t.name, out)
		return err
	})
}

// Drop gives up the parked records of a selection, and raises the events of those
// that were only behind them; see parking.Lot. done is called with how many were
// dropped of each table. Errors: as Redrive.
func (w *Worker) Drop(ctx context.Context, sel parking.Selection, done func(table string, dropped int)) error {
	return w.across(sel, func(t *tableWorker) error {
		lot, err := t.lot(ctx)
		if err != nil {
			return err
		}
		n, err := lot.Drop(ctx, sel)
		done(t.name, n)
		return err
	})
}

// across calls fn for the tables of a selection. If nothing matches since no
// event has the selection's name, the error says so.
func (w *Worker) across(sel parking.Selection, fn func(*tableWorker) error) error {
	tables, err := w.selected(sel)
	if err != nil {
		return err
	}
	err = parking.Across(tables, fn)
	if !errors.Is(err, parking.ErrNoMatch) || sel.Event == "" {
		return err
	}
	for _, t := range w.tables {
		for i := range t.defs {
			if t.defs[i].Name == sel.Event {
				return err
			}
		}
	}
	return fmt.Errorf("%w: no event is called %s", err, sel.Event)
}

// lot returns the parked records of a table, for one redrive.
func (t *tableWorker) lot(ctx context.Context) (*parking.Lot[*transaction], error) {
	if _, _, err := t.readStarts(ctx); err != nil {
		return nil, err
	}
	return &parking.Lot[*transaction]{Store: &shelf{store: t.store}, Loop: redrive{t}, Step: 1}, nil
}

// A redrive is the worker of a table as a parking.Loop.
type redrive struct{ *tableWorker }

// Do implements parking.Loop. Nothing stands still meanwhile: transactions hold
// the state table together, and events may come twice.
func (redrive) Do(ctx context.Context, step func(context.Context) error) error { return step(ctx) }

// Decide implements parking.Loop.
func (redrive) Decide(err error) (parking.Decision, string) { return decide(err) }

// Raise publishes the events of a record, deletes the item of an outbox, and then
// lets go of the record. A crash between these leaves it parked: its events are
// published again, with the same ids.
func (d redrive) Raise(ctx context.Context, p *parking.Record, _ bool, release func(*transaction) error) (int, error) {
	r, err := p.Change()
	if err != nil {
		return 0, err
	}
	set := d.setOf(p.Stream)
	m := &mapped{record: r, group: mapping.Group(r)}
	if m.events, err = set.Apply(r, d.wants(r)); err != nil {
		return 0, err
	}
	if err := worst(d.publisher.Publish(ctx, page{m}.inLanes())); err != nil {
		return 0, err
	}
	if err := d.deleteAccepted(ctx, set, page{m}); err != nil {
		return 0, err
	}
	return len(m.events), d.commit(ctx, release)
}

// Drop implements parking.Loop.
func (d redrive) Drop(ctx context.Context, _ *parking.Record, release func(*transaction) error) error {
	return d.commit(ctx, release)
}

func (d redrive) commit(ctx context.Context, release func(*transaction) error) error {
	var tx transaction
	if err := release(&tx); err != nil {
		return err
	}
	return d.store.commit(ctx, tx)
}
