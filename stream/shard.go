package stream

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A Shard is one ordered part of a stream. It holds the records of the partition
// keys whose hash lies from StartHash to before the StartHash of the next open
// shard. First and Last bound its sequence numbers; Last is 0 while the shard is
// open. A shard that was rotated has one child, one that was split has two; all
// numbers of a child are above those of its parent.
type Shard struct {
	Number    uint32    `json:"number"`
	ID        string    `json:"id"`
	Parent    string    `json:"parent,omitzero"`
	First     uint64    `json:"first"`
	Last      uint64    `json:"last,omitzero"`
	StartHash uint64    `json:"low,omitzero"`
	At        time.Time `json:"at"`             // when it was opened
	Ended     time.Time `json:"ended,omitzero"` // when a child took its place
}

// Open reports whether records may still be added.
func (s Shard) Open() bool { return s.Last == 0 }

// shardID names a shard: its creation time in milliseconds, by which consumers
// may sort, and eight hexadecimal digits that tell siblings apart.
func shardID(at time.Time, stream uint64, number uint32) string {
	h := xxhash.Sum64String(fmt.Sprintf("%d/%d", stream, number))
	return fmt.Sprintf("shardId-%020d-%08x", at.UnixMilli(), uint32(h))
}

// A tail is the end of a shard, where records are appended.
type tail struct {
	number    uint32
	startHash uint64
	opened    time.Time
	last      atomic.Uint64 // newest sequence number, raised inside commits
	written   atomic.Uint64 // records since reshard measured the rate
}

// route returns the tail of the shard that a partition key belongs to. The tails
// are those of the open shards in order of their start hashes, the first of
// which is 0.
func route(open []*tail, partition []byte) *tail {
	hash := xxhash.Sum64(partition)
	i, found := slices.BinarySearchFunc(open, hash, func(t *tail, hash uint64) int { return cmp.Compare(t.startHash, hash) })
	if found {
		return open[i]
	}
	return open[i-1]
}

// evenStartHashes returns the start hashes of n shards that divide the hashes
// evenly.
func evenStartHashes(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		if i > 0 {
			out[i], _ = bits.Div64(uint64(i), 0, uint64(n))
		}
	}
	return out
}
