package main

import (
	"runtime/debug"
	"testing"

	"github.com/tablecast/tablecast"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"512MiB": 512 << 20, "4GiB": 4 << 30, "4G": 4 << 30, "1000": 1000, "10 MB": 10_000_000, "7B": 7, "64K": 64 << 10,
		"": -1, "MiB": -1, "-1": -1, "1.5GiB": -1, "9999999999GiB": -1, "4TiB": -1,
	} {
		if got, err := parseSize(text); got != want && (want >= 0 || err == nil) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

// The parts of a node are within what it keeps to.
func TestLimitMemory(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for _, size := range []string{"256MiB", "1GiB", "64GiB", ""} {
		var o tablecast.Options
		f := upFlags{memory: size}
		memory, err := f.limitMemory(&o)
		if err != nil {
			t.Fatal(err)
		}
		store := o.CacheBytes + memTables*int64(o.MemTableBytes)
		if heap := debug.SetMemoryLimit(-1); heap+store != memory || heap < memory*3/4 || memory < leastMemory {
			t.Errorf("%s: %d bytes, %d of them for the store and %d for the heap", size, memory, store, heap)
		}
	}
	f := upFlags{memory: "255MiB"}
	if _, err := f.limitMemory(&tablecast.Options{}); err == nil {
		t.Error("less than a node needs is accepted")
	}
}
