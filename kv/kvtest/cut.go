package kvtest

import (
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A CutFS passes operations on to another file system and calls a function at one
// point between them, at which a test takes what a power loss would leave. Each
// operation that changes the file system is a point, and the end of each sync.
// A write is a point after a part of its bytes.
type CutFS struct {
	vfs.FS
	cut  func()
	left atomic.Int64 // points until the cut; never reached below 1
}

// NewCutFS returns a file system over fs whose Arm calls cut. Operations of other
// goroutines may go on meanwhile.
func NewCutFS(fs vfs.FS, cut func()) *CutFS { return &CutFS{FS: fs, cut: cut} }

// Arm makes the nth point from now, counted from 1, the one at which cut is called.
func (c *CutFS) Arm(n int) { c.left.Store(int64(n)) }

// due passes a point and reports whether it is the one.
func (c *CutFS) due() bool { return c.left.Add(-1) == 0 }

func (c *CutFS) point() {
	if c.due() {
		c.cut()
	}
}

// Create implements vfs.FS.
func (c *CutFS) Create(name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	c.point()
	return c.wrap(c.FS.Create(name, cat))
}

// Link implements vfs.FS.
func (c *CutFS) Link(old, name string) error {
	c.point()
	return c.FS.Link(old, name)
}

// OpenReadWrite implements vfs.FS.
func (c *CutFS) OpenReadWrite(name string, cat vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	c.point()
	return c.wrap(c.FS.OpenReadWrite(name, cat, o...))
}

// OpenDir implements vfs.FS.
func (c *CutFS) OpenDir(name string) (vfs.File, error) { return c.wrap(c.FS.OpenDir(name)) }

// Remove implements vfs.FS.
func (c *CutFS) Remove(name string) error {
	c.point()
	return c.FS.Remove(name)
}

// RemoveAll implements vfs.FS.
func (c *CutFS) RemoveAll(name string) error {
	c.point()
	return c.FS.RemoveAll(name)
}

// Rename implements vfs.FS.
func (c *CutFS) Rename(old, name string) error {
	c.point()
	return c.FS.Rename(old, name)
}

// ReuseForWrite implements vfs.FS.
func (c *CutFS) ReuseForWrite(old, name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	c.point()
	return c.wrap(c.FS.ReuseForWrite(old, name, cat))
}

// MkdirAll implements vfs.FS.
func (c *CutFS) MkdirAll(dir string, perm os.FileMode) error {
	c.point()
	return c.FS.MkdirAll(dir, perm)
}

// Unwrap implements vfs.FS.
func (c *CutFS) Unwrap() vfs.FS { return c.FS }

func (c *CutFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &cutFile{f, c}, nil
}

// A cutFile is a file of a CutFS that may be written.
type cutFile struct {
	vfs.File
	fs *CutFS
}

func (f *cutFile) Write(p []byte) (int, error) {
	if !f.fs.due() {
		return f.File.Write(p)
	}
	torn := (len(p)*2 + 1) / 3
	n, err := f.File.Write(p[:torn])
	f.fs.cut()
	if err != nil {
		return n, err
	}
	m, err := f.File.Write(p[torn:])
	return n + m, err
}

func (f *cutFile) WriteAt(p []byte, off int64) (int, error) {
	if !f.fs.due() {
		return f.File.WriteAt(p, off)
	}
	torn := (len(p)*2 + 1) / 3
	n, err := f.File.WriteAt(p[:torn], off)
	f.fs.cut()
	if err != nil {
		return n, err
	}
	m, err := f.File.WriteAt(p[torn:], off+int64(torn))
	return n + m, err
}

func (f *cutFile) Sync() error {
	f.fs.point()
	err := f.File.Sync()
	f.fs.point()
	return err
}

func (f *cutFile) SyncData() error {
	f.fs.point()
	err := f.File.SyncData()
	f.fs.point()
	return err
}

func (f *cutFile) SyncTo(length int64) (bool, error) {
	f.fs.point()
	full, err := f.File.SyncTo(length)
	f.fs.point()
	return full, err
}
