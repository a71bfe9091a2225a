package streams

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/internal/wait"
)

// A shardConsumer reads one shard whose lease this worker holds, with three
// goroutines: fetch gets pages of records, deliver hands them to the Handler, keep
// renews the lease and writes the checkpoint.
type shardConsumer struct {
	s     *session
	lease *lease
	shard string
	row   row // as it was when the lease was taken
	pages chan page
	full  atomic.Int32 // pages in memory: fetch adds them, deliver takes them off

	warned    int // hours of lag that were warned of; used by the session's goroutine alone
	mu        sync.Mutex
	lastError [parts]string // what last failed in each part; guarded by mu
}

// The parts of a shardConsumer that may fail.
const (
	fetching = iota
	handing
	keeping
	parts
)

// A page is the records of one answer to GetRecords.
type page struct {
	records []types.Record
	bytes   int64     // of the budget
	tip     time.Time // all that was written by then was fetched; zero: not known
	last    bool      // nothing follows in the shard
}

func newShardConsumer(s *session, l *lease) *shardConsumer {
	r, _ := l.now()
	return &shardConsumer{s: s, lease: l, shard: r.Shard, row: r, pages: make(chan page, 1)}
}

// run returns when the shard is at its end, the lease is lost, or ctx ended
// and the lease was given back. What is being handed over when ctx ends or
// another worker asks for the shard may end first, for a part of the failover
// time.
func (t *shardConsumer) run(ctx context.Context) {
	// Two contexts end one after the other. reading ends first, with ctx or when
	// another worker asks for the shard: no further page is fetched or begun. work
	// ends a grace time later, or at once with the lease: it is the context of the
	// Handler, which may finish its batch meanwhile, so that the next owner need not
	// process that again.
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	reading, stop := context.WithCancel(work)
	defer end()
	var all sync.WaitGroup
	all.Go(func() {
		select {
		case <-ctx.Done():
			stop()
		case <-reading.Done():
		}
		_ = wait.Sleep(work, t.s.o.graceTime())
		end()
	})
	all.Go(func() { defer stop(); defer end(); t.deliver(work, reading) })
	all.Go(func() { defer end(); t.keep(work, stop) })
	all.Go(func() { defer end(); t.untilExpiry(work) })
	all.Go(func() { t.fetch(reading, ctx) })
	all.Wait()
	// Nothing is processed any more, so that the checkpoint is final and the lease can
	// be given up. A crash before release leaves the lease to expire.
	stop()
	close(t.pages)
	for p := range t.pages {
		t.s.budget.give(p.bytes)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.s.o.graceTime())
	defer cancel()
	if err := t.lease.release(last); err != nil {
		t.s.o.Logger.Info("streams: left a shard", "shard", t.shard, "error", err)
	}
}

// keep renews the lease and writes the checkpoint, until work ends, the lease is
// lost, or it could not be renewed in time. stop ends reading once another worker
// asks for the shard.
func (t *shardConsumer) keep(work context.Context, stop func()) {
	step := t.s.o.renewEvery() / 4
	for {
		if t.awaitDue(work, step) != nil {
			return
		}
		call, cancel := context.WithTimeout(work, t.s.o.renewEvery())
		err := t.lease.write(call, nil)
		cancel()
		switch {
		case work.Err() != nil:
			return
		case errors.Is(err, errLost) || err != nil && !t.lease.valid():
			// Returning ends work, and with it the Handler's context: after expireAfter
			// another worker may begin.
			t.s.o.Logger.Warn("streams: lost a shard", "shard", t.shard, "error", err)
			return
		case err != nil:
			t.note(keeping, err)
			if wait.Sleep(work, wait.Jitter(step)) != nil {
				return
			}
		}
		if err == nil {
			t.note(keeping, nil)
		}
		if t.lease.wanted() != "" {
			stop()
		}
	}
}

// untilExpiry returns when work ends or the lease was not renewed in time, even while
// a renewal is under way that gets no answer: another worker may begin soon.
func (t *shardConsumer) untilExpiry(work context.Context) {
	for left := t.lease.left(); left > 0; left = t.lease.left() {
		if wait.Sleep(work, left) != nil {
			return
		}
	}
	t.s.o.Logger.Warn("streams: lost a shard: its lease was not renewed in time", "shard", t.shard)
}

// awaitDue returns when the lease is to be written.
func (t *shardConsumer) awaitDue(work context.Context, step time.Duration) error {
	for {
		left := t.lease.due().Sub(t.s.o.Now())
		if left <= 0 {
			return work.Err()
		}
		if err := wait.Sleep(work, min(left, step)); err != nil { // it may come nearer meanwhile
			return err
		}
	}
}

// finish writes that the shard is at its end, so that its children may begin. It
// puts the row into the cache only when that is durable: a child must not begin on
// what this worker alone knows (invariant 2).
func (t *shardConsumer) finish(work context.Context) {
	t.lease.advance(atEnd, t.s.o.Now())
	again := wait.Backoff{Least: t.s.o.renewEvery() / 16, Most: t.s.o.renewEvery() / 2}
	for {
		err := t.lease.write(work, nil)
		if err == nil {
			r, _ := t.lease.now()
			t.s.cache.put(r)
			return
		}
		if t.note(keeping, err); errors.Is(err, errLost) || again.Wait(work) != nil {
			return
		}
	}
}

// gap counts and logs that records were removed before they were read.
func (t *shardConsumer) gap(why string, after string) {
	t.lease.gap()
	t.s.o.Logger.Error("streams: gap: records were removed before they were read", "stream", t.s.stream.ARN, "shard", t.shard, "after", after, "reason", why)
}

// note keeps what failed last, for Status, and logs it when it is new; nil is
// that nothing fails.
func (t *shardConsumer) note(part int, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.lastError[part]
	t.lastError[part] = ""
	if err != nil {
		t.lastError[part] = err.Error()
	}
	if now := t.lastError[part]; now != "" && now != was {
		t.s.o.Logger.Warn("streams: shard fails; trying again", "shard", t.shard, "error", now)
	}
}
