package powerfs

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Create implements vfs.FS.
func (f *FS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.step()
	parent, base, _ := f.find(name)
	if parent == nil {
		return nil, missing("create", name)
	}
	n := &node{}
	return &handle{fs: f, n: n, name: name}, f.change(parent, base, n)
}

// Open implements vfs.FS.
func (f *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _, n := f.find(name)
	if n == nil {
		return nil, missing("open", name)
	}
	h := &handle{fs: f, n: n, name: name}
	for _, o := range opts {
		o.Apply(h)
	}
	return h, nil
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if h, err := f.Open(name, opts...); err == nil {
		return h, nil
	}
	return f.Create(name, c)
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	if !f.has(name) {
		return f.FS.OpenDir(name)
	}
	return f.Open(name)
}

// has reports whether a name is below the root.
func (f *FS) has(name string) bool {
	return name == f.opts.Root || strings.HasPrefix(name, f.opts.Root+string(filepath.Separator))
}

// Link implements vfs.FS.
func (f *FS) Link(old, name string) error { return f.move("link", old, name, false) }

// Rename implements vfs.FS.
func (f *FS) Rename(old, name string) error { return f.move("rename", old, name, true) }

func (f *FS) move(op, old, name string, away bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.step()
	from, oldBase, n := f.find(old)
	to, base, there := f.find(name)
	switch {
	case n == nil || to == nil:
		return missing(op, old)
	case there != nil && !away:
		return &os.LinkError{Op: op, Old: old, New: name, Err: os.ErrExist}
	}
	err := f.change(to, base, n)
	if err == nil && away {
		err = f.change(from, oldBase, nil)
	}
	return err
}

// ReuseForWrite implements vfs.FS.
func (f *FS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.Rename(old, name); err != nil {
		return nil, err
	}
	return f.OpenReadWrite(name, c)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.step()
	parent, base, n := f.find(name)
	switch {
	case n == nil:
		return missing("remove", name)
	case len(n.now) > 0:
		return &os.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	return f.change(parent, base, nil)
}

// RemoveAll implements vfs.FS.
func (f *FS) RemoveAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.step()
	if parent, base, n := f.find(name); n != nil {
		return f.change(parent, base, nil)
	}
	return nil
}

// MkdirAll implements vfs.FS.
func (f *FS) MkdirAll(name string, perm os.FileMode) error {
	if !f.has(name) {
		return f.FS.MkdirAll(name, perm)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == f.opts.Root {
		return nil
	}
	f.step()
	rel, err := filepath.Rel(f.opts.Root, name)
	if err != nil {
		return err
	}
	at := f.top
	for _, part := range strings.Split(rel, string(filepath.Separator)) {
		if at.now[part] == nil {
			if err := f.change(at, part, newFolder()); err != nil {
				return err
			}
		}
		at = at.now[part]
	}
	return nil
}

// Lock implements vfs.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	parent, base, n := f.find(name)
	if parent == nil {
		return nil, missing("lock", name)
	}
	if n == nil {
		if err := f.change(parent, base, &node{}); err != nil {
			return nil, err
		}
	}
	return f.FS.Lock(filepath.Join(f.side, strings.ReplaceAll(name, string(filepath.Separator), "_")))
}

// List implements vfs.FS.
func (f *FS) List(name string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _, n := f.find(name)
	if n == nil {
		return nil, missing("list", name)
	}
	return slices.Collect(maps.Keys(n.now)), nil
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.FileInfo, error) {
	if !f.has(name) {
		return f.FS.Stat(name)
	}
	h, err := f.Open(name)
	if err != nil {
		return nil, missing("stat", name)
	}
	return h.Stat()
}

// GetDiskUsage implements vfs.FS.
func (f *FS) GetDiskUsage(string) (vfs.DiskUsage, error) { return f.FS.GetDiskUsage(f.opts.Root) }

// Unwrap implements vfs.FS.
func (f *FS) Unwrap() vfs.FS { return nil }

// A handle is an open file or folder.
type handle struct {
	fs   *FS
	n    *node
	name string
	at   int // where Read and Write go on; guarded by fs.mu
}

func (h *handle) Close() error                   { return nil }
func (h *handle) Prefetch(int64, int64) error    { return nil }
func (h *handle) Preallocate(int64, int64) error { return nil }
func (h *handle) Fd() uintptr                    { return vfs.InvalidFd }
func (h *handle) Sync() error                    { return h.fs.sync(h.n) }
func (h *handle) SyncData() error                { return h.fs.sync(h.n) }
func (h *handle) SyncTo(int64) (bool, error)     { return true, h.fs.sync(h.n) }

func (h *handle) Read(p []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	n, err := h.read(p, h.at)
	h.at += n
	if n > 0 {
		err = nil
	}
	return n, err
}

func (h *handle) ReadAt(p []byte, at int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return h.read(p, int(at))
}

func (h *handle) read(p []byte, at int) (int, error) {
	if at >= len(h.n.data) {
		return 0, io.EOF
	}
	n := copy(p, h.n.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) Write(p []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	at := h.at
	h.at += len(p)
	return h.write(p, at)
}

func (h *handle) WriteAt(p []byte, at int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return h.write(p, int(at))
}

func (h *handle) write(p []byte, at int) (int, error) {
	h.fs.step()
	n, end := h.n, at+len(p)
	if grow := end - len(n.data); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
	}
	copy(n.data[at:], p)
	if n.lo == n.hi {
		n.lo, n.hi = at, at
	}
	n.lo, n.hi = min(n.lo, at), max(n.hi, end)
	if len(p) > 0 && h.fs.keeps() {
		return len(p), h.fs.flush(n, at, end)
	}
	return len(p), nil
}

func (h *handle) Stat() (vfs.FileInfo, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return &info{filepath.Base(h.name), int64(len(h.n.data)), h.n.now != nil}, nil
}

// info describes a node.
type info struct {
	name   string
	size   int64
	folder bool
}

func (i *info) Name() string           { return i.name }
func (i *info) Size() int64            { return i.size }
func (i *info) IsDir() bool            { return i.folder }
func (i *info) ModTime() time.Time     { return time.Time{} }
func (i *info) Sys() any               { return nil }
func (i *info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }

func (i *info) Mode() os.FileMode {
	if i.folder {
		return os.ModeDir | 0o700
	}
	return 0o600
}
