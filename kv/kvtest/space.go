package kvtest

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A SpaceFS passes everything on to another file system, but lies about its
// free space. Nothing it stores takes space away.
type SpaceFS struct {
	vfs.FS
	free atomic.Uint64
}

// NewSpaceFS returns a file system over fs with free bytes of free space.
func NewSpaceFS(fs vfs.FS, free uint64) *SpaceFS {
	s := &SpaceFS{FS: fs}
	s.free.Store(free)
	return s
}

// SetFree changes the free space.
func (s *SpaceFS) SetFree(bytes uint64) { s.free.Store(bytes) }

// GetDiskUsage implements vfs.FS.
func (s *SpaceFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	free := s.free.Load()
	return vfs.DiskUsage{AvailBytes: free, TotalBytes: 1 << 40, UsedBytes: 1<<40 - free}, nil
}

// Unwrap implements vfs.FS.
func (s *SpaceFS) Unwrap() vfs.FS { return s.FS }
