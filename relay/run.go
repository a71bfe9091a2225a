package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// Run carries records until ctx ends, and then returns nil. It returns earlier
// only with an error for which decide says Halt.
func (r *Relay) Run(ctx context.Context) error {
	defer r.stop()
	pause := backoff{}
	for ctx.Err() == nil {
		r.obey(ctx)
		err := r.step(ctx)
		if err == nil {
			pause = backoff{}
			r.note("")
			continue
		}
		if ctx.Err() != nil {
			break
		}
		r.note(err.Error())
		d, reason := decide(err)
		if d == Halt {
			return fmt.Errorf("relay: table %s: %s: %w", r.opts.Table, reason, err)
		}
		r.opts.Logger.Warn("relay: the page is tried again", "table", r.opts.Table, "reason", reason, "error", err)
		pause.wait(ctx)
	}
	return nil
}

// step deals with one page: of changes, or of a backfill whose changes have all
// been dealt with.
func (r *Relay) step(ctx context.Context) error {
	if err := r.deletePublished(ctx); err != nil {
		return err
	}
	if err := r.pour(ctx); err != nil {
		return err
	}
	bound := ^uint64(0)
	filling := r.filling != nil && r.filling.chunk != nil
	if filling {
		bound = r.filling.chunk.seq
	}
	records, err := r.read(ctx, bound)
	switch {
	case err != nil:
		return err
	case len(records) > 0:
		page, unavailable := r.apply(records)
		if len(page) > 0 {
			err = r.handOver(ctx, page, func(*kv.Batch, *mapped) {})
		}
		return errors.Join(err, unavailable)
	case filling:
		return r.spill(ctx)
	}
	return nil
}

// read returns the next changes up to a bound. Without a bound it waits for
// some, or until there is something else to do.
func (r *Relay) read(ctx context.Context, bound uint64) ([]stream.Record, error) {
	added := r.opts.Streams.Added() // before next, which sees those that were
	st, err := r.next()
	bounded := bound != ^uint64(0)
	if err != nil || st == nil && bounded {
		return nil, err
	}
	if !bounded {
		if err := r.await(ctx, st, added); err != nil || st == nil {
			return nil, err
		}
	}
	page, err := st.Read(r.cursor.Position, pageRecords, pageBytes)
	switch {
	case errors.Is(err, stream.ErrTrimmed):
		return nil, r.gap(st)
	case err != nil:
		return nil, err
	case len(page.Records) == 0 && page.Closed && !bounded:
		return nil, r.await(ctx, nil, added)
	}
	end := slices.IndexFunc(page.Records, func(rec stream.Record) bool { return rec.Seq > bound })
	if end < 0 {
		end = len(page.Records)
	}
	return page.Records[:end], nil
}

// await returns once the stream has a record behind the cursor or, where there
// is none to read from, one was added; or a page of a backfill is due, or
// something is asked for.
func (r *Relay) await(ctx context.Context, st *stream.Stream, added <-chan struct{}) error {
	attentive, cancel := r.attentive(ctx)
	defer cancel()
	if f := r.filling; f != nil {
		var stop context.CancelFunc
		attentive, stop = context.WithTimeout(attentive, f.due.Sub(r.opts.Now()))
		defer stop()
	}
	var err error
	if st != nil {
		err = st.Wait(attentive, r.cursor.Position)
	} else {
		select {
		case <-added:
		case <-attentive.Done():
		}
	}
	if ctx.Err() == nil && attentive.Err() != nil {
		return nil
	}
	return err
}

// next returns the oldest of the table's streams that may have records after
// the cursor, or the newest stream; nil if there is none. Records that went
// away with a whole stream are a gap.
func (r *Relay) next() (*stream.Stream, error) {
	all := r.opts.Streams.OfTable(r.opts.Table)
	if was := r.reading; was != nil && !slices.Contains(all, was) && was.Trimmed() > r.cursor.Position {
		if err := r.gap(was); err != nil {
			return nil, err
		}
	}
	r.reading = nil
	for i, st := range all {
		if i == len(all)-1 || st.Last() > r.cursor.Position {
			r.reading = st
			break
		}
	}
	return r.reading, nil
}

// gap steps over records that were trimmed before they were read.
func (r *Relay) gap(st *stream.Stream) error {
	next := r.cursor
	next.Position = st.Trimmed()
	next.Gaps++
	r.opts.Logger.Error("relay: records were trimmed before they were read",
		"table", r.opts.Table, "stream", st.ARN(), "after", r.cursor.Position, "upTo", next.Position)
	b := r.opts.Store.NewBatch()
	b.UseReserve()
	r.mark(b, next)
	if _, err := r.opts.Store.Commit(b); err != nil {
		return err
	}
	r.advance(next)
	return nil
}

// pause returns after the time, or once ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
