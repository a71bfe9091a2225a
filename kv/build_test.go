package kv_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// A lockFS calls a function around its first Lock in a folder of an unfinished copy.
type lockFS struct {
	vfs.FS
	locks         int
	before, after func(dir string)
}

func (f *lockFS) Lock(name string) (io.Closer, error) {
	dir, ok := strings.CutSuffix(name, ".partial/LOCK")
	if !ok {
		return f.FS.Lock(name)
	}
	f.locks++
	if f.locks == 1 && f.before != nil {
		f.before(dir + ".partial")
	}
	l, err := f.FS.Lock(name)
	if f.locks == 1 && f.after != nil {
		f.after(dir + ".partial")
	}
	return l, err
}

// Whoever finishes a copy takes its folder away, at whatever moment another call of
// Build looks for the lock. A lock of a folder that is gone keeps nobody out, so it is
// not used, also when a third one has made the folder anew.
func TestBuildWhileAnotherEnds(t *testing.T) {
	removed := func(t *testing.T) func(string) {
		return func(dir string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	}
	remade := func(t *testing.T) func(string) {
		return func(dir string) {
			removed(t)(dir)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "LOCK"), nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name          string
		before, after func(dir string)
	}{
		{"gone before the lock", removed(t), nil},
		{"gone after the lock", nil, removed(t)},
		{"made anew before the lock", remade(t), nil},
		{"made anew after the lock", nil, remade(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := &lockFS{FS: vfs.Default, before: c.before, after: c.after}
			parent := t.TempDir()
			s := kvtest.Open(t, filepath.Join(parent, "data"), kv.Options{FS: fs})
			kvtest.Put(t, s, "k", "v")
			if err := s.Checkpoint(t.Context(), filepath.Join(parent, "copy")); err != nil {
				t.Fatal(err)
			}
			if fs.locks != 2 {
				t.Errorf("the lock was taken %d times", fs.locks)
			}
			names, err := fs.List(parent)
			if err != nil || len(names) != 2 {
				t.Errorf("%v is left, %v", names, err)
			}
		})
	}
}

// A copy cannot have the name in which another one is made: that would be deleted
// together with what is in it.
func TestBuildOverUnfinishedName(t *testing.T) {
	fs := vfs.NewMem()
	s := kvtest.Open(t, "data", kv.Options{FS: fs})
	kvtest.Put(t, s, "k", "v")
	for _, name := range []string{"copy.partial", "copy.partial/"} {
		if err := s.Checkpoint(t.Context(), name); !errors.Is(err, kv.ErrBuilding) || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// P8: a disk for copies that fails ends no store: the copy is not made, and no name
// of it is left.
func TestCheckpointToFailingDisk(t *testing.T) {
	for at := 1; ; at++ {
		fs := vfs.NewMem()
		syncs := 0
		broken := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind != errorfs.OpFileSync && op.Kind != errorfs.OpFileSyncData || !strings.HasPrefix(op.Path, "backups") {
				return nil
			}
			if syncs++; syncs == at {
				return syscall.EIO
			}
			return nil
		})
		s := kvtest.Open(t, "data", kv.Options{FS: errorfs.Wrap(fs, broken), Fatal: func(err error) { t.Errorf("sync %d: the store ends: %v", at, err) }})
		kvtest.Put(t, s, "k", "v")
		err := s.Checkpoint(t.Context(), "backups/copy")
		_, left := fs.Stat("backups/copy")
		if syncs < at {
			if err != nil || left != nil {
				t.Errorf("no sync failed: %v, %v", err, left)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) || !errors.Is(left, os.ErrNotExist) {
			t.Errorf("sync %d: %v; the copy: %v", at, err, left)
		}
		kvtest.Put(t, s, "k", "w")
	}
}
