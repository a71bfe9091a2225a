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
	// that is nil. The records of one item come in their order; after need not be
	// there any more. Fewer than limit means that there are no more, or that an
	// error ended the page. Errors: ErrDamaged, of the record behind those that are
	// returned; those of the store.
	Page(ctx context.Context, after *Record, limit int) ([]*Record, error)
	// Keep makes the reason and the tries of a parked record durable. A record
	// that is gone stays gone.
	Keep(ctx context.Context, r *Record) error
	// Release adds to a transaction of the caller's that the record goes away.
	// Once the last record of an item went away, its later records are not parked
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

// listed is how many records are read at a time for a list.
const listed = 64

// List calls fn for the parked records of a selection until fn returns false.
// Errors: ErrNoMatch, if the selection is not zero and has no record; those of
// the Store.
func List[Tx any](ctx context.Context, s Store[Tx], sel Selection, fn func(*Record) bool) error {
	var last *Record
	found := sel.IsZero()
	for {
		page, err := s.Page(ctx, last, listed)
		for _, r := range page {
			if last = r; !sel.Has(r) {
				continue
			}
			if found = true; !fn(r) {
				return nil
			}
		}
		switch {
		case err != nil:
			return err
		case len(page) == listed:
		case !found:
			return ErrNoMatch
		default:
			return nil
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
// have failed. Errors: ErrNoMatch, if the selection is not zero and has no record; those
// of the Loop and the Store.
func (l *Lot[Tx]) Redrive(ctx context.Context, sel Selection, original bool, progress func(Redriven)) (Redriven, error) {
	p := &pass[Tx]{lot: l, meant: sel.Has, original: original, stays: map[string]bool{}}
	err := l.each(ctx, p.record, func() {
		if progress != nil {
			progress(p.out)
		}
	})
	if err == nil && p.matched == 0 && !sel.IsZero() {
		err = ErrNoMatch
	}
	return p.out, err
}

// Drop gives up the records of a selection, and raises what only waited behind
// them. It returns how many were given up. A crash or an error between the two
// leaves what waited parked until the next Redrive. Errors: as Redrive.
func (l *Lot[Tx]) Drop(ctx context.Context, sel Selection) (dropped int, err error) {
	freed := map[string]bool{}
	err = l.each(ctx, func(ctx context.Context, r *Record) error {
		if !sel.Has(r) {
			return nil
		}
		err := l.Loop.Drop(ctx, r, func(tx Tx) error { return l.Store.Release(tx, r) })
		if err == nil {
			dropped++
			freed[r.Group] = true
		}
		return err
	}, func() {})
	switch {
	case err != nil:
		return dropped, err
	case dropped == 0 && !sel.IsZero():
		return 0, ErrNoMatch
	case dropped == 0:
		return 0, nil
	}
	p := &pass[Tx]{lot: l, meant: func(*Record) bool { return false }, of: freed, stays: map[string]bool{}}
	return dropped, l.each(ctx, p.record, func() {})
}

// each calls fn for all records, in steps of the Loop, and after once each step has
// ended, well or not. What is parked between two steps comes behind, so it is met by
// a later one. Of a damaged record nobody can tell the item, so it ends the walk:
// records behind it may be of the same item.
func (l *Lot[Tx]) each(ctx context.Context, fn func(context.Context, *Record) error, after func()) error {
	var last *Record
	for {
		more := false
		err := l.Loop.Do(ctx, func(ctx context.Context) error {
			page, err := l.Store.Page(ctx, last, l.Step)
			more = len(page) == l.Step
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
	of       map[string]bool // the items that are looked at; nil for all
	original bool
	stays    map[string]bool // items of which a record stays; true if it failed in this pass
	matched  int
	out      Redriven
}

// record raises a record, if its turn has come.
func (p *pass[Tx]) record(ctx context.Context, r *Record) error {
	meant := p.meant(r)
	if meant {
		p.matched++
	}
	failed, stays := p.stays[r.Group]
	if stays {
		if meant || r.Behind && failed {
			p.out.Waiting++
		}
		return nil
	}
	if !meant && !r.Behind || p.of != nil && !p.of[r.Group] {
		p.stays[r.Group] = false
		return nil
	}
	events, err := p.lot.Loop.Raise(ctx, r, p.original, func(tx Tx) error { return p.lot.Store.Release(tx, r) })
	if err == nil {
		p.out.Records++
		p.out.Events += events
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
