package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A lease is the lease of a shard that this worker owns. Processing advances it in
// memory; write brings that to the state table and renews the lease. Its methods
// may be called from any goroutine.
type lease struct {
	rows *rows
	o    *Options

	writing chan struct{} // full during a write, so that writes are one at a time

	// mu guards the fields below. It is not held during a call of the server: row
	// changes in write alone, which writing makes exclusive.
	mu      sync.Mutex
	row     row       // as the state table has it
	reached row       // its Checkpoint, Reached and Gaps are those of processing, not yet written
	renewed time.Time // when the last write that succeeded was sent
	wrote   time.Time // when a checkpoint was last written
	moved   time.Time // when processing last advanced
	lost    bool      // for good: a lease that is taken anew is another lease
}

// held returns the lease of a row that was taken by a write sent at sent.
func held(rows *rows, o *Options, r row, sent time.Time) *lease {
	return &lease{rows: rows, o: o, writing: make(chan struct{}, 1), row: r, reached: r, renewed: sent, wrote: sent, moved: sent}
}

// advance notes in memory that records up to a checkpoint (empty: the same) and a
// time were processed. A crash before the next write loses only that: the records
// are processed again.
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

// now returns the row with what processing came to, and when that last advanced.
func (l *lease) now() (row, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.row
	r.Checkpoint, r.Reached, r.Gaps = l.reached.Checkpoint, l.reached.Reached, l.reached.Gaps
	return r, l.moved
}

// left returns for how long no other worker can take the lease; 0 or less once one
// may have.
func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost {
		return 0
	}
	return l.renewed.Add(l.o.stopAfter()).Sub(l.o.Now())
}

// valid reports whether no other worker can have taken the lease.
func (l *lease) valid() bool { return l.left() > 0 }

// due returns when the lease is to be written next: soon after processing
// advanced, and in time for others to see that its owner lives.
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

// write renews the lease and writes the checkpoint; change, if any, alters the row
// before. Errors: errLost, and those of the server, after which it may be tried
// again, though the write may have happened.
func (l *lease) write(ctx context.Context, change func(*row)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.writing <- struct{}{}:
	}
	defer func() { <-l.writing }()
	// The write is on condition that owner and counter are still those of seen, and
	// raises the counter: of two writers that saw the same row only one succeeds.
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
			// An earlier write of this worker, whose reply was lost. The next try builds on
			// it, but the renewal counts from before: when it arrived is not known.
			l.keep(there, l.renewedAt())
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

// release gives the lease up: to the worker that asked for it, or to any. The same
// write has the last checkpoint, so that the next owner begins where this one ended.
// The lease of a shard at SHARD_END keeps its owner.
func (l *lease) release(ctx context.Context) error {
	if r, _ := l.now(); r.done() {
		return nil
	}
	to := l.wanted()
	return l.write(ctx, func(r *row) { r.Owner = to })
}
