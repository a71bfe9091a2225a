package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/machine"
)

const (
	// leastMemory is the least memory that a node runs in.
	leastMemory = 256 << 20
	// The store writes what it holds in memory at these sizes, and keeps up to
	// memTables such tables.
	leastTable, mostTable, memTables = 2 << 20, 16 << 20, 4
	// mostCache is the largest cache of the store that nobody asked for.
	mostCache = 1 << 30
)

// limitMemory divides the memory that the node keeps to among its parts, and returns
// it: an eighth for the store's cache, a sixteenth for what it has not written to its
// tables. The garbage collector keeps the rest within its bounds.
func (f *upFlags) limitMemory(o *tablecast.Options) (int64, error) {
	memory, err := f.memoryBytes()
	if err != nil {
		return 0, err
	}
	o.CacheBytes = min(memory/8, mostCache)
	table := min(max(memory/16/memTables, leastTable), mostTable)
	o.MemTableBytes = uint64(table)
	// The cache and the tables in memory are outside the heap that this limits.
	debug.SetMemoryLimit(memory - o.CacheBytes - memTables*table)
	return memory, nil
}

// memoryBytes returns what --memory says, or its default.
func (f *upFlags) memoryBytes() (int64, error) {
	if f.memory != "" {
		n, err := parseSize(f.memory)
		if err == nil && n < leastMemory {
			err = fmt.Errorf("%s is less than a node needs, which is 256MiB", f.memory)
		}
		if err != nil {
			return 0, fmt.Errorf("--memory: %w", err)
		}
		return n, nil
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		if n := debug.SetMemoryLimit(-1); n < math.MaxInt64 {
			return max(n, leastMemory), nil
		}
	}
	return max(machine.Memory()/2, leastMemory), nil
}

// units are the units of sizes, the longer names first.
var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}}

// parseSize reads a whole number of bytes with a unit, such as 512MiB; a number alone
// is of bytes.
func parseSize(text string) (int64, error) {
	digits, factor := text, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			digits, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is no size; write one as 512MiB or 4GiB", text)
	}
	return n * factor, nil
}
