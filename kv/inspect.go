package kv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/fsck"
)

// An Inspection is a folder that Inspect opened to be read. It implements Reader,
// and holds the folder's lock until Close.
type Inspection struct {
	db    *pebble.DB
	cache *pebble.Cache
	lock  io.Closer
}

// Inspect checks all files of the folder dir, every checksum included, reports
// what is wrong, and opens the folder as its last commit left it. It changes
// nothing there. Where the store cannot be opened, it reports what can be saved,
// and opens the folder without what is damaged or missing if that is possible;
// otherwise the result is nil. Errors: ErrLocked, ErrNewerFormat, os.ErrNotExist if
// dir is no data folder, or what the file system says. Of o it uses FS, Logger and
// CacheBytes.
func Inspect(dir string, o Options, r *fsck.Report) (*Inspection, error) {
	o = o.withDefaults()
	fs := o.FS
	if err := checkDataFolder(fs, dir); err != nil {
		return nil, err
	}
	lock, err := lockFolder(fs, dir)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		lock, err = io.NopCloser(nil), nil // a copy that nobody can write
	}
	if err != nil {
		return nil, err
	}
	c := &checker{fs: fs, dir: dir, store: fs.PathJoin(dir, "store"), report: r, view: readFS{FS: fs, ends: map[string]int64{}}}
	if err := c.files(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s := &Store{opts: o}
	db := c.open(s)
	i := &Inspection{db: db, cache: s.cache, lock: lock}
	c.tables(db)
	if db == nil {
		return nil, i.Close()
	}
	c.counter(i)
	return i, nil
}

// checkDataFolder returns an error if no store was ever made in dir.
func checkDataFolder(fs vfs.FS, dir string) error {
	for _, name := range []string{"FORMAT", "WATERMARK", "INVENTORY", "store"} {
		if _, err := fs.Stat(fs.PathJoin(dir, name)); err == nil {
			return nil
		} else if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("kv: %w", err)
		}
	}
	return fmt.Errorf("kv: %s is no data folder: %w", dir, os.ErrNotExist)
}

// Close releases the folder.
func (i *Inspection) Close() error {
	var errs []error
	if i.db != nil {
		errs = append(errs, i.db.Close())
	}
	if i.cache != nil {
		i.cache.Unref()
	}
	return errors.Join(append(errs, i.lock.Close())...)
}

// Get implements Reader.
func (i *Inspection) Get(key []byte) ([]byte, error) { return get(i.db, key) }

// View implements Reader.
func (i *Inspection) View(key []byte, fn func(value []byte) error) error { return view(i.db, key, fn) }

// Scan implements Reader.
func (i *Inspection) Scan(r Range) *Iter { return scan(i.db, r) }

// Seq returns the number of the last commit that the folder holds.
func (i *Inspection) Seq() (uint64, error) { return readSeq(i) }

// A readFS is a folder as an Inspection reads it: nothing can be changed, markers
// that are missing seem to be there, and logs seem to end where they are damaged.
type readFS struct {
	vfs.FS
	markers []string         // names of markers that are missing
	ends    map[string]int64 // by name of a log: where it seems to end; 0 hides it
}

var errReadOnly = fmt.Errorf("kv: the folder is only read: %w", os.ErrPermission)

func (f *readFS) Unwrap() vfs.FS { return f.FS }

// List implements vfs.FS.
func (f *readFS) List(dir string) ([]string, error) {
	names, err := f.FS.List(dir)
	var out []string
	for _, name := range names {
		if end, cut := f.ends[name]; !cut || end > 0 {
			out = append(out, name)
		}
	}
	return append(out, f.markers...), err
}

// Open implements vfs.FS.
func (f *readFS) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.Open(name, o...)
	if end, cut := f.ends[f.PathBase(name)]; cut && err == nil {
		return &cutFile{File: file, left: end}, nil
	}
	return file, err
}

// Lock implements vfs.FS: the folder's own lock keeps others out.
func (f *readFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Create implements vfs.FS.
func (f *readFS) Create(string, vfs.DiskWriteCategory) (vfs.File, error) { return nil, errReadOnly }

// OpenReadWrite implements vfs.FS.
func (f *readFS) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return nil, errReadOnly
}

// ReuseForWrite implements vfs.FS.
func (f *readFS) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errReadOnly
}

// Link implements vfs.FS.
func (f *readFS) Link(string, string) error { return errReadOnly }

// Remove implements vfs.FS.
func (f *readFS) Remove(string) error { return errReadOnly }

// RemoveAll implements vfs.FS.
func (f *readFS) RemoveAll(string) error { return errReadOnly }

// Rename implements vfs.FS.
func (f *readFS) Rename(string, string) error { return errReadOnly }

// MkdirAll implements vfs.FS.
func (f *readFS) MkdirAll(string, os.FileMode) error { return nil }

// A cutFile is a file that is read one byte after another and ends early.
type cutFile struct {
	vfs.File
	left int64
}

func (f *cutFile) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n, err := f.File.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	return n, err
}

// open opens the store to be read. A store that cannot be opened as it is counts
// as a fault, and is opened without what is missing, if possible. The result is nil
// if nothing can be read. The caller releases the cache of s.
func (c *checker) open(s *Store) *pebble.DB {
	db, err := c.openPebble(s, true)
	if err == nil {
		return db
	}
	file, text := damagedFile(&c.view, c.store, err), err.Error()
	if !c.known(file) {
		c.report.FileFault(strings.TrimSuffix(file, ", "), -1, "the store cannot be opened: %s", text)
	}
	if db, err = c.openPebble(s, false); err == nil {
		c.report.Note("The store can be read without the files that are missing: what other files hold is walked below.")
		return db
	}
	c.report.Note("The store cannot be opened at all: restore the files that are named above, or the whole folder, from a backup.")
	return nil
}

// openPebble opens the store to be read. strict refuses one whose tables are missing
// or of another size.
func (c *checker) openPebble(s *Store, strict bool) (*pebble.DB, error) {
	if s.cache == nil {
		s.cache = pebble.NewCache(s.opts.CacheBytes)
	}
	db, err := pebble.Open(c.store, &pebble.Options{
		FS: &c.view, Cache: s.cache, ReadOnly: true, ErrorIfNotExists: true, DisableConsistencyCheck: !strict,
		Logger: &pebbleLogger{logger: s.opts.Logger, fatal: func(err error) { s.opts.Logger.Error("kv: inspection", "error", err) }},
	})
	return db, err
}
