package table

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// Pauses of Run.
const (
	sweepEvery   = time.Second      // between two sweeps for expired items
	forgetEvery  = time.Minute      // between two removals of old client tokens
	clockSettles = 10 * time.Second // before a clock is trusted
)

// Run backfills new indexes, removes items whose time to live has ended, and
// removes client tokens that are older than their lifetime, until ctx ends.
// What fails is logged and tried again.
func (ts *Tables) Run(ctx context.Context) error {
	now := kv.SteadyClock(ts.opts.Now)
	began := time.Now()
	sweep, forget := time.NewTicker(sweepEvery), time.NewTicker(forgetEvery)
	defer sweep.Stop()
	defer forget.Stop()
	ts.work.Set()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-ts.work:
			err = ts.backfillAll(ctx)
		case <-sweep.C:
			err = ts.backfillAll(ctx)
			// A clock that is ahead at the start is often set right within seconds.
			// What expires cannot be brought back.
			if time.Since(began) >= clockSettles {
				err = errors.Join(err, ts.sweep(ctx, now()))
			}
		case <-forget.C:
			for more := true; more && err == nil; {
				more, err = ts.forgetTokens(now().Add(-tokenLifetime))
			}
		}
		if err != nil && ctx.Err() == nil {
			ts.opts.Logger.Warn("table: work in the background", "error", err)
		}
	}
}

// all returns the tables in the order of their names.
func (ts *Tables) all() []*tableState {
	names, _ := ts.List("", int(^uint(0)>>1))
	out := make([]*tableState, 0, len(names))
	for _, name := range names {
		if t, err := ts.get(name); err == nil {
			out = append(out, t)
		}
	}
	return out
}
