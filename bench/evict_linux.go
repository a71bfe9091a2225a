package main

import (
	"fmt"
	"os"
	"syscall"
)

// dontNeed is POSIX_FADV_DONTNEED.
const dontNeed = 4

// evict takes a file that was just written out of the page cache. There it lies
// in large pieces, each of which counts as resident as soon as one byte of it is
// read; what is read from the disk lies in small ones.
func evict(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0); errno != 0 {
		return fmt.Errorf("evict %s: %w", path, errno)
	}
	return nil
}
