package kv

import (
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A storeFS is the file system as Pebble sees it. It counts fsyncs of log
// files, and makes the name of a manifest durable as soon as the file exists:
// Pebble makes it durable together with the marker that points to it, and a
// power loss in between may keep the marker alone.
type storeFS struct {
	vfs.FS
	n *atomic.Uint64
}

func (c *storeFS) Unwrap() vfs.FS { return c.FS }

func (c *storeFS) Create(name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, cat)
	if err == nil && strings.HasPrefix(c.PathBase(name), "MANIFEST-") {
		err = syncDir(c.FS, c.PathDir(name))
	}
	return c.wrap(name, f), err
}

func (c *storeFS) ReuseForWrite(old, name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.ReuseForWrite(old, name, cat)
	return c.wrap(name, f), err
}

func (c *storeFS) wrap(name string, f vfs.File) vfs.File {
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
