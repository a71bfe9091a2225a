package powerfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options configure an FS.
type Options struct {
	// Root is the folder that exists and holds all others. Root with ".side" is the
	// side folder, whose content goes.
	Root string
	// Keep is the percentage of unsynced writes and names that reach the disk.
	Keep int
	// Seed is that of the choices what to keep.
	Seed uint64
	// KillAt is the operation that changes something, or the part of one, before which
	// the process is killed, counted from 1. The default never kills.
	KillAt int
}

// An FS keeps what is not synced in memory. Its methods may be called by many
// goroutines at once.
type FS struct {
	vfs.FS // for paths
	opts   Options
	side   string

	mu    sync.Mutex // held by each operation; guards all below and all nodes
	rand  *rand.Rand
	top   *node
	ops   int
	files int // numbered so far
}

// A node is a file or a folder.
type node struct {
	now, durable map[string]*node // of a folder: as processes see it, and on the disk
	data         []byte           // of a file, as processes see it
	lo, hi       int              // the part of data that is not synced
	side         string           // the name in the side folder; empty if nothing is on the disk
	at           *node            // of a folder: the one that holds it on the disk, under name
	name         string
}

// New returns the file system over what is on the disk.
func New(o Options) (*FS, error) {
	f := &FS{FS: vfs.Default, opts: o, side: o.Root + ".side", rand: rand.New(rand.NewPCG(o.Seed, 0))}
	if err := os.RemoveAll(f.side); err != nil {
		return nil, err
	}
	if err := os.Mkdir(f.side, 0o700); err != nil {
		return nil, err
	}
	f.top = newFolder()
	return f, f.load(f.top, o.Root)
}

func newFolder() *node { return &node{now: map[string]*node{}, durable: map[string]*node{}} }

// load reads a folder of the disk.
func (f *FS) load(to *node, path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		child := &node{}
		if e.IsDir() {
			child = newFolder()
			child.at, child.name = to, e.Name()
			err = f.load(child, name)
		} else {
			child.side = f.number()
			if child.data, err = os.ReadFile(name); err == nil {
				err = os.Link(name, child.side)
			}
		}
		if err != nil {
			return err
		}
		to.now[e.Name()], to.durable[e.Name()] = child, child
	}
	return nil
}

// number returns a new name in the side folder.
func (f *FS) number() string {
	f.files++
	return filepath.Join(f.side, fmt.Sprint(f.files))
}

// step counts a part of an operation, and kills the process before the one that
// was asked for.
func (f *FS) step() {
	f.ops++
	if f.ops == f.opts.KillAt {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// keeps decides whether something that was not synced reaches the disk.
func (f *FS) keeps() bool { return f.rand.IntN(100) < f.opts.Keep }

// find returns the folder that holds a name, the last part of the name, and what
// it names or nil. All are nil if the folder does not exist.
func (f *FS) find(name string) (parent *node, base string, found *node) {
	rel, err := filepath.Rel(f.opts.Root, name)
	if err != nil || strings.HasPrefix(rel, "..") {
		return nil, "", nil
	}
	if rel == "." {
		return nil, "", f.top
	}
	parts := strings.Split(rel, string(filepath.Separator))
	parent = f.top
	for _, p := range parts[:len(parts)-1] {
		if parent = parent.now[p]; parent == nil {
			return nil, "", nil
		}
	}
	base = parts[len(parts)-1]
	return parent, base, parent.now[base]
}

func missing(op, name string) error { return &os.PathError{Op: op, Path: name, Err: os.ErrNotExist} }

// change gives a name in a folder another meaning, nil for none.
func (f *FS) change(parent *node, base string, to *node) error {
	if to == nil {
		delete(parent.now, base)
	} else {
		parent.now[base] = to
	}
	if f.keeps() {
		return f.syncName(parent, base)
	}
	return nil
}

// path returns where a folder is on the disk.
func (f *FS) path(n *node) string {
	switch {
	case n == f.top:
		return f.opts.Root
	case n.at == nil:
		return n.side
	}
	return filepath.Join(f.path(n.at), n.name)
}

// syncName makes the disk say what a name in a folder means.
func (f *FS) syncName(parent *node, base string) error {
	was, is := parent.durable[base], parent.now[base]
	if was == is {
		return nil
	}
	f.step()
	if err := f.ensure(parent); err != nil {
		return err
	}
	name := filepath.Join(f.path(parent), base)
	if is == nil {
		delete(parent.durable, base)
		if was.now == nil {
			return os.Remove(name)
		}
		was.at, was.side = nil, f.number()
		return os.Rename(name, was.side)
	}
	if err := f.ensure(is); err != nil {
		return err
	}
	parent.durable[base] = is
	if is.now != nil {
		from := f.path(is)
		if is.at != nil {
			delete(is.at.durable, is.name)
		}
		is.at, is.name = parent, base
		return os.Rename(from, name)
	}
	// A rename replaces what had the name at one moment.
	link := f.number()
	if err := os.Link(is.side, link); err != nil {
		return err
	}
	return os.Rename(link, name)
}

// ensure gives a node a place on the disk.
func (f *FS) ensure(n *node) error {
	if n.side != "" || n.at != nil || n == f.top {
		return nil
	}
	n.side = f.number()
	if n.now != nil {
		return os.Mkdir(n.side, 0o700)
	}
	return os.WriteFile(n.side, nil, 0o600)
}

// flush writes a part of a file's data to the disk, in two halves.
func (f *FS) flush(n *node, lo, hi int) error {
	if err := f.ensure(n); err != nil || lo >= hi {
		return err
	}
	file, err := os.OpenFile(n.side, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	half := lo + f.rand.IntN(hi-lo)
	if _, err := file.WriteAt(n.data[lo:half], int64(lo)); err != nil {
		return err
	}
	f.step()
	_, err = file.WriteAt(n.data[half:hi], int64(half))
	return err
}

// sync makes a file's bytes, or a folder's names, durable.
func (f *FS) sync(n *node) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.step()
	if n.now == nil {
		err := f.flush(n, n.lo, n.hi)
		n.lo, n.hi = 0, 0
		return err
	}
	// New names first, so that what is renamed keeps one of its two.
	names := slices.Collect(maps.Keys(n.now))
	f.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, base := range append(names, slices.Collect(maps.Keys(n.durable))...) {
		if err := f.syncName(n, base); err != nil {
			return err
		}
	}
	return nil
}
