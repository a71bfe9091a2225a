package stream

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A Shard is one ordered part of a stream. First and Last bound its sequence
// numbers; Last is 0 while the shard is open.
type Shard struct {
	Number uint32 `json:"number"`
	ID     string `json:"id"`
	Parent string `json:"parent,omitzero"`
	First  uint64 `json:"first"`
	Last   uint64 `json:"last,omitzero"`
}

// Open reports whether records may still be added.
func (s Shard) Open() bool { return s.Last == 0 }

// shardID names a shard: its creation time in milliseconds, by which consumers
// may sort, and eight hexadecimal digits that tell siblings apart.
func shardID(at time.Time, stream uint64, number uint32) string {
	h := xxhash.Sum64String(fmt.Sprintf("%d/%d", stream, number))
	return fmt.Sprintf("shardId-%020d-%08x", at.UnixMilli(), uint32(h))
}

// shardOf returns the place of a partition key among n shards: they divide the
// range of its hash evenly.
func shardOf(partition []byte, n int) int {
	hi, _ := bits.Mul64(xxhash.Sum64(partition), uint64(n))
	return int(hi)
}
