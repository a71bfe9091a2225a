//go:build unix

package target

import (
	"os"
	"syscall"
)

// lockFile keeps other writers of this file out, in this process and in others,
// until it is closed.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
