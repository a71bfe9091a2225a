package table

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

const stripeCount = 4096

// locks are the locks of all items by their keys: a fixed number of stripes, each
// shared by the keys whose hash selects it.
type locks struct{ stripes [stripeCount]stripe }

type stripe struct {
	mu sync.Mutex
	// last is the number of the last commit under this stripe. It is stored
	// inside the commit, before the batch is visible. A reader that saw a value
	// therefore finds the number of the commit that wrote it, or a later one, and
	// can wait until that is durable.
	last atomic.Uint64
}

func newLocks() *locks { return &locks{} }

// of returns the stripe of an item's key.
func (l *locks) of(key []byte) int { return int(xxhash.Sum64(key) % stripeCount) }

// lock locks the stripes of the keys and returns their numbers. All callers lock
// them in ascending order, each once, so that no two wait for each other.
func (l *locks) lock(keys ...[]byte) []int {
	var few [1]int
	stripes := few[:0]
	for _, k := range keys {
		stripes = append(stripes, l.of(k))
	}
	slices.Sort(stripes)
	stripes = slices.Compact(stripes)
	for _, i := range stripes {
		l.stripes[i].mu.Lock()
	}
	return stripes
}

// unlock unlocks what lock returned.
func (l *locks) unlock(stripes []int) {
	for _, i := range stripes {
		l.stripes[i].mu.Unlock()
	}
}

// note stores the number of a commit under its stripes. The caller holds them.
func (l *locks) note(stripes []int, seq uint64) {
	for _, i := range stripes {
		l.stripes[i].last.Store(seq)
	}
}

// noteAll stores the number of a commit that removes all items of a table under all
// stripes, which hold the items' keys somewhere. It is called inside the commit, where
// numbers only rise, and needs no lock.
func (l *locks) noteAll(seq uint64) {
	for i := range l.stripes {
		l.stripes[i].last.Store(seq)
	}
}

// last returns the highest number noted under the stripes.
func (l *locks) last(stripes []int) uint64 {
	var seq uint64
	for _, i := range stripes {
		seq = max(seq, l.stripes[i].last.Load())
	}
	return seq
}
