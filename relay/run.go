package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tablecast/tablecast/stream"
)

// idlePause is how often a relay looks for a stream while its table has none
// to read from.
const idlePause = 100 * time.Millisecond

// Run carries records until ctx ends, and then returns nil. It returns earlier
// only with an error for which decide says Halt.
func (r *Relay) Run(ctx context.Context) error {
	pause := backoff{}
	for ctx.Err() == nil {
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

// step waits for records and deals with one page of them.
func (r *Relay) step(ctx context.Context) error {
	st, err := r.next()
	if err != nil {
		return err
	}
	if st == nil {
		return idle(ctx)
	}
	if err := st.Wait(ctx, r.cursor.Position); err != nil {
		return err
	}
	page, err := st.Read(r.cursor.Position, pageRecords, pageBytes)
	switch {
	case errors.Is(err, stream.ErrTrimmed):
		return r.gap(st)
	case err != nil:
		return err
	case len(page.Records) > 0:
		return r.handOver(ctx, r.apply(page.Records))
	case page.Closed:
		return idle(ctx)
	}
	return nil
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

// idle lets some time pass in which the table may get a stream.
func idle(ctx context.Context) error {
	pause(ctx, idlePause)
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
