package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/internal/attempt"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// A mapped record has its events, or the reason why it has none.
type mapped struct {
	record   *stream.Record
	events   []mapping.Raised
	err      error
	backfill string // the backfill that an item is from
	n        uint64 // of the item in the backfill's page, from 1
}

func (m *mapped) group() string { return mapping.Group(m.record) }

// name tells the record from all other of its table.
func (m *mapped) name() []string {
	if m.backfill != "" {
		return []string{m.backfill, m.group()}
	}
	return []string{m.record.Sequence()}
}

// bytes returns about how many bytes the events of the record have.
func (m *mapped) bytes() (n int) {
	for i := range m.events {
		n += m.events[i].Bytes()
	}
	return n
}

// apply maps records up to the one with which the events have raisedBytes, or up to
// one whose mapper is not available.
func (r *Relay) apply(records []stream.Record) ([]mapped, error) {
	var out []mapped
	raised := 0
	aside := map[string]bool{} // items of the page of which a record ends processes
	defer r.mapping.End()
	for i := range records {
		if raised >= raisedBytes {
			break
		}
		rec := &records[i]
		behind, err := r.behindEnding(rec, aside)
		if err != nil {
			return out, err
		}
		if behind {
			out = append(out, mapped{record: rec, err: parking.ErrBehind})
			continue
		}
		what := r.attempt(rec.Sequence())
		events, err := r.guarded(what, func() ([]mapping.Raised, error) {
			return r.opts.Set.Apply(rec, func(def string) bool {
				if rec.Seq <= r.cursor.Starts[def] {
					return false
				}
				r.note(def, what)
				return true
			})
		})
		if errors.Is(err, errEnds) {
			aside[mapping.Group(rec)], r.ending[mapping.Group(rec)] = true, true
		}
		if errors.Is(err, mapping.ErrUnavailable) {
			return out, err
		}
		if err == nil {
			r.opts.OnMapped(rec, events)
		}
		m := mapped{record: rec, events: events, err: err}
		out, raised = append(out, m), raised+m.bytes()
	}
	return out, nil
}

// attempt names the mapping of a change, or of an item of a backfill.
func (r *Relay) attempt(of ...string) string {
	if r.opts.Attempts == nil {
		return ""
	}
	return attempt.Name(append([]string{"map", r.opts.Table}, of...)...)
}

// errEnds is why a record is parked at which processes ended.
var errEnds = fmt.Errorf("%d processes ended while they mapped it; redrive it once what ends them is mended", attempt.Limit)

// behindEnding reports whether an earlier record of the item was parked since
// processes ended at it. Later ones may do the same: they are not mapped as long as it
// is parked.
func (r *Relay) behindEnding(rec *stream.Record, aside map[string]bool) (bool, error) {
	if len(r.ending) == 0 {
		return false, nil
	}
	group := mapping.Group(rec)
	if !r.ending[group] || aside[group] {
		return aside[group], nil
	}
	n, err := r.parked.held(group)
	if err == nil && n == 0 {
		delete(r.ending, group)
	}
	return n > 0, err
}

// guarded calls fn, which maps a record, unless processes ended at that.
func (r *Relay) guarded(what string, fn func() ([]mapping.Raised, error)) ([]mapping.Raised, error) {
	if r.opts.Attempts.Ended(what) {
		return nil, &mapping.Error{Err: errEnds}
	}
	return fn()
}

// note notes that a definition is about to map a record. What code in Go does on the
// way, as a mapper that exits or takes all memory, may end this process: the note is
// what the next one knows of it. A function works in a process of its own, which may
// take long: a node that is killed meanwhile did not end at the record.
func (r *Relay) note(def, what string) {
	if r.elsewhere[def] {
		r.mapping.End()
	} else {
		r.mapping.Begin(what)
	}
}

// handOver gives the events of records to the sink and advances past them. If
// the sink rejects them it halves the page, down to the record that is to
// blame, which it parks.
func (r *Relay) handOver(ctx context.Context, page []mapped) error {
	err := r.commit(ctx, page)
	if d, _ := decide(err); err == nil || d != parking.Park {
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

// A setAside is what of a page is to park.
type setAside struct {
	records []*parking.Record
	held    map[string]uint64 // how many records of each item are parked afterwards
}

// setAside returns what is to park: records that cannot be mapped, and those of
// items of which an earlier one is parked. Those lose their events.
func (r *Relay) setAside(page []mapped) (setAside, error) {
	out := setAside{held: map[string]uint64{}}
	for i := range page {
		m := &page[i]
		if m.err == nil && (len(m.events) == 0 || r.cursor.held() == 0 && len(out.held) == 0) {
			continue
		}
		group := m.group()
		n, known := out.held[group]
		if !known && r.cursor.held() > 0 {
			var err error
			if n, err = r.parked.held(group); err != nil {
				return out, err
			}
		}
		if m.err == nil && n > 0 {
			m.events, m.err = nil, parking.ErrBehind
		}
		if m.err != nil {
			out.records = append(out.records, r.parkedOf(m))
			out.held[group] = n + 1
		}
	}
	return out, nil
}

// parkedOf returns the record of a change that is to park.
func (r *Relay) parkedOf(m *mapped) *parking.Record {
	p := parking.New(m.record, m.group(), r.opts.Now(), m.err)
	p.Backfill, p.N, p.Version = m.backfill, m.n, r.opts.Set.Version()
	if m.backfill != "" {
		p.BackfillOf = r.active.Definition
	}
	return p
}

// commit gives the sink the events of records, and with them, for the same
// batch, what is to park and the cursor, or the progress of a backfill.
func (r *Relay) commit(ctx context.Context, page []mapped) error {
	aside, err := r.setAside(page)
	if err != nil {
		return err
	}
	next := r.cursor // without mu: only this goroutine writes it
	var events []mapping.Raised
	for i := range page {
		events = append(events, page[i].events...)
		if page[i].backfill == "" {
			next.Position = page[i].record.Seq
		}
	}
	next.Parked += uint64(len(aside.records))
	filled := r.backfilled(page)
	// Events, parked records, items to delete, the backfill and the cursor are one
	// batch: a crash finds all of the page dealt with, or none of it. Cursor and
	// backfill in memory move only once the batch is durable, so a sink that refuses
	// leaves everything where it was, and the same page can be tried again.
	err = r.opts.Sink(ctx, events, func(b *kv.Batch) {
		r.parked.park(b, aside.records, aside.held)
		r.published(b, page)
		if filled != nil {
			filled.put(b)
		}
		r.mark(b, next)
	})
	if err != nil {
		return err
	}
	for _, p := range aside.records {
		if !p.Behind {
			r.opts.Logger.Error("relay: record parked", "table", p.Table, "seq", p.Seq, "definition", p.Definition, "error", p.Error)
		}
	}
	if filled != nil {
		r.noteBackfill(*filled)
	}
	r.advance(next)
	r.passed(page)
	return nil
}

// passed forgets what was noted of records that are dealt with.
func (r *Relay) passed(page []mapped) {
	if !r.opts.Attempts.Remembers() {
		return
	}
	for i := range page {
		r.opts.Attempts.Passed(r.attempt(page[i].name()...))
	}
}

// advance makes a cursor that is durable the current one.
func (r *Relay) advance(next cursor) {
	r.mu.Lock()
	r.cursor = next
	r.mu.Unlock()
}
