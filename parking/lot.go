package parking

import (
	"context"
	"errors"
)

// A Store keeps the parked records of one table or of one event source mapping.
// Tx is what its writes are collected in: a batch of package kv, or a transaction
// of DynamoDB. How records get in is the loop's own, since it parks in one batch
// with its position.
type Store[Tx any] interface {
	// Page returns up to limit records that stand behind one, or the first ones if
	// that is nil, and whether there may be more: a page ends at about PageBytes, too.
	// The records of one item come in their order; after need not be there any more.
	// Records that cannot be read are among them, with their Damage. Errors: those of
	// the store.
	Page(ctx context.Context, after *Record, limit int) (page []*Record, more bool, err error)
	// Keep makes the reason and the tries of a parked record durable. A record
	// that is gone stays gone.
	Keep(ctx context.Context, r *Record) error
	// Release adds to a transaction of the caller's that the record goes away, which
	// may be damaged. Once the last record of an item went away, its later records are not parked
	// behind any more.
	Release(tx Tx, r *Record) error
}

// A Loop is what parked the records, as far as redriving and dropping need it.
type Loop[Tx any] interface {
	// Do calls step, at most once, while nothing else redrives or drops records of
	// the Store; see the loop for what else stands still meanwhile. When Do returns,
	// step has ended or will not be called.
	Do(ctx context.Context, step func(context.Context) error) error
	// Raise does for a record what failed, by the mapping that is in effect now or
	// by the one that parked it. It calls release once, with the transaction that
	// makes the effect durable or comes right after it, and returns how many
	// events were raised. With an error, the record is still parked.
	Raise(ctx context.Context, r *Record, original bool, release func(Tx) error) (events int, err error)
	// Drop commits a transaction in which a record is released and counted as
	// given up.
	Drop(ctx context.Context, r *Record, release func(Tx) error) error
	// Decide says what to do about an error of Raise: with Park the record is to
	// blame and stays parked, anything else ends the redrive with the error.
	Decide(err error) (Decision, string)
}

// A Lot is the parked records of a Store and the Loop that parked them. Its
// methods may be called from any goroutine, as far as Loop.Do lets them in.
type Lot[Tx any] struct {
	Store Store[Tx]
	Loop  Loop[Tx]
	// Step is how many records are dealt with in one call of Loop.Do.
	Step int
}

// A Redriven tells what became of parked records.
type Redriven struct {
	Records int `json:"records"` // that left
	Events  int `json:"events"`  // that they raised
	Failed  int `json:"failed"`  // that failed again
	Waiting int `json:"waiting"` // behind one that failed or that the selection leaves out
}

// PageBytes is about how many bytes the records of a page have; the last one may
// have more.
const PageBytes = 4 << 20

// listed is how many records are read at a time for a list, at most.
const listed = 64

// List calls fn for the parked records of a selection until fn returns false.
// Errors: ErrNoMatch, if the selection is not zero and has no record; those of
// the Store; ErrDamaged, after all others, for records that cannot be read.
func List[Tx any](ctx context.Context, s Store[Tx], sel Selection, fn func(*Record) bool) error {
	var last *Record
	var bad damage
	found := sel.IsZero()
	for {
		page, more, err := s.Page(ctx, last, listed)
		for _, r := range page {
			last = r
			if r.Damage != nil && sel.mayHave(r) {
				bad.add(r, r.Damage)
			}
			if r.Damage != nil || !sel.Has(r) {
				continue
			}
			if found = true; !fn(r) {
				return nil
			}
		}
		switch {
		case err != nil:
			return err
		case more:
		case !found && bad.err() == nil:
			return ErrNoMatch
		default:
			return bad.err()
		}
	}
}

// Across calls fn for each of several tables or mappings, for a selection that may
// have records of any of them: one that fails does not keep it from the others. It
// returns all errors, ErrNoMatch only if none has a record of the selection.
func Across[T any](all []T, fn func(T) error) error {
	missed := 0
	var errs []error
	for _, one := range all {
		if err := fn(one); errors.Is(err, ErrNoMatch) {
			missed++
		} else {
			errs = append(errs, err)
		}
	}
	if missed > 0 && missed == len(all) {
		return ErrNoMatch
	}
	return errors.Join(errs...)
}

// Redrive does again what failed for the records of a selection, each item's in
// order: one that fails again, or that the selection leaves out, holds up those
// behind it. Records that only waited behind are raised once they are the first of
// their item. original takes the mapping by which each record was parked. progress,
// if not nil, is called with the counts so far after each step, the last of which may
// have failed. A record that cannot be read stays, and holds up those behind it that
// may be of its item. Errors: ErrNoMatch, if the selection is not zero and has no
// record; those of the Loop and the Store; ErrDamaged, after all others were dealt with.
func (l *Lot[Tx]) Redrive(ctx context.Context, sel Selection, original bool, progress func(Redriven)) (Redriven, error) {
	p := &pass[Tx]{lot: l, meant: sel.Has, original: original, stays: map[string]bool{}}
	err := l.each(ctx, p.record, func() {
		if progress != nil {
			progress(p.out)
		}
	})
	if err == nil {
		err = p.damage.err()
	}
	if err == nil && p.matched == 0 && !sel.IsZero() {
		err = ErrNoMatch
	}
	return p.out, err
}

// Drop gives up the records of a selection, and raises what only waited behind
// them. A record that cannot be read goes if the selection has its sequence number and
// nothing else of it. Drop returns how many were given up. A crash or an error between the two
// leaves what waited parked until the next Redrive. Errors: as Redrive.
func (l *Lot[Tx]) Drop(ctx context.Context, sel Selection) (dropped int, err error) {
	freed := map[string]bool{}
	var bad damage
	err = l.each(ctx, func(ctx context.Context, r *Record) error {
		if !sel.Has(r) {
			if r.Damage != nil && sel.mayHave(r) {
				bad.add(r, r.Damage)
			}
			return nil
		}
		err := l.Loop.Drop(ctx, r, func(tx Tx) error { return l.Store.Release(tx, r) })
		if err == nil {
			dropped++
			for _, name := range r.names() {
				freed[name] = true
			}
		}
		return err
	}, func() {})
	switch {
	case err != nil:
		return dropped, err
	case dropped == 0 && bad.err() == nil && !sel.IsZero():
		return 0, ErrNoMatch
	case dropped == 0:
		return 0, bad.err()
	}
	p := &pass[Tx]{lot: l, meant: func(*Record) bool { return false }, of: freed, stays: map[string]bool{}}
	return dropped, errors.Join(l.each(ctx, p.record, func() {}), bad.err())
}

// each calls fn for all records, in steps of the Loop, and after once each step has
// ended, well or not. What is parked between two steps comes behind, so it is met by
// a later one.
func (l *Lot[Tx]) each(ctx context.Context, fn func(context.Context, *Record) error, after func()) error {
	var last *Record
	for {
		more := false
		err := l.Loop.Do(ctx, func(ctx context.Context) error {
			var page []*Record
			var err error
			page, more, err = l.Store.Page(ctx, last, l.Step)
			for _, r := range page {
				last = r
				if err := fn(ctx, r); err != nil {
					return err
				}
			}
			return err
		})
		after()
		if err != nil || !more {
			return err
		}
	}
}

// A pass is one walk of a redrive over all records.
type pass[Tx any] struct {
	lot      *Lot[Tx]
	meant    func(*Record) bool
	of       map[string]bool // the items that are looked at, by any of their names; nil for all
	original bool
	stays    map[string]bool // items of which a record stays; true if it failed in this pass
	damage   damage
	matched  int
	out      Redriven
}

// names returns what names the item of a record, or all items of which a damaged one
// may be.
func (r *Record) names() []string {
	if r.Damage != nil {
		return r.Items
	}
	return []string{r.Group, string(r.Keys)}
}

// record raises a record, if its turn has come.
func (p *pass[Tx]) record(ctx context.Context, r *Record) error {
	meant := p.meant(r)
	if meant {
		p.matched++
	}
	if r.Damage != nil {
		p.setDamaged(r, r.Damage)
		return nil
	}
	failed, stays := p.staying(r)
	if stays {
		if meant || r.Behind && failed {
			p.out.Waiting++
		}
		return nil
	}
	if !meant && !r.Behind || p.of != nil && !p.of[r.Group] && !p.of[string(r.Keys)] {
		p.stays[r.Group] = false
		return nil
	}
	events, err := p.lot.Loop.Raise(ctx, r, p.original, func(tx Tx) error { return p.lot.Store.Release(tx, r) })
	if err == nil {
		p.out.Records++
		p.out.Events += events
		return nil
	}
	if errors.Is(err, ErrDamaged) {
		p.setDamaged(r, err)
		return nil
	}
	if d, _ := p.lot.Loop.Decide(err); d != Park {
		return err
	}
	p.out.Failed++
	p.stays[r.Group] = true
	r.Blame(err)
	r.Tries++
	return p.lot.Store.Keep(ctx, r)
}

// setDamaged notes a record that cannot be read: those behind it that may be of its
// item stay.
func (p *pass[Tx]) setDamaged(r *Record, why error) {
	p.damage.add(r, why)
	for _, name := range r.names() {
		p.stays[name] = true
	}
}

// staying reports whether an earlier record of the item of a record stays, and whether
// it does since it failed in this pass or cannot be read.
func (p *pass[Tx]) staying(r *Record) (failed, stays bool) {
	for _, name := range r.names() {
		f, s := p.stays[name]
		failed, stays = failed || f, stays || s
	}
	return failed, stays
}
