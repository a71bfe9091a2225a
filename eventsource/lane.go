package eventsource

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/stream"
)

// A lane is one of the ways beside each other out of a shard. Its fields are
// guarded by shard.mu. Only the loop makes a free lane busy; only the goroutine of
// its batch makes it free again.
type lane struct {
	queue []*record
	since time.Time // when the first of the queue came, or the last batch ended
	busy  bool
}

// enqueue gives records to their lanes and returns how many no filter matches.
// These are done at once, and wait in pending for the checkpoint to pass them.
func (s *shard) enqueue(records []stream.Record) (dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range records {
		r := newRecord(&records[i], s.m.all.opts.Region)
		s.pending = append(s.pending, r)
		s.bytes += len(r.json)
		if !s.wanted(r) {
			r.done = true
			dropped++
			continue
		}
		l := s.lanes[xxhash.Sum64String(r.item)%uint64(len(s.lanes))]
		if len(l.queue) == 0 {
			l.since = later(l.since, time.Now())
		}
		l.queue = append(l.queue, r)
	}
	return dropped
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wanted reports whether a filter matches, or cannot tell. All filters are one
// set, so the record is read once.
func (s *shard) wanted(r *record) bool {
	if s.m.filters == nil {
		return true
	}
	var buf [1]int
	found, err := s.m.filters.Match(r.json, buf[:0])
	return err != nil || len(found) > 0
}

// dispatch starts a batch of each free lane that has one, and returns when the
// next is due; zero if nothing is due by itself.
func (s *shard) dispatch(ctx context.Context, stop <-chan struct{}, work *sync.WaitGroup) (next time.Time) {
	for _, l := range s.lanes {
		batch, due := s.batch(l)
		if batch == nil {
			if !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
			continue
		}
		work.Go(func() {
			// The mapping may have been stopped since the lane was seen free.
			if !stopped(ctx, stop) {
				if err := s.handle(ctx, stop, batch); err != nil {
					s.report("batch", err)
					if s.halt(err) {
						return // the lane stays busy: nothing of it is tried again
					}
					pause(ctx, stop, time.Second)
				}
			}
			s.free(l, batch)
		})
	}
	return next
}

// batch takes the next batch of a lane, or says when there will be one.
func (s *shard) batch(l *lane) ([]*record, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.busy {
		return nil, time.Time{}
	}
	if s.m.TumblingWindow > 0 {
		return s.batchInWindowLocked(l)
	}
	if len(l.queue) == 0 {
		return nil, time.Time{}
	}
	n, full := s.size(l.queue)
	due := l.since.Add(time.Duration(s.m.BatchingWindow) * time.Second)
	if !full && !s.closed && time.Now().Before(due) {
		return nil, due
	}
	return l.take(n), time.Time{}
}

// size returns how many records make the next batch, and whether it is full.
func (s *shard) size(queue []*record) (n int, full bool) {
	bytes := overhead
	for n < len(queue) && n < s.m.BatchSize {
		bytes += len(queue[n].json) + 1
		if n > 0 && bytes > process.MaxPayloadBytes {
			return n, true
		}
		n++
	}
	return n, n == s.m.BatchSize
}

// take takes n records of the lane, which is busy from here.
func (l *lane) take(n int) []*record {
	batch := slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	l.busy = true
	return batch
}

// free makes a lane take its next batch, first what is left of the last one.
func (s *shard) free(l *lane, batch []*record) {
	s.mu.Lock()
	left := slices.DeleteFunc(batch, func(r *record) bool { return r.done })
	l.queue = append(left, l.queue...)
	l.busy, l.since = false, time.Now()
	s.mu.Unlock()
	s.freed.Set()
}
