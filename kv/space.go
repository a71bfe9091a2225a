package kv

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// space is the state of the disk's free space. On a full disk Pebble would retry
// its background writes without end while writers hang, and a failed write of the
// log ends the process. So batches are refused before the disk is full.
type space struct {
	free atomic.Uint64
	full atomic.Bool // free < MinFreeBytes: ordinary batches are refused
	out  atomic.Bool // free < outBytes: all batches are refused

	mu        sync.Mutex // held while sampling
	noBallast bool       // the file system could not reserve it; guarded by mu
}

// admit decides whether a batch may enter the log.
func (s *Store) admit(b *Batch) error {
	// A burst of writes between two ticks of Run must not run into a full disk
	// unseen, so the bytes written are counted, too.
	if s.unsampled.Load() > s.sampleBytes() {
		s.sample()
	}
	if s.space.full.Load() && (!b.reserve || s.space.out.Load()) {
		return fmt.Errorf("%w: %d MiB free, %d MiB must stay free", ErrDiskFull, s.space.free.Load()>>20, s.opts.MinFreeBytes>>20)
	}
	return nil
}

// sampleBytes is how many bytes may be written between two samples. Compactions
// may take a few times that from the disk before the next sample.
func (s *Store) sampleBytes() int64 { return int64(min(16<<20, s.opts.MinFreeBytes/16)) }

// outBytes is the free space that even the reserve leaves alone: Pebble must be
// able to flush, or the store could not be opened again.
func (s *Store) outBytes() uint64 { return s.opts.MinFreeBytes / 8 }

// sample measures the free space, and removes or makes the ballast. A file system
// that cannot tell its free space counts as never full. While another goroutine
// samples, sample does nothing.
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
	// The ballast first: the space that its removal frees decides whether batches
	// with the reserve go on.
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
