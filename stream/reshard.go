package stream

import (
	"math"
	"slices"
	"time"
)

// MaxOpenShards is up to how many open shards a stream is split.
const MaxOpenShards = 64

// addTail adds the tail of a shard whose number is the highest. The caller
// holds mu, or has the stream to itself.
func (st *Stream) addTail(sh Shard) *tail {
	t := &tail{number: sh.Number, startHash: sh.StartHash, opened: sh.At}
	st.tails = append(slices.Clip(st.tails), t)
	if sh.Open() {
		i, _ := slices.BinarySearchFunc(st.open, sh.StartHash, func(t *tail, start uint64) int {
			if t.startHash < start {
				return -1
			}
			return 1
		})
		st.open = slices.Insert(slices.Clone(st.open), i, t)
	}
	return t
}

// reshard rotates the shards that have been open for long enough, and splits
// those that take too many records, in all enabled streams.
func (s *Streams) reshard() {
	all, _ := s.List("", "", int(^uint(0)>>1))
	for _, st := range all {
		if !st.Enabled() {
			continue
		}
		hot := uint64(s.opts.SplitAbove) * uint64(runEvery/time.Second)
		now := s.opts.Now()
		err := st.replace(func(t *tail) int {
			written := t.written.Swap(0)
			switch {
			case written > hot:
				return 2
			case t.last.Load() > 0 && now.Sub(t.opened) >= s.opts.Rotate:
				return 1
			default:
				return 0
			}
		})
		if err != nil {
			s.opts.Logger.Warn("stream: rotate", "stream", st.ARN(), "error", err)
		}
	}
}

// Rotate closes all open shards now, and opens one child in the place of each.
func (st *Stream) Rotate() error { return st.replace(func(*tail) int { return 1 }) }

// Split closes all open shards now, and opens two children in the place of each
// that divide its keys, or one where MaxOpenShards is reached.
func (st *Stream) Split() error { return st.replace(func(*tail) int { return 2 }) }

// replace closes open shards and opens as many children of each as the function
// says, 0 for one that stays, all in one commit.
func (st *Stream) replace(children func(*tail) int) error {
	st.mu.RLock()
	plan := map[uint32]int{}
	for _, t := range st.open {
		if n := children(t); n > 0 {
			plan[t.number] = n
		}
	}
	st.mu.RUnlock()
	if len(plan) == 0 {
		return nil
	}
	b := st.s.store.NewBatch()
	b.UseReserve()
	at := st.s.opts.Now().UTC().Truncate(time.Millisecond)
	// Inside the commit, where no record is appended: the commit's two numbers lie
	// between the last record of the parents, which end at the first, and the
	// first record of the children, which begin at the second. The plan was made
	// outside; a stream that was disabled since has no open shard to replace.
	b.Number(2, func(first uint64) {
		st.mu.Lock()
		defer st.mu.Unlock()
		if st.d.Disabled == nil {
			st.replaceLocked(plan, first, at)
			b.Set(catalogueKey(st.d.ID), st.d.encode())
		}
	})
	_, err := st.s.store.Commit(b)
	return err
}

// replaceLocked changes the shards inside the commit whose first number is
// first: it ends the parents, and the children begin above it.
func (st *Stream) replaceLocked(plan map[uint32]int, first uint64, at time.Time) {
	shards := slices.Clone(st.d.Shards) // readers may hold the old ones
	open := len(st.open)
	for i := range shards {
		sh := &shards[i]
		n := plan[sh.Number]
		if n == 0 || !sh.Open() {
			continue
		}
		starts := []uint64{sh.StartHash}
		if middle := st.middle(sh.StartHash); n == 2 && open < MaxOpenShards && middle != sh.StartHash {
			starts = append(starts, middle)
			open++
		}
		sh.Last, sh.Ended = first, at
		st.open = slices.DeleteFunc(slices.Clone(st.open), func(t *tail) bool { return t.number == sh.Number })
		for _, start := range starts {
			number := shards[len(shards)-1].Number + 1
			child := Shard{Number: number, ID: shardID(at, st.d.ID, number), Parent: sh.ID, First: first + 1, StartHash: start, At: at}
			shards = append(shards, child)
			sh = &shards[i] // append may have moved it
			st.addTail(child)
		}
	}
	st.d.Shards = shards
}

// middle returns the start hash of the upper half of an open shard, or the
// shard's own start hash if it cannot be divided.
func (st *Stream) middle(start uint64) uint64 {
	i := slices.IndexFunc(st.open, func(t *tail) bool { return t.startHash == start })
	last := uint64(math.MaxUint64)
	if i+1 < len(st.open) {
		last = st.open[i+1].startHash - 1
	}
	if last == start {
		return start
	}
	return start + (last-start)/2 + 1
}
