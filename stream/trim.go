package stream

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// runEvery is the time between two rounds of Run.
const runEvery = time.Minute

// Run removes records that are older than the retention and disabled streams
// whose records are all older, and rotates and splits shards, until ctx ends.
// Records above Options.Unread stay. Ages are measured with a kv.SteadyClock, so
// that a wall clock which is set forward removes nothing.
func (s *Streams) Run(ctx context.Context) error {
	now := kv.SteadyClock(s.opts.Now)
	tick := time.NewTicker(runEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.trim(now().Add(-s.opts.Retention))
			s.reshard()
		}
	}
}

// trim removes what is older than cutoff from all streams. A stream that fails
// is tried again in the next round.
func (s *Streams) trim(cutoff time.Time) {
	all, _ := s.List("", "", int(^uint(0)>>1))
	for _, st := range all {
		var err error
		if st.endedBefore(cutoff) && st.Last() <= s.opts.Unread(st.d.Table) {
			err = s.remove(st)
		} else {
			err = st.trim(cutoff)
		}
		if err != nil {
			s.opts.Logger.Warn("stream: trim", "stream", st.ARN(), "error", err)
		}
	}
}

func (st *Stream) endedBefore(cutoff time.Time) bool {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.d.Disabled != nil && st.d.Disabled.Before(cutoff)
}

// remove deletes a stream and its records.
func (s *Streams) remove(st *Stream) error {
	records := kv.Prefix(kv.NewKey('r').Uint64(st.d.ID))
	b := s.store.NewBatch()
	b.UseReserve()
	b.DeleteRange(records.Lower, records.Upper)
	b.Delete(catalogueKey(st.d.ID))
	// Readers may still hold the stream. Trimmed rises before the batch is visible,
	// so they get ErrTrimmed, and do not take the missing records for the end.
	b.Number(1, func(uint64) {
		last := st.Last()
		st.mu.Lock()
		defer st.mu.Unlock()
		st.d.Trimmed = max(st.d.Trimmed, last)
	})
	if _, err := s.store.Commit(b); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.byID, st.d.ID)
	s.mu.Unlock()
	return nil
}

// trim removes the records before the first one that is not older than cutoff,
// and the shards that ended before it.
func (st *Stream) trim(cutoff time.Time) error {
	upTo, err := st.oldUpTo(cutoff, st.s.opts.Unread(st.d.Table))
	if err != nil || upTo == 0 && !st.anyEnded(cutoff) {
		return err
	}
	b := st.s.store.NewBatch()
	b.UseReserve()
	if upTo > 0 {
		for _, t := range st.allTails() {
			prefix := recordKey(st.d.ID, t.number)
			b.DeleteRange(prefix, slices.Clone(prefix).Uint64(upTo+1))
		}
	}
	// Inside the commit, as in Disable and replace, which store the descriptor too.
	// Trimmed rises before the batch is visible: a reader that misses a record
	// finds its position trimmed. After a crash both are stored, or neither is.
	b.Number(1, func(uint64) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.d.Trimmed = max(st.d.Trimmed, upTo)
		st.dropEnded(cutoff)
		b.Set(catalogueKey(st.d.ID), st.d.encode())
	})
	_, err = st.s.store.Commit(b)
	return err
}

// ended reports whether the i-th shard ended before cutoff and nothing is left
// of it. The caller holds mu.
func (st *Stream) ended(i int, cutoff time.Time) bool {
	sh := st.d.Shards[i]
	return !sh.Ended.IsZero() && sh.Ended.Before(cutoff) && st.tails[i].last.Load() <= st.d.Trimmed
}

func (st *Stream) anyEnded(cutoff time.Time) bool {
	st.mu.RLock()
	defer st.mu.RUnlock()
	for i := range st.d.Shards {
		if st.ended(i, cutoff) {
			return true
		}
	}
	return false
}

// dropEnded removes the shards that ended before cutoff from the descriptor. The
// caller holds mu.
func (st *Stream) dropEnded(cutoff time.Time) {
	kept := make([]Shard, 0, len(st.d.Shards))
	tails := make([]*tail, 0, len(st.tails))
	for i, sh := range st.d.Shards {
		if !st.ended(i, cutoff) {
			kept, tails = append(kept, sh), append(tails, st.tails[i])
		}
	}
	st.d.Shards, st.tails = kept, tails
}

// oldUpTo returns the highest position up to which all records of all shards
// are older than cutoff; 0 if there is no such record. It reads what may be trimmed
// alone: records after the position that was trimmed already, up to most.
func (st *Stream) oldUpTo(cutoff time.Time, most uint64) (uint64, error) {
	from := st.Trimmed() + 1
	if most < from {
		return 0, nil
	}
	var newestOld uint64
	oldestKept := uint64(math.MaxUint64)
	for _, t := range st.allTails() {
		r := kv.Prefix(recordKey(st.d.ID, t.number))
		r.Lower = recordKey(st.d.ID, t.number).Uint64(from)
		if most < math.MaxUint64 {
			r.Upper = recordKey(st.d.ID, t.number).Uint64(most + 1)
		}
		it := st.s.store.Scan(r)
		for it.Next() {
			seq := seqOf(it.Key())
			if at, ok := recordTime(it.Value()); !ok || !at.Before(cutoff) {
				oldestKept = min(oldestKept, seq)
				break
			}
			newestOld = max(newestOld, seq)
		}
		if err := it.Close(); err != nil {
			return 0, err
		}
	}
	return min(newestOld, oldestKept-1), nil
}
