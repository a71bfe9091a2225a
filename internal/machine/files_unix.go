//go:build unix

package machine

import (
	"math"
	"syscall"
)

// Files returns how many file descriptors the process may have open.
func Files() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(l.Cur)
}
