package kv

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A storeFS is the file system as Pebble sees it. It counts fsyncs of log
// files, tells the inventory which files come and go, and makes the name of a
// manifest durable as soon as the file exists: Pebble makes it durable together
// with the marker that points to it, and a power loss in between may keep the
// marker alone. When a folder cannot be synced, for which Pebble would panic, it ends
// the store, or if it is that of a checkpoint, the checkpoint.
type storeFS struct {
	vfs.FS
	dir   string // of the store
	n     *atomic.Uint64
	kept  *inventory // nil while the store is made
	fatal func(error)

	opening    atomic.Bool           // pebble.Open runs
	tables     atomic.Bool           // a table was made
	copyFailed atomic.Pointer[error] // why the folder of a checkpoint was not synced
}

// opened passes an error on, unless pebble.Open has made tables of a log: it would
// fail and free what its goroutines still use, who read those tables. The process
// ends instead.
func (c *storeFS) opened(err error) error {
	if err != nil && c.opening.Load() && c.tables.Load() && !errors.Is(err, os.ErrNotExist) {
		c.fatal(fmt.Errorf("kv: open: %w", err))
	}
	return err
}

func (c *storeFS) Rename(old, name string) error { return c.opened(c.FS.Rename(old, name)) }

func (c *storeFS) List(dir string) ([]string, error) {
	names, err := c.FS.List(dir)
	return names, c.opened(err)
}

func (c *storeFS) Unwrap() vfs.FS { return c.FS }

func (c *storeFS) Create(name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, cat)
	if err == nil && isManifest(c.PathBase(name)) {
		err = syncDir(c.FS, c.PathDir(name))
	}
	return c.wrap(name, f, err)
}

func (c *storeFS) OpenDir(name string) (vfs.File, error) {
	f, err := c.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &folderFile{f, c, name == c.dir}, nil
}

func (c *storeFS) ReuseForWrite(old, name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	if isLog(old) && c.ours(old) {
		if err := c.kept.logGone(c.PathBase(old)); err != nil {
			return nil, c.nextLog(name, err)
		}
	}
	f, err := c.FS.ReuseForWrite(old, name, cat)
	return c.wrap(name, f, err)
}

func (c *storeFS) Remove(name string) error {
	switch base := c.PathBase(name); {
	case !c.ours(name):
	case isLog(base):
		if err := c.kept.logGone(base); err != nil {
			return err
		}
	case isTable(base):
		c.kept.tableGone(base)
	case strings.HasPrefix(base, manifestMarker):
		// Pebble has made the next marker and syncs the folder once this one is gone. A
		// power loss before that could leave this one alone, or none.
		if err := syncDir(c.FS, c.PathDir(name)); err != nil {
			return err
		}
		c.kept.manifestCurrent()
	}
	return c.FS.Remove(name)
}

// ours reports whether a file is in the store's folder: Pebble makes checkpoints
// in others.
func (c *storeFS) ours(name string) bool { return c.kept != nil && c.PathDir(name) == c.kept.dir }

// nextLog passes an error on, unless the log of an open store cannot go on in another
// file: Pebble would panic, and the process ends instead (P7).
func (c *storeFS) nextLog(name string, err error) error {
	if err != nil && isLog(c.PathBase(name)) && c.ours(name) && !c.opening.Load() {
		c.fatal(fmt.Errorf("kv: the next log: %w", err))
	}
	return err
}

// wrap watches a file that was just made.
func (c *storeFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return f, c.opened(c.nextLog(name, err))
	}
	switch base := c.PathBase(name); {
	case isLog(base):
		if c.ours(name) {
			err = c.opened(c.nextLog(name, c.kept.logAdded(base)))
		}
		return &logFile{f, c.n}, err
	case strings.HasSuffix(base, ".dbtmp"): // the options, which pebble.Open writes last
		return &optionsFile{f, c}, nil
	case !c.ours(name):
	case isManifest(base):
		return &manifestFile{File: f, name: base, kept: c.kept}, nil
	case isTable(base):
		c.tables.Store(true)
		return &tableFile{f, base, c.kept}, nil
	}
	return f, nil
}

func isLog(name string) bool      { return strings.HasSuffix(name, ".log") }
func isTable(name string) bool    { return strings.HasSuffix(name, ".sst") }
func isManifest(name string) bool { return strings.HasPrefix(name, "MANIFEST-") }

// A folderFile is the store's folder, or that of a checkpoint.
type folderFile struct {
	vfs.File
	fs  *storeFS
	own bool
}

func (f *folderFile) Sync() error {
	err := f.File.Sync()
	switch {
	case err == nil:
		return nil
	case f.own:
		f.fs.fatal(fmt.Errorf("kv: sync of a folder: %w", err))
		return err
	default:
		f.fs.copyFailed.Store(&err)
		return nil // Pebble goes on, and copyTo fails
	}
}

// An optionsFile is written while pebble.Open runs.
type optionsFile struct {
	vfs.File
	fs *storeFS
}

func (f *optionsFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.fs.opened(err)
}

func (f *optionsFile) Sync() error { return f.fs.opened(f.File.Sync()) }

// A logFile counts fsyncs.
type logFile struct {
	vfs.File
	n *atomic.Uint64
}

func (f *logFile) Sync() error {
	f.n.Add(1)
	return f.File.Sync()
}

func (f *logFile) SyncData() error {
	f.n.Add(1)
	return f.File.SyncData()
}

func (f *logFile) SyncTo(length int64) (bool, error) {
	f.n.Add(1)
	return f.File.SyncTo(length)
}

// A manifestFile sums what is written, and tells the inventory what is synced.
type manifestFile struct {
	vfs.File
	name string
	size int64
	crc  uint32
	kept *inventory
}

func (f *manifestFile) Write(p []byte) (int, error) {
	// Before the write, which may change p. A write that fails ends the store.
	f.size += int64(len(p))
	f.crc = crc32.Update(f.crc, castagnoli, p)
	return f.File.Write(p)
}

func (f *manifestFile) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	f.kept.manifestSynced(sum{f.name, f.size, f.crc})
	return nil
}

// A tableFile tells the inventory when it is closed.
type tableFile struct {
	vfs.File
	name string
	kept *inventory
}

func (f *tableFile) Close() error {
	if err := f.File.Close(); err != nil {
		return err
	}
	f.kept.tableWritten(f.name)
	return nil
}
