package streams

import (
	"cmp"
	"strings"
)

// What a checkpoint is when it is no sequence number.
const (
	atHorizon = "TRIM_HORIZON"
	atEnd     = "SHARD_END"
)

// compareSequence compares two sequence numbers: they are integers, of up to 40
// digits and of different lengths. The empty one is below all.
func compareSequence(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
