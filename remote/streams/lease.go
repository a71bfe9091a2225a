package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A lease is a row that this reader owns. Its methods may be called from any
// goroutine.
type lease struct {
	rows *rows
	o    *Options

	writing chan struct{} // full during a write: they are one at a time

	mu      sync.Mutex
	row     row       // as last written
	reached row       // its Checkpoint, Reached and Gaps are what handling came to
	renewed time.Time // when the last write that succeeded was sent
	wrote   time.Time // when a checkpoint was last written
	moved   time.Time // when handling last came further
	lost    bool
}

// held returns the lease of a row that was taken by a write sent at sent.
func held(rows *rows, o *Options, r row, sent time.Time) *lease {
	return &lease{rows: rows, o: o, writing: make(chan struct{}, 1), row: r, reached: r, renewed: sent, wrote: sent, moved: sent}
}

// advance notes how far handling came: up to a checkpoint (empty: the same) and
// a time.
func (l *lease) advance(checkpoint string, reached time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if checkpoint != "" {
		l.reached.Checkpoint = checkpoint
	}
	if reached.After(l.reached.Reached) {
		l.reached.Reached = reached
	}
	l.moved = l.o.Now()
}

// gap counts records that were trimmed unread.
func (l *lease) gap() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reached.Gaps++
}

// now returns the row as handling left it, and when it last moved.
func (l *lease) now() (row, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.row
	r.Checkpoint, r.Reached, r.Gaps = l.reached.Checkpoint, l.reached.Reached, l.reached.Gaps
	return r, l.moved
}

// valid reports whether the lease is this reader's beyond doubt.
func (l *lease) valid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.lost && l.o.Now().Sub(l.renewed) < l.o.stopAfter()
}

// due returns when the lease is to be written next: soon after handling came
// further, and in time for others to see that its owner lives.
func (l *lease) due() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.renewed.Add(l.o.renewEvery())
	if l.reached.Checkpoint != l.row.Checkpoint || l.reached.Gaps != l.row.Gaps {
		if soon := l.wrote.Add(l.o.renewEvery() / 4); soon.Before(at) {
			at = soon
		}
	}
	return at
}

// write renews the lease and writes how far handling came, after change, if
// any. Errors: errLost, and those of the server, after which it may be tried
// again.
func (l *lease) write(ctx context.Context, change func(*row)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.writing <- struct{}{}:
	}
	defer func() { <-l.writing }()
	for {
		next, _ := l.now()
		seen, lost := l.state()
		if lost {
			return errLost
		}
		next.Counter = seen.Counter + 1
		if change != nil {
			change(&next)
		}
		sent := l.o.Now()
		there, err := l.rows.swap(ctx, seen, next)
		switch {
		case err == nil:
			l.keep(there, sent)
			return nil
		case errors.Is(err, errLost) && there.Owner == seen.Owner && there.Counter == seen.Counter+1:
			l.keep(there, l.renewedAt()) // an earlier write, whose reply was lost
		case errors.Is(err, errLost):
			l.lose()
			return fmt.Errorf("%w: shard %s is with %q", errLost, next.Shard, there.Owner)
		default:
			return err
		}
	}
}

func (l *lease) state() (row, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.row, l.lost
}

func (l *lease) renewedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.renewed
}

func (l *lease) keep(r row, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.row, l.renewed, l.wrote = r, sent, sent
	l.lost = r.Owner != l.o.Worker
}

func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
}

// wanted returns who asks for the lease.
func (l *lease) wanted() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.row.Wanted
}

// release gives the lease back: to whom it is wanted by, or to anybody. The
// end of a shard that was handed over stays its owner's.
func (l *lease) release(ctx context.Context) error {
	if r, _ := l.now(); r.done() {
		return nil
	}
	to := l.wanted()
	return l.write(ctx, func(r *row) { r.Owner = to })
}
