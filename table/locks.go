package table

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

const stripeCount = 4096

// locks are the key locks of all items: a fixed number of stripes, each shared
// by the keys whose hash leads to it.
type locks struct{ stripes [stripeCount]stripe }

type stripe struct {
	mu sync.Mutex
	// last is the number of the last commit under this stripe. It is stored
	// inside the commit, before the commit is visible, so who saw a value finds
	// the number of the commit that wrote it, or a later one.
	last atomic.Uint64
}

func newLocks() *locks { return &locks{} }

// of returns the stripe of an item's key.
func (l *locks) of(key []byte) int { return int(xxhash.Sum64(key) % stripeCount) }

// lock takes the stripes of the keys, each once, in one order for all callers,
// and returns them.
func (l *locks) lock(keys ...[]byte) []int {
	var few [1]int
	taken := few[:0]
	for _, k := range keys {
		taken = append(taken, l.of(k))
	}
	slices.Sort(taken)
	taken = slices.Compact(taken)
	for _, i := range taken {
		l.stripes[i].mu.Lock()
	}
	return taken
}

func (l *locks) unlock(taken []int) {
	for _, i := range taken {
		l.stripes[i].mu.Unlock()
	}
}

// note stores the number of a commit under its stripes.
func (l *locks) note(taken []int, seq uint64) {
	for _, i := range taken {
		l.stripes[i].last.Store(seq)
	}
}

// last returns the highest number noted under the stripes.
func (l *locks) last(taken []int) uint64 {
	var seq uint64
	for _, i := range taken {
		seq = max(seq, l.stripes[i].last.Load())
	}
	return seq
}
