package eventsource

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// errFailedAgain is why a record stays parked.
var errFailedAgain = errors.New("the function failed")

// Parked calls fn for the parked records of a mapping that the selection has, those
// of one item in order, until fn returns false. Errors: ErrNotFound,
// parking.ErrNoMatch, parking.ErrDamaged.
func (ms *Mappings) Parked(ctx context.Context, uuid string, sel parking.Selection, fn func(*parking.Record) bool) error {
	m, err := ms.find(uuid)
	if err != nil {
		return err
	}
	return parking.List(ctx, m.parked, sel, fn)
}

// Redrive hands the parked records of a mapping that the selection has to its
// function, by its settings as they are now, each by itself and those of an item in order;
// see parking.Lot. original takes the function that failed on them, if the mapping
// has another by now. Once nothing of an item is parked its changes flow again.
// It works for a mapping that is disabled, too. Errors: ErrNotFound,
// parking.ErrNoMatch, and why the function was not reached.
func (ms *Mappings) Redrive(ctx context.Context, uuid string, sel parking.Selection, original bool, progress func(parking.Redriven)) (parking.Redriven, error) {
	m, err := ms.find(uuid)
	if err != nil {
		return parking.Redriven{}, err
	}
	return m.lot().Redrive(ctx, sel, original, progress)
}

// Drop gives up and counts the parked records of a mapping that the selection has,
// and hands over what only waited behind them; see parking.Lot. Errors: as Redrive.
func (ms *Mappings) Drop(ctx context.Context, uuid string, sel parking.Selection) (dropped int, err error) {
	m, err := ms.find(uuid)
	if err != nil {
		return 0, err
	}
	return m.lot().Drop(ctx, sel)
}

// lot returns the parked records of the mapping. One step is one record, since a
// step waits for the function.
func (m *runner) lot() *parking.Lot[*kv.Batch] {
	return &parking.Lot[*kv.Batch]{Store: m.parked, Loop: redrive{m}, Step: 1}
}

// A redrive is the runner of a mapping as a parking.Loop.
type redrive struct{ *runner }

// Do keeps other redrives and drops of the mapping from its records. The shards go
// on meanwhile: they park behind, under heldItems.mu.
func (d redrive) Do(ctx context.Context, step func(context.Context) error) error {
	select {
	case d.redriving <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.redriving }()
	return step(ctx)
}

// Decide implements parking.Loop.
func (d redrive) Decide(err error) (parking.Decision, string) {
	if errors.Is(err, errFailedAgain) {
		return parking.Park, "the function failed"
	}
	return decide(&Settings{}, failure{err: err})
}

// Raise hands a record to the function and then lets go of it. A crash between the
// two leaves it parked: the function gets it again.
func (d redrive) Raise(ctx context.Context, p *parking.Record, original bool, release func(*kv.Batch) error) (int, error) {
	change, err := p.Change()
	if err != nil {
		return 0, err
	}
	now := d.mapping()
	name := now.Function
	if original && p.Function != "" {
		name = p.Function
	}
	one := []*record{newRecord(change, d.all.opts.Region)}
	if one[0].seq, err = stream.ParseSeq(p.Seq); err != nil {
		return 0, fmt.Errorf("%w: %w", parking.ErrDamaged, err)
	}
	result, err := d.all.opts.Invoke(ctx, name, append(payload(one), '}'))
	switch {
	case err != nil:
		return 0, err
	case result.NotStarted:
		return 0, fmt.Errorf("eventsource: function %s does not start: %.500s", name, result.Payload)
	case judge(&Settings{Report: now.Report}, one, &result).good == 0:
		return 0, fmt.Errorf("%w: %.1000s", errFailedAgain, result.Payload)
	}
	return 0, d.commit(p, Counts{Redriven: 1}, release)
}

// Drop implements parking.Loop.
func (d redrive) Drop(_ context.Context, p *parking.Record, release func(*kv.Batch) error) error {
	return d.commit(p, Counts{Dropped: 1}, release)
}

// tallyKey is where the counts of a mapping are kept that no shard's checkpoint
// has: it looks like the checkpoint of a shard that no stream can have.
func tallyKey(uuid string) kv.Key {
	return kv.NewKey('v').Uint64(1).String(uuid).Uint64(math.MaxUint64)
}

// commit releases a record and counts it in one batch, and then lets the item flow
// again if it was the last. Do keeps others from the tally meanwhile. A crash
// before the item flows changes nothing: the next start reads which items are held.
func (d redrive) commit(p *parking.Record, what Counts, release func(*kv.Batch) error) error {
	store, uuid := d.all.store, d.parked.uuid
	var tally checkpoint
	err := store.View(tallyKey(uuid), func(v []byte) error { return kv.Unmarshal(v, &tally) })
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return fmt.Errorf("eventsource: counts: %w", err)
	}
	tally.add(what)
	v, err := json.Marshal(&tally)
	if err != nil {
		return fmt.Errorf("eventsource: counts: %w", err)
	}
	b := store.NewBatch()
	b.UseReserve()
	if err := release(b); err != nil {
		b.Close()
		return err
	}
	b.Set(tallyKey(uuid), v)
	if _, err := store.Commit(b); err != nil {
		return err
	}
	d.count(what)
	return d.held.released(d.parked, string(p.Keys))
}
