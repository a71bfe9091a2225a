package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
)

// A Selection says which parked records are meant: those of one definition, of
// one sequence number, or of one item; empty fields are any.
type Selection struct {
	Definition, Seq, Group string
}

// Has reports whether a record is meant.
func (s *Selection) Has(p *Parked) bool {
	return (s.Definition == "" || s.Definition == p.Definition) && (s.Seq == "" || s.Seq == p.Seq) && (s.Group == "" || s.Group == p.Group)
}

// A Redriven tells what became of parked records.
type Redriven struct {
	Records int `json:"records"` // that left
	Events  int `json:"events"`  // that they raised
	Failed  int `json:"failed"`  // that failed again
	Waiting int `json:"waiting"` // behind one that failed or was not meant
}

// redrivePage is how many parked records are looked at between two pages of
// changes.
const redrivePage = 32

// Redrive raises the events of parked records, each item's in order: one that
// fails again, or is not meant, keeps those behind it; records that were only
// behind one that left go along. original takes the mapping by which each was
// parked, not the current one. It may be called while Run runs, and calls
// progress now and then.
func (r *Relay) Redrive(ctx context.Context, sel Selection, original bool, progress func(Redriven)) (Redriven, error) {
	d := &redrive{r: r, sel: sel, original: original, blocked: map[string]bool{}, freed: map[string]bool{}, sets: map[string]*mapping.Set{}}
	for !d.done {
		if err := r.do(ctx, d.page); err != nil {
			return d.out, err
		}
		progress(d.out)
	}
	return d.out, nil
}

// A redrive is one on its way.
type redrive struct {
	r        *Relay
	sel      Selection
	original bool
	after    kv.Key
	done     bool
	blocked  map[string]bool // items of which one stays
	freed    map[string]bool // items of which one left
	sets     map[string]*mapping.Set
	out      Redriven
}

// page deals with the next parked records.
func (d *redrive) page(ctx context.Context) error {
	records, err := d.next()
	if err != nil {
		return err
	}
	for _, p := range records {
		if err := d.one(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (d *redrive) next() ([]*Parked, error) {
	var out []*Parked
	err := parkedAfter(d.r.opts.Store, d.r.opts.Table, d.after, func(p *Parked) bool {
		out = append(out, p)
		return len(out) < redrivePage
	})
	d.done = len(out) < redrivePage
	if len(out) > 0 && err == nil {
		d.after, err = out[len(out)-1].key()
	}
	return out, err
}

// one raises the events of a record, if its turn has come.
func (d *redrive) one(ctx context.Context, p *Parked) error {
	meant := d.sel.Has(p) || p.Behind && d.freed[p.Group]
	if !meant || d.blocked[p.Group] {
		if meant {
			d.out.Waiting++
		}
		d.blocked[p.Group] = true
		return nil
	}
	events, err := d.map1(p)
	if err == nil {
		err = d.r.release(ctx, p, events)
	}
	if verdict, _ := decide(err); err != nil && verdict != Park {
		return err
	}
	if err != nil {
		d.out.Failed++
		d.blocked[p.Group] = true
		return d.r.keep(p, err)
	}
	d.freed[p.Group] = true
	d.out.Records++
	d.out.Events += len(events)
	return nil
}

// map1 maps a parked record.
func (d *redrive) map1(p *Parked) ([]mapping.Raised, error) {
	rec, err := p.record(d.r.opts.Streams)
	if err != nil {
		return nil, err
	}
	set := d.r.opts.Set
	if d.original && p.Version != set.Version() {
		if set, err = d.version(p.Version); err != nil {
			return nil, &mapping.Error{Definition: p.Definition, Err: err}
		}
	}
	if p.Backfill != "" {
		return set.Backfill(p.Definition, p.Backfill, rec)
	}
	return set.Apply(rec, func(def string) bool { return rec.Seq > d.r.cursor.Starts[def] })
}

// version returns an earlier version of the mapping.
func (d *redrive) version(v string) (*mapping.Set, error) {
	if set, ok := d.sets[v]; ok {
		return set, nil
	}
	source, err := d.r.opts.Store.Get(versionKey(v))
	if err != nil {
		return nil, fmt.Errorf("version %s of the mapping: %w", v, err)
	}
	set, err := d.r.opts.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("version %s of the mapping: %w", v, err)
	}
	d.sets[v] = set
	return set, nil
}

// release hands on the events of a parked record and lets go of it.
func (r *Relay) release(ctx context.Context, p *Parked, events []mapping.Raised) error {
	rec, err := p.record(r.opts.Streams)
	if err != nil {
		return err
	}
	next := r.cursor
	next.Redriven++
	return r.remove(ctx, p, next, events, func(b *kv.Batch) {
		r.published(b, []mapped{{record: rec, events: events, n: p.N}})
	})
}

// remove takes a parked record away, in one batch with events.
func (r *Relay) remove(ctx context.Context, p *Parked, next cursor, events []mapping.Raised, also func(*kv.Batch)) error {
	n, err := r.held(p.Group)
	key, bad := p.key()
	if err = errors.Join(err, bad); err != nil {
		return err
	}
	err = r.opts.Sink(ctx, events, func(b *kv.Batch) {
		b.Delete(key)
		r.setHeld(b, p.Group, max(n, 1)-1)
		also(b)
		r.mark(b, next)
	})
	if err == nil {
		r.advance(next)
	}
	return err
}

// keep leaves a record parked, with the reason of this time.
func (r *Relay) keep(p *Parked, reason error) error {
	p.blame(reason)
	p.Tries++
	b := r.opts.Store.NewBatch()
	b.UseReserve()
	p.put(b)
	_, err := r.opts.Store.Commit(b)
	return err
}

// Drop gives up parked records, which are counted. What was only behind them is
// redriven.
func (r *Relay) Drop(ctx context.Context, sel Selection) (dropped int, err error) {
	groups := map[string]bool{}
	if dropped, err = r.drop(ctx, sel, groups); err != nil {
		return dropped, err
	}
	for g := range groups {
		if _, err := r.Redrive(ctx, Selection{Group: g}, false, func(Redriven) {}); err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// drop gives up parked records and notes their items.
func (r *Relay) drop(ctx context.Context, sel Selection, groups map[string]bool) (dropped int, err error) {
	var after kv.Key
	for {
		var page []*Parked
		err := parkedAfter(r.opts.Store, r.opts.Table, after, func(p *Parked) bool {
			page = append(page, p)
			return len(page) < redrivePage
		})
		if err != nil || len(page) == 0 {
			return dropped, err
		}
		if after, err = page[len(page)-1].key(); err != nil {
			return dropped, err
		}
		err = r.do(ctx, func(ctx context.Context) error {
			for _, p := range page {
				if !sel.Has(p) {
					continue
				}
				next := r.cursor
				next.Dropped++
				if err := r.remove(ctx, p, next, nil, func(*kv.Batch) {}); err != nil {
					return err
				}
				dropped++
				groups[p.Group] = true
			}
			return nil
		})
		if err != nil {
			return dropped, err
		}
	}
}
