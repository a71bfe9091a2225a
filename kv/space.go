package kv

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// space is what is known of the disk's free space. A failed write of Pebble's
// background work is retried without end while writers hang, and a failed write
// of the log ends the process, so batches are refused before the disk is full.
type space struct {
	free atomic.Uint64
	full atomic.Bool // free < MinFreeBytes: ordinary batches are refused
	out  atomic.Bool // free < outBytes: all batches are

	mu        sync.Mutex // held while sampling
	noBallast bool       // the file system could not reserve it; guarded by mu
}

// admit decides whether a batch may enter the log.
func (s *Store) admit(b *Batch) error {
	if s.unsampled.Load() > s.sampleBytes() {
		s.sample()
	}
	if s.space.full.Load() && (!b.reserve || s.space.out.Load()) {
		return fmt.Errorf("%w: %d MiB free, %d MiB must stay free", ErrDiskFull, s.space.free.Load()>>20, s.opts.MinFreeBytes>>20)
	}
	return nil
}

// sampleBytes is how much may be written between two samples. Merging may take
// a few times that from the disk before the next sample.
func (s *Store) sampleBytes() int64 { return int64(min(16<<20, s.opts.MinFreeBytes/16)) }

// outBytes is the free space that even the reserve leaves alone: Pebble must be
// able to flush, or the store could not be opened again.
func (s *Store) outBytes() uint64 { return s.opts.MinFreeBytes / 8 }

// sample reads the free space, and lets the ballast go or takes it back. A file
// system that cannot tell never is full. While another goroutine samples, it
// does nothing.
func (s *Store) sample() {
	if !s.space.mu.TryLock() {
		return
	}
	defer s.space.mu.Unlock()
	s.unsampled.Store(0)
	free, ok := s.readFree()
	if !ok {
		return
	}
	if s.balanceLocked(free) {
		free, _ = s.readFree()
	}
	s.space.free.Store(free)
	s.space.out.Store(free < s.outBytes())
	full := free < s.opts.MinFreeBytes
	if s.space.full.Swap(full) != full {
		s.opts.Logger.Warn("kv: admission changed", "refusing", full, "freeMiB", free>>20)
	}
}

func (s *Store) readFree() (uint64, bool) {
	usage, err := s.opts.FS.GetDiskUsage(s.dir)
	return usage.AvailBytes, err == nil
}
