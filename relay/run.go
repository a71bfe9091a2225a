package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/stream"
)

// Run carries records until ctx ends, and then returns nil. It returns earlier
// only with an error for which decide says Halt.
func (r *Relay) Run(ctx context.Context) error {
	defer r.stop()
	r.mapping = r.opts.Attempts.Worker()
	defer r.mapping.Close()
	tries := wait.Backoff{Least: minPause, Most: maxPause}
	for ctx.Err() == nil {
		r.runCommands(ctx)
		err := r.step(ctx)
		if err == nil {
			tries.Reset()
			r.setLastError("")
			continue
		}
		if ctx.Err() != nil {
			break
		}
		r.setLastError(err.Error())
		d, reason := decide(err)
		if d == parking.Halt {
			return fmt.Errorf("relay: table %s: %s: %w", r.opts.Table, reason, err)
		}
		r.opts.Logger.Warn("relay: the page is tried again", "table", r.opts.Table, "reason", reason, "error", err)
		if tries.Wait(ctx) != nil {
			break
		}
	}
	return nil
}

// step deals with one page: of changes, or of a backfill whose changes have all
// been dealt with.
func (r *Relay) step(ctx context.Context) error {
	if err := r.deletePublished(ctx); err != nil {
		return err
	}
	if err := r.readChunk(ctx); err != nil {
		return err
	}
	bound := ^uint64(0)
	raising := r.active != nil && r.active.chunk != nil
	if raising {
		bound = r.active.chunk.seq
	}
	records, err := r.read(ctx, bound)
	switch {
	case err != nil:
		return err
	case len(records) > 0:
		return r.raise(ctx, records)
	case raising:
		return r.raiseChunk(ctx)
	}
	return nil
}

// raise hands over what a page of changes raises, in parts that raisedBytes bounds.
func (r *Relay) raise(ctx context.Context, records []stream.Record) error {
	for len(records) > 0 && ctx.Err() == nil {
		page, unavailable := r.apply(records)
		if len(page) > 0 {
			if err := r.handOver(ctx, page); err != nil {
				return errors.Join(err, unavailable)
			}
		}
		if unavailable != nil {
			return unavailable
		}
		records = records[len(page):]
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
	waiting, cancel := r.untilCommand(ctx)
	defer cancel()
	if f := r.active; f != nil {
		var stop context.CancelFunc
		waiting, stop = context.WithTimeout(waiting, f.due.Sub(r.opts.Now()))
		defer stop()
	}
	var err error
	if st != nil {
		err = st.Wait(waiting, r.cursor.Position)
	} else {
		select {
		case <-added:
		case <-waiting.Done():
		}
	}
	if ctx.Err() == nil && waiting.Err() != nil {
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
