package streams

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// A Reader reads the changes of a table for one worker of a group. Its methods
// may be called from any goroutine.
type Reader struct {
	o      Options
	budget *budget

	mu        sync.Mutex
	first     *groupStream // what Prepare began, until it is read; guarded by mu
	session   *session     // guarded by mu; nil between streams
	lastError string       // why there is no session, if something fails; guarded by mu
	worked    time.Time    // when a session was last to be had; guarded by mu
}

// New returns a reader. It does nothing before Prepare and Run.
func New(o Options) *Reader {
	o = o.withDefaults()
	return &Reader{o: o, budget: newBudget(o.Prefetch), worked: o.Now()}
}

// Prepare makes the group's start durable, if the group is new: what is
// written after it returned is not lost, whatever becomes of this reader.
// Errors: ErrNoTable, ErrNoStream, and those of the servers.
func (r *Reader) Prepare(ctx context.Context) error {
	all, err := r.o.groupStreams(ctx)
	if err != nil || len(all) > 0 {
		return err
	}
	b, err := r.o.start(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil && b.iterators != nil {
		r.first = &b
	}
	return nil
}

// Run reads until ctx ends, and returns nil then, after the shards were given
// to the other workers. It prepares what Prepare did not. What fails is logged
// and tried again. Errors: those of Prepare, and ErrNoTable once the table was
// deleted and its streams were read to their ends.
func (r *Reader) Run(ctx context.Context) error {
	again := wait.Backoff{Least: r.o.scanEvery() / 4, Most: 4 * r.o.scanEvery()}
	if err := r.prepare(ctx, &again); err != nil {
		return err
	}
	for ctx.Err() == nil {
		b, ok, err := r.o.next(ctx)
		switch {
		case errors.Is(err, ErrNoTable):
			return err
		case err != nil || !ok:
			r.note(err)
			_ = again.Wait(ctx)
			continue
		}
		again.Reset()
		if r.read(ctx, b) != nil {
			return nil
		}
		if err := r.o.drain(ctx, b.ARN); err != nil {
			r.note(err)
		} else {
			r.o.Logger.Warn("streams: a disabled stream was read to its end; going on with the table's next", "stream", b.ARN)
		}
	}
	return nil
}

// read reads a stream to its end.
func (r *Reader) read(ctx context.Context, b groupStream) error {
	r.mu.Lock()
	if r.first != nil && r.first.ARN == b.ARN {
		b.iterators = r.first.iterators
	}
	r.first = nil
	s := newSession(&r.o, b, r.budget)
	r.session, r.lastError = s, ""
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.session, r.worked = nil, r.o.Now()
	}()
	return s.run(ctx)
}

// note keeps why nothing is read, and logs it when it is new; nil is that the
// table has no further stream yet.
func (r *Reader) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.lastError
	if r.lastError = ""; err == nil {
		r.worked = r.o.Now()
		return
	}
	if r.lastError = err.Error(); r.lastError != was {
		r.o.Logger.Warn("streams: cannot go on; trying again", "table", r.o.Table, "error", r.lastError)
	}
}

// prepare calls Prepare until it succeeds, ctx ends, or it is of no use.
func (r *Reader) prepare(ctx context.Context, again *wait.Backoff) error {
	for ctx.Err() == nil {
		err := r.Prepare(ctx)
		what := faultOf(err)
		if err == nil || errors.Is(err, ErrNoTable) || errors.Is(err, ErrNoStream) || what == gone || what == refused {
			return err
		}
		r.note(err)
		_ = again.Wait(ctx)
	}
	return nil
}
