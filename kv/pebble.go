package kv

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// openPebble opens the store below the folder, in Pebble's newest format: in
// older ones a single flipped bit of the log silently drops synced commits.
func (s *Store) openPebble() (*pebble.DB, error) {
	s.cache = pebble.NewCache(s.opts.CacheBytes)
	log := &pebbleLogger{logger: s.opts.Logger, fatal: s.fatal}
	o := &pebble.Options{
		FS:                          countSyncs(s.opts.FS, s.syncs),
		Cache:                       s.cache,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      log,
		EventListener:               log.listener(),
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		MemTableSize:                16 << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                1000,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	dir := s.opts.FS.PathJoin(s.dir, "store")
	db, err := pebble.Open(dir, o)
	switch {
	case err == nil:
		return db, nil
	case pebble.IsCorruptionError(err):
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, dir, err)
	case errors.Is(err, pebble.ErrClosed):
		return nil, ErrClosed
	default:
		return nil, fmt.Errorf("kv: open %s: %w", dir, err)
	}
}

// countSyncs wraps a file system so that fsyncs of log files are counted.
func countSyncs(fs vfs.FS, n *atomic.Uint64) vfs.FS { return &countingFS{fs, n} }

type countingFS struct {
	vfs.FS
	n *atomic.Uint64
}

func (c *countingFS) Unwrap() vfs.FS { return c.FS }

func (c *countingFS) Create(name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, cat)
	return c.wrap(name, f), err
}

func (c *countingFS) ReuseForWrite(old, name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.ReuseForWrite(old, name, cat)
	return c.wrap(name, f), err
}

func (c *countingFS) wrap(name string, f vfs.File) vfs.File {
	if f == nil || !strings.HasSuffix(name, ".log") {
		return f
	}
	return &countingFile{f, c.n}
}

type countingFile struct {
	vfs.File
	n *atomic.Uint64
}

func (f *countingFile) Sync() error {
	f.n.Add(1)
	return f.File.Sync()
}

func (f *countingFile) SyncData() error {
	f.n.Add(1)
	return f.File.SyncData()
}

func (f *countingFile) SyncTo(length int64) (bool, error) {
	f.n.Add(1)
	return f.File.SyncTo(length)
}
