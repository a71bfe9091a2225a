// Package machine tells what the operating system gives the process: memory, file
// descriptors, and a clock that counts the time that the machine was suspended.
package machine

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// unknown is the memory of a machine that does not say how much it has.
const unknown = 2 << 30

// Memory returns how many bytes of memory the process may take: those of the machine,
// or what its control group allows, if that is less.
func Memory() int64 {
	most := meminfo("/proc/meminfo")
	for _, limit := range cgroupLimits("/proc/self/cgroup", "/sys/fs/cgroup") {
		most = min(most, limit)
	}
	return most
}

// meminfo returns MemTotal of a file in the form of /proc/meminfo.
func meminfo(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "MemTotal:" {
			if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				return n << 10
			}
		}
	}
	return unknown
}

// cgroupLimits returns the limits of memory of the process's control groups, of
// version 1 or 2, and of those above them.
func cgroupLimits(self, root string) []int64 {
	text, _ := os.ReadFile(self) // none: no control groups
	var out []int64
	for line := range strings.Lines(string(text)) {
		// hierarchy:controllers:path
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		folder, file := root, "memory.max"
		if controllers == "memory" {
			folder, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		} else if controllers != "" {
			continue
		}
		for dir := filepath.Clean("/" + path); ; dir = filepath.Dir(dir) {
			if n, ok := limit(filepath.Join(folder, dir, file)); ok {
				out = append(out, n)
			}
			if dir == "/" {
				break
			}
		}
	}
	return out
}

// limit reads a number from a file; "max" and what is not there are none.
func limit(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < math.MaxInt64/2
}
