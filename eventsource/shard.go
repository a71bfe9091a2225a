package eventsource

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/stream"
)

// Bounds of what is read ahead of a shard.
const (
	readAhead = 20_000 // records
	readBytes = 16 << 20
	pageSize  = 1000
	pageBytes = 4 << 20
	// overhead is what stands around the records of a batch.
	overhead = 1024
)

// A shard is one shard of a mapping's stream on its way to the function. Fields
// below mu are guarded by it.
type shard struct {
	m     *runner
	st    *stream.Stream
	info  stream.Shard
	lanes []*lane
	freed chan struct{} // tells the loop that a lane is free

	from   uint64 // next record to read; of the loop alone
	closed bool   // all was read; of the loop alone

	mu      sync.Mutex
	cp      checkpoint
	pending []*record // read and not passed by the checkpoint, in order
	bytes   int       // of pending
	window  *window   // that is open; nil without tumbling windows
}

// A lane is one of the ways beside each other out of a shard. Its fields belong
// to the loop, but for busy, which is guarded by shard.mu.
type lane struct {
	queue []*record
	since time.Time // when the first of the queue came, or the last batch ended
	busy  bool
}

// run feeds the function until stop, or the end of the shard.
func (s *shard) run(ctx context.Context, stop <-chan struct{}) {
	s.window = s.cp.Window
	var work sync.WaitGroup
	defer work.Wait()
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan struct{}, 1)
	waits := false
	for {
		more, err := s.fill()
		if err != nil {
			s.trouble("read", err)
			if !pause(ctx, stop, time.Second) {
				return
			}
			continue
		}
		wake := s.dispatch(ctx, stop, &work)
		if s.finished() {
			s.end()
			return
		}
		if !more && !s.closed && !waits && s.room() {
			waits = true
			after := s.from - 1
			work.Go(func() {
				if s.st.Wait(wctx, after) == nil {
					news <- struct{}{}
				}
			})
		}
		if more && s.room() {
			wake = time.Now()
		}
		if !s.rest(ctx, stop, news, &waits, wake) {
			return
		}
	}
}

// rest waits for something to do; it reports whether to go on.
func (s *shard) rest(ctx context.Context, stop <-chan struct{}, news <-chan struct{}, waits *bool, wake time.Time) bool {
	var due <-chan time.Time
	if !wake.IsZero() {
		timer := time.NewTimer(time.Until(wake))
		defer timer.Stop()
		due = timer.C
	}
	if stopped(ctx, stop) {
		return false
	}
	select {
	case <-news:
		*waits = false
	case <-s.freed:
	case <-due:
	case <-stop:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// stopped reports whether the mapping was told to stop, or the node ends.
func stopped(ctx context.Context, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func (s *shard) trouble(what string, err error) {
	s.m.note(problem + err.Error())
	s.m.all.opts.Logger.Error("eventsource: "+what, "mapping", s.m.UUID, "shard", s.info.ID, "error", err)
}

// room reports whether more may be read.
func (s *shard) room() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) < readAhead && s.bytes < readBytes
}

// fill reads a page; more says that another may be there.
func (s *shard) fill() (more bool, err error) {
	if s.closed || !s.room() {
		return false, nil
	}
	page, err := s.st.ReadShard(s.info.ID, s.from, pageSize, pageBytes)
	if errors.Is(err, stream.ErrTrimmed) {
		return true, s.gap()
	}
	if errors.Is(err, stream.ErrNotFound) { // trimmed with the shard
		s.closed = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.from, s.closed = page.Next, page.Closed
	dropped := s.take(page.Records)
	if dropped > 0 {
		err = s.settle(nil, Counts{Filtered: uint64(dropped)}, nil)
	}
	return len(page.Records) > 0, err
}

// gap steps over records that were trimmed.
func (s *shard) gap() error {
	was := s.from
	s.from = s.st.Trimmed() + 1
	if s.cp.Position == 0 && s.m.Start == TrimHorizon { // nothing was promised from before
		return nil
	}
	s.m.all.opts.Logger.Warn("eventsource: records may have been trimmed before they were read", "mapping", s.m.UUID, "shard", s.info.ID, "after", was-1, "upTo", s.from-1)
	return s.settle(nil, Counts{Gaps: 1}, nil)
}

// take gives records to their lanes and returns how many no filter matches.
func (s *shard) take(records []stream.Record) (dropped int) {
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
			l.since = maxTime(l.since, time.Now())
		}
		l.queue = append(l.queue, r)
	}
	return dropped
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wanted reports whether a filter matches, or cannot tell.
func (s *shard) wanted(r *record) bool {
	for _, p := range s.m.filters {
		if ok, err := p.Match(r.json); ok || err != nil {
			return true
		}
	}
	return len(s.m.filters) == 0
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
					s.trouble("batch", err)
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
	if s.m.Tumbling > 0 {
		return s.slot(l)
	}
	if len(l.queue) == 0 {
		return nil, time.Time{}
	}
	n, full := s.cut(l.queue)
	due := l.since.Add(time.Duration(s.m.Window) * time.Second)
	if !full && !s.closed && time.Now().Before(due) {
		return nil, due
	}
	return s.start(l, n), time.Time{}
}

// cut returns how many records make the next batch, and whether it is full.
func (s *shard) cut(queue []*record) (n int, full bool) {
	size := overhead
	for n < len(queue) && n < s.m.BatchSize {
		size += len(queue[n].json) + 1
		if n > 0 && size > process.MaxPayloadBytes {
			return n, true
		}
		n++
	}
	return n, n == s.m.BatchSize
}

// start takes n records of a lane, which is busy from here.
func (s *shard) start(l *lane, n int) []*record {
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
	select {
	case s.freed <- struct{}{}:
	default:
	}
}

// finished reports whether the shard was read and handed over to its end.
func (s *shard) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if l.busy || len(l.queue) > 0 {
			return false
		}
	}
	return s.closed && len(s.pending) == 0 && s.window == nil
}

// end lets the children begin.
func (s *shard) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.cp
	next.Done, next.Window = true, nil
	if err := s.save(next, nil); err != nil {
		s.trouble("end", err)
	}
}
