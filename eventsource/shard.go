package eventsource

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/parking"
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

// A shard is one shard of a mapping's stream on its way to the function.
//
// One goroutine, the loop, reads records and gives them to lanes; each batch has a
// goroutine of its own, at most one for a lane, which settles the batch's records.
// Both meet in the fields below mu. Nobody holds mu while the function runs or a
// sync is waited for. heldItems.mu of the mapping comes before mu.
type shard struct {
	m     *runner
	st    *stream.Stream
	info  stream.Shard
	lanes []*lane
	freed wait.Signal // tells the loop that a lane is free

	from     uint64 // next record to read; of the loop alone
	closed   bool   // all was read; of the loop alone
	filtered int    // records that no filter matched and that are not counted; of the loop alone

	mu       sync.Mutex
	halted   bool            // damage was met; guarded by mu
	cp       checkpoint      // as it was last applied; guarded by mu
	pending  []*record       // read and not passed by the checkpoint, in order; guarded by mu
	bytes    int             // of pending; guarded by mu
	tumbling *tumblingWindow // that is open; nil without; guarded by mu
}

// run feeds the function until stop, or the end of the shard.
func (s *shard) run(ctx context.Context, stop <-chan struct{}) {
	s.tumbling = s.cp.Tumbling
	var work sync.WaitGroup
	defer work.Wait()
	pushed, cancel := context.WithCancel(ctx)
	defer cancel()
	news := wait.NewSignal()
	waits := false // a goroutine waits for the stream's push
	for {
		more, err := s.read(&work)
		if err != nil {
			s.report("read", err)
			if !s.halt(err) && !pause(ctx, stop, time.Second) {
				return
			}
			continue
		}
		wake := s.dispatch(ctx, stop, &work)
		if s.finished() {
			if err := s.end(); err == nil {
				return
			} else if s.report("end", err); !pause(ctx, stop, time.Second) {
				return
			}
			continue
		}
		reading := s.reading()
		if !more && reading && !waits {
			waits = true
			after := s.from - 1
			work.Go(func() {
				if s.st.Wait(pushed, after) == nil {
					news.Set()
				}
			})
		}
		if more && reading {
			wake = time.Now()
		}
		if !s.idle(ctx, stop, news, &waits, wake) {
			return
		}
	}
}

// idle waits for something to do: records, a free lane, or the time wake. It
// reports whether to go on.
func (s *shard) idle(ctx context.Context, stop <-chan struct{}, news wait.Signal, waits *bool, wake time.Time) bool {
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

func (s *shard) report(what string, err error) {
	s.m.note(problem + err.Error())
	s.m.all.opts.Logger.Error("eventsource: "+what, "mapping", s.m.UUID, "shard", s.info.ID, "error", err)
}

// halt ends the reading of the shard if an error is decided to be damage, and
// reports whether it is. What was read before goes on to the function.
func (s *shard) halt(err error) bool {
	decision, reason := decide(&s.m.Settings, failure{err: err})
	if decision != parking.Halt {
		return false
	}
	s.mu.Lock()
	s.halted = true
	s.mu.Unlock()
	s.m.halt(s.info.ID, reason, err)
	return true
}

// reading reports whether more may be read.
func (s *shard) reading() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.halted && !s.closed && len(s.pending) < readAhead && s.bytes < readBytes
}

// read reads a page; more says that another may be there. What no filter matches
// is settled, before more is read if that was refused.
func (s *shard) read(work *sync.WaitGroup) (more bool, err error) {
	if err := s.settleFiltered(work); err != nil {
		return false, err
	}
	if !s.reading() {
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
	s.filtered += s.enqueue(page.Records)
	return len(page.Records) > 0, s.settleFiltered(work)
}

// settleFiltered has the checkpoint pass what no filter matches. Its sync is waited
// for by work, not by the loop.
func (s *shard) settleFiltered(work *sync.WaitGroup) error {
	if s.filtered == 0 {
		return nil
	}
	t, err := s.apply(nil, Counts{Filtered: uint64(s.filtered)}, nil)
	if err != nil {
		return err
	}
	s.filtered = 0
	work.Go(func() {
		if err := t.wait(); err != nil {
			s.report("checkpoint", err)
		}
	})
	return nil
}

// gap steps over records that were trimmed, once that is counted.
func (s *shard) gap() error {
	next := s.st.Trimmed() + 1
	s.mu.Lock()
	fresh := s.cp.Position == 0
	s.mu.Unlock()
	if !fresh || s.m.Start != TrimHorizon { // else nothing was promised from before
		s.m.all.opts.Logger.Warn("eventsource: records may have been trimmed before they were read", "mapping", s.m.UUID, "shard", s.info.ID, "after", s.from-1, "upTo", next-1)
		if err := s.settle(nil, Counts{Gaps: 1}, nil); err != nil {
			return err
		}
	}
	s.from = next
	return nil
}

// finished reports whether the shard was read and handed over to its end. A lane
// is busy until the sync of its last batch, so the shard's end is applied behind
// all that it relies on.
func (s *shard) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if l.busy || len(l.queue) > 0 {
			return false
		}
	}
	return s.closed && len(s.pending) == 0 && s.tumbling == nil
}

// end lets the children begin, once that is durable.
func (s *shard) end() error {
	s.mu.Lock()
	next := s.cp
	next.Done, next.Tumbling = true, nil
	commit, err := s.saveLocked(next, nil)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return commit.Wait()
}
