package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// redriveStep is how many parked records are looked at between two pages of
// changes, at most.
const redriveStep = 32

// lot returns the parked records of the relay's table, for one redrive.
func (r *Relay) lot() *parking.Lot[*kv.Batch] {
	return &parking.Lot[*kv.Batch]{Store: &walk{parked: r.parked}, Loop: &redrive{r, map[string]*mapping.Set{}}, Step: redriveStep}
}

// Redrive raises the events of parked records; see parking.Lot. It may be called
// while Run runs, between whose pages it is done. Errors: ErrStopped,
// parking.ErrNoMatch, those of the sink and the store.
func (r *Relay) Redrive(ctx context.Context, sel parking.Selection, original bool, progress func(parking.Redriven)) (parking.Redriven, error) {
	return r.lot().Redrive(ctx, sel, original, progress)
}

// Drop gives up parked records, which are counted, and raises the events of what
// only waited behind them; see parking.Lot. Errors: as Redrive.
func (r *Relay) Drop(ctx context.Context, sel parking.Selection) (dropped int, err error) {
	return r.lot().Drop(ctx, sel)
}

// A redrive is the relay as a parking.Loop.
type redrive struct {
	*Relay
	sets map[string]*mapping.Set // earlier versions of the mapping
}

// Do has the goroutine of Run call step between two pages, so that nothing is
// mapped or parked meanwhile.
func (d *redrive) Do(ctx context.Context, step func(context.Context) error) error {
	return d.do(ctx, step)
}

// Decide implements parking.Loop.
func (d *redrive) Decide(err error) (parking.Decision, string) { return decide(err) }

// Raise hands the events of a record to the sink. The record leaves, is counted
// as redriven, and its item is noted for deletion from an outbox, in the batch
// that makes the events durable; so a crash finds it parked or raised.
func (d *redrive) Raise(ctx context.Context, p *parking.Record, original bool, release func(*kv.Batch) error) (int, error) {
	rec, err := d.change(p)
	if err != nil {
		return 0, err
	}
	events, err := d.events(p, rec, original)
	if err != nil {
		return 0, err
	}
	next := d.cursor
	next.Redriven++
	return len(events), d.let(ctx, next, events, func(b *kv.Batch) error {
		d.published(b, []mapped{{record: rec, events: events, n: p.N}})
		return release(b)
	})
}

// Drop implements parking.Loop.
func (d *redrive) Drop(ctx context.Context, _ *parking.Record, release func(*kv.Batch) error) error {
	next := d.cursor
	next.Dropped++
	return d.let(ctx, next, nil, release)
}

// let gives the sink events, and for the same batch the release of a record and
// the cursor. What the release reads is read before once, into a batch that is
// thrown away: an error there must come before the sink has the events, since a
// mark cannot refuse its batch.
func (d *redrive) let(ctx context.Context, next cursor, events []mapping.Raised, release func(*kv.Batch) error) error {
	trial := d.opts.Store.NewBatch()
	err := release(trial)
	trial.Close()
	if err != nil {
		return err
	}
	err = d.opts.Sink(ctx, events, func(b *kv.Batch) {
		if err := release(b); err != nil {
			panic(fmt.Sprintf("relay: release of a parked record: %v", err)) // it succeeded on the trial batch
		}
		d.mark(b, next)
	})
	if err == nil {
		d.advance(next)
	}
	return err
}

// change returns the change of a record, as the stream that had it gave it.
func (d *redrive) change(p *parking.Record) (*stream.Record, error) {
	rec, err := p.Change()
	if err != nil {
		return nil, err
	}
	if rec.Seq, err = stream.ParseSeq(p.Seq); err != nil {
		return nil, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	rec.Stream, rec.Origin = d.opts.Streams.Former(p.Table, p.Label), nil
	return rec, nil
}

// events maps a parked record.
func (d *redrive) events(p *parking.Record, rec *stream.Record, original bool) ([]mapping.Raised, error) {
	set := d.opts.Set
	if original && p.Version != set.Version() {
		var err error
		if set, err = d.version(p.Version); err != nil {
			return nil, &mapping.Error{Definition: p.Definition, Err: err}
		}
	}
	if p.Backfill != "" {
		return d.backfill(p, set, rec)
	}
	return set.Apply(rec, func(def string) bool { return rec.Seq > d.cursor.Starts[def] })
}

// backfill maps a parked item of a backfill. Records of earlier versions name the
// backfill's event only if it was that which could not be made; for the others it is
// looked up, as long as no later backfill of the event began.
func (d *redrive) backfill(p *parking.Record, set *mapping.Set, rec *stream.Record) ([]mapping.Raised, error) {
	event := cmp.Or(p.BackfillOf, p.Definition)
	if event == "" {
		all, err := Backfills(d.opts.Store, d.opts.Table)
		if err != nil {
			return nil, err
		}
		for _, f := range all {
			if f.Run == p.Backfill {
				event = f.Definition
			}
		}
	}
	if event == "" {
		return nil, &mapping.Error{Err: errors.New("an earlier version parked it and did not note the event of its backfill")}
	}
	return set.Backfill(event, p.Backfill, rec)
}

// version returns an earlier version of the mapping.
func (d *redrive) version(v string) (*mapping.Set, error) {
	if set, ok := d.sets[v]; ok {
		return set, nil
	}
	source, err := d.opts.Store.Get(versionKey(v))
	if err != nil {
		return nil, fmt.Errorf("version %s of the mapping: %w", v, err)
	}
	set, err := d.opts.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("version %s of the mapping: %w", v, err)
	}
	d.sets[v] = set
	return set, nil
}
