package worker

import (
	"context"
	"errors"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/remote/eventbridge"
)

// progressEvery is how often the log tells how the worker is doing.
const progressEvery = time.Minute

// watch logs progress, and looks at what is parked, since an operator may take
// from it.
func (w *Worker) watch(ctx context.Context) {
	before := w.publisher.Status()
	for wait.Sleep(ctx, progressEvery) == nil {
		now := w.publisher.Status()
		for _, t := range w.tables {
			t.progress(ctx, now.Published-before.Published)
		}
		before = now
	}
}

// progress logs how a table is doing.
func (t *tableWorker) progress(ctx context.Context, published uint64) {
	if items, err := t.store.held(ctx); err == nil {
		t.noteHeld(items)
	}
	st := t.reader.Status()
	lag, mine := time.Duration(0), 0
	for _, s := range st.Shards {
		if s.Mine {
			mine++
			lag = max(lag, s.Lag)
		}
	}
	t.w.opts.Logger.Info("worker: progress", "table", t.name, "shards", len(st.Shards), "mine", mine, "lag", lag.Round(time.Second),
		"parked", t.parkedNow.Load(), "gaps", st.Gaps, "publishedOfAllTables", published)
}

// noteHeld counts the records that are parked.
func (t *tableWorker) noteHeld(items []heldItem) {
	n := 0
	for _, h := range items {
		n += h.n
	}
	t.parkedNow.Store(int64(n))
}

// Ready returns nil while the worker moves, or has nothing to do. Errors:
// ErrStarting, those of streams.Reader.Ready, and eventbridge.ErrDenied.
func (w *Worker) Ready() error {
	if !w.prepared.Load() {
		return ErrStarting
	}
	var errs []error
	for _, t := range w.tables {
		errs = append(errs, t.ended(), t.reader.Ready())
	}
	if denied := w.publisher.Status().Denied; denied != nil && errors.Is(denied, eventbridge.ErrDenied) {
		errs = append(errs, denied)
	}
	return errors.Join(errs...)
}

// ended returns why the table is not read any more, nil if it is.
func (t *tableWorker) ended() error {
	if err := t.end.Load(); err != nil {
		return *err
	}
	return nil
}
