package kv

import (
	"errors"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// balanceLocked removes the ballast when the disk runs out of space, and makes it
// again when there is room. The ballast is a file of reserved, unused blocks:
// other programs can fill the disk, too, and its removal then gives deliveries,
// cursors and compactions room to go on. balanceLocked reports whether the free
// space changed. The caller holds space.mu.
func (s *Store) balanceLocked(free uint64) bool {
	fs, name := s.opts.FS, s.opts.FS.PathJoin(s.dir, "BALLAST")
	size := s.opts.MinFreeBytes / 4
	_, err := fs.Stat(name)
	exists := !errors.Is(err, os.ErrNotExist)
	switch {
	case exists && free < s.outBytes():
		err := fs.Remove(name)
		s.opts.Logger.Warn("kv: ballast removed", "freeMiB", free>>20, "error", err)
		return true
	case !exists && !s.space.noBallast && free >= s.opts.MinFreeBytes+2*size:
		if err := makeBallast(fs, name, int64(size)); err != nil {
			s.space.noBallast = true
			s.opts.Logger.Warn("kv: no ballast", "error", errors.Join(err, fs.Remove(name)))
		}
		return true
	}
	return false
}

func makeBallast(fs vfs.FS, name string, size int64) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return errors.Join(f.Preallocate(0, size), f.Sync(), f.Close())
}
