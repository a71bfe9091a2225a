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
	t := &tail{number: sh.Number, low: sh.Low, opened: sh.At}
	st.tails = append(slices.Clip(st.tails), t)
	if sh.Open() {
		i, _ := slices.BinarySearchFunc(st.open, sh.Low, func(t *tail, low uint64) int {
			if t.low < low {
				return -1
			}
			return 1
		})
		st.open = slices.Insert(slices.Clone(st.open), i, t)
	}
	return t
}

// reshard rotates and splits the shards of all streams whose time has come.
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

// Rotate closes all open shards now; a child goes on with each of them.
func (st *Stream) Rotate() error { return st.replace(func(*tail) int { return 1 }) }

// Split closes all open shards now, as far as MaxOpenShards allows; two
// children divide the keys of each.
func (st *Stream) Split() error { return st.replace(func(*tail) int { return 2 }) }

// replace closes open shards and opens as many children of each as the function
// says, 0 for one that stays, in one commit: it lies between the last record of
// the parents and the first of the children.
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
		lows := []uint64{sh.Low}
		if middle := st.middle(sh.Low); n == 2 && open < MaxOpenShards && middle != sh.Low {
			lows = append(lows, middle)
			open++
		}
		sh.Last, sh.Ended = first, at
		st.open = slices.DeleteFunc(slices.Clone(st.open), func(t *tail) bool { return t.number == sh.Number })
		for _, low := range lows {
			number := shards[len(shards)-1].Number + 1
			child := Shard{Number: number, ID: shardID(at, st.d.ID, number), Parent: sh.ID, First: first + 1, Low: low, At: at}
			shards = append(shards, child)
			sh = &shards[i] // append may have moved it
			st.addTail(child)
		}
	}
	st.d.Shards = shards
}

// middle returns the hash that divides the keys of the open shard with the low
// in two.
func (st *Stream) middle(low uint64) uint64 {
	i := slices.IndexFunc(st.open, func(t *tail) bool { return t.low == low })
	last := uint64(math.MaxUint64)
	if i+1 < len(st.open) {
		last = st.open[i+1].low - 1
	}
	if last == low {
		return low
	}
	return low + (last-low)/2 + 1
}
