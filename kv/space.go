package kv

import (
	"fmt"
	"sync/atomic"
)

// space is what is known of the disk's free space. A failed write of Pebble's
// background work is retried without end while writers hang, so ordinary
// batches are refused before the disk is full.
type space struct {
	free atomic.Uint64
	full atomic.Bool
}

// sampleBytes is how much may be written between two samples.
const sampleBytes = 16 << 20

// admit decides whether a batch may enter the log.
func (s *Store) admit(b *Batch) error {
	if s.unsampled.Load() > sampleBytes {
		s.sample()
	}
	if s.space.full.Load() && !b.reserve {
		return fmt.Errorf("%w: %d MiB free, %d MiB must stay free", ErrDiskFull, s.space.free.Load()>>20, s.opts.MinFreeBytes>>20)
	}
	return nil
}

// sample reads the free space. A file system that cannot tell never is full.
func (s *Store) sample() {
	s.unsampled.Store(0)
	usage, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return
	}
	s.space.free.Store(usage.AvailBytes)
	full := usage.AvailBytes < s.opts.MinFreeBytes
	if s.space.full.Swap(full) != full {
		s.opts.Logger.Warn("kv: admission changed", "refusing", full, "freeMiB", usage.AvailBytes>>20)
	}
}
