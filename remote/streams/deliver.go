package streams

import (
	"context"
	"slices"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/stream"
)

// deliver hands pages to the Handler once the shard's parents are at their ends,
// until the shard is at its own or reading ends.
func (t *shardConsumer) deliver(work, reading context.Context) {
	if t.awaitParents(reading, func(string) bool { return false }) != nil {
		return
	}
	for {
		select {
		case <-reading.Done():
			return
		case p := <-t.pages:
			done := t.hand(work, reading, p)
			t.full.Add(-1)
			t.s.budget.give(p.bytes)
			if !done {
				return
			}
			if p.last {
				t.finish(work)
				return
			}
		}
	}
}

// awaitParents returns once each parent of the shard is at its end, in the
// state table, or is enough as it is.
func (t *shardConsumer) awaitParents(ctx context.Context, enough func(shard string) bool) error {
	return t.s.cache.await(ctx, func() bool {
		now, known := t.s.cache.get(t.shard)
		if !known {
			now = t.row
		}
		for _, p := range now.Parents {
			if !enough(p) && !t.s.ended(ctx, p) {
				return false
			}
		}
		return true
	})
}

// ended reports whether a shard is known to be at its end. A row that is not in
// the cache may be newer than the cache; one that does not exist was of a shard
// that ended long ago.
func (s *session) ended(ctx context.Context, shard string) bool {
	if r, known := s.cache.get(shard); known {
		return r.done()
	}
	r, ok, err := s.rows.get(ctx, shard)
	if err != nil {
		s.note(err)
		return false
	}
	return !ok || r.done()
}

// hand calls the Handler with the records of a page until it takes them, and
// reports whether it did. The checkpoint advances after that, never before (P5).
func (t *shardConsumer) hand(work, reading context.Context, p page) bool {
	again := wait.Backoff{Least: 100 * time.Millisecond, Most: 30 * time.Second}
	for {
		records, err := convert(t.s.stream.ARN, t.s.o.Table, p.records)
		if err == nil {
			err = t.handle(work, records)
		}
		if err == nil {
			t.note(handing, nil)
			t.advance(records, p.tip)
			return true
		}
		if t.note(handing, err); work.Err() != nil || again.Wait(reading) != nil {
			return false
		}
	}
}

// handle hands over those records that were written since the group's start.
func (t *shardConsumer) handle(work context.Context, records []stream.Record) error {
	wanted := records
	if since := t.s.stream.Since; !since.IsZero() {
		wanted = slices.DeleteFunc(slices.Clone(records), func(r stream.Record) bool { return !r.Time.IsZero() && r.Time.Before(since) })
	}
	if len(wanted) == 0 {
		return nil
	}
	if !t.lease.valid() { // keep could not act: the process was stopped for a while
		return errLost
	}
	return t.s.o.Handle(work, Batch{Stream: t.s.stream.ARN, Shard: t.shard, Records: wanted})
}

// advance moves the lease's checkpoint past records that were processed.
func (t *shardConsumer) advance(records []stream.Record, tip time.Time) {
	if n := len(records); n > 0 {
		t.lease.advance(records[n-1].Origin.Sequence, records[n-1].Time)
	} else {
		t.lease.advance("", tip)
	}
}
