package kv_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// lifetimes are what a folder went through before it is damaged: how often it
// was opened and written, and whether the last time ended by a kill.
var lifetimes = []struct {
	opened int
	killed bool
}{{1, false}, {1, true}, {3, false}, {3, true}}

// usedFolder returns a file system with a folder that was opened some times, a
// copy of it as it was one time before, and the last commit in it that was
// acknowledged and noted in the watermark.
func usedFolder(t *testing.T, opened int, killed bool) (now, before *vfs.MemFS, last uint64) {
	t.Helper()
	var l ledger
	now = vfs.NewMem()
	for i := range opened {
		before = cloneFolder(t, now)
		s, err := kv.Open("data", kv.Options{FS: now})
		if err != nil {
			t.Fatal(err)
		}
		for range 500 {
			if err := l.write(s, 7); err != nil {
				t.Fatal(err)
			}
		}
		if i == opened-1 && killed {
			synctest.Test(t, func(t *testing.T) { // until the watermark is written
				ctx, cancel := context.WithTimeout(t.Context(), 1500e6)
				defer cancel()
				if err := s.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			killedFS := cloneFolder(t, now)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			now = killedFS
		} else if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return now, before, l.acked.Load()
}

// cloneFolder returns a file system with a copy of the folder.
func cloneFolder(t *testing.T, fs *vfs.MemFS) *vfs.MemFS {
	t.Helper()
	out := vfs.NewMem()
	if _, err := vfs.Clone(fs, out, "data", "data", vfs.CloneSync); err != nil {
		t.Fatal(err)
	}
	return out
}

// folderFiles returns the files of the folder, with their path.
func folderFiles(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"data", "data/store"} {
		names, err := fs.List(dir)
		if err != nil {
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			if info, err := fs.Stat(dir + "/" + name); err == nil && !info.IsDir() {
				out = append(out, dir+"/"+name)
			}
		}
	}
	return out
}

// A mishap is what careless people and tools do to one file of a folder. It
// returns false where the file lends itself to no such thing.
type mishap func(t *testing.T, fs, before vfs.FS, file string) bool

var mishaps = map[string]mishap{
	"removed": func(t *testing.T, fs, _ vfs.FS, file string) bool {
		if err := fs.Remove(file); err != nil {
			t.Fatal(err)
		}
		return true
	},
	"emptied": func(t *testing.T, fs, _ vfs.FS, file string) bool {
		if len(readFile(t, fs, file)) == 0 {
			return false
		}
		writeFile(t, fs, file, nil)
		return true
	},
	"cut in half": func(t *testing.T, fs, _ vfs.FS, file string) bool {
		content := readFile(t, fs, file)
		if len(content) < 2 {
			return false
		}
		writeFile(t, fs, file, content[:len(content)/2])
		return true
	},
	"replaced by another of its kind": func(t *testing.T, fs, _ vfs.FS, file string) bool {
		for _, other := range folderFiles(t, fs) {
			if other != file && path.Ext(other) == path.Ext(file) && kindOf(other) == kindOf(file) {
				writeFile(t, fs, file, readFile(t, fs, other))
				return true
			}
		}
		return false
	},
	"taken from an older copy": func(t *testing.T, fs, before vfs.FS, file string) bool {
		if _, err := before.Stat(file); err != nil {
			return false
		}
		old := readFile(t, before, file)
		if string(old) == string(readFile(t, fs, file)) {
			return false
		}
		writeFile(t, fs, file, old)
		return true
	},
}

// kindOf returns the name of a file without its number.
func kindOf(file string) string { return strings.Trim(path.Base(file), "0123456789.-") }

// P7: whatever happened to one file of a folder that was stopped, cleanly or by
// a kill, it opens with all that was acknowledged, or not at all; then the error
// says that it is damaged, or older than what was acknowledged, and names a file.
func TestEveryFileOfAFolder(t *testing.T) {
	for _, life := range lifetimes {
		t.Run(fmt.Sprintf("opened %d killed %t", life.opened, life.killed), func(t *testing.T) {
			now, before, last := usedFolder(t, life.opened, life.killed)
			for _, file := range folderFiles(t, now) {
				for name, do := range mishaps {
					fs := cloneFolder(t, now)
					if !do(t, fs, before, file) {
						continue
					}
					if err := judge(fs, file, last); err != nil {
						t.Errorf("%s %s: %v", file, name, err)
					}
				}
			}
		})
	}
}

// judge returns an error unless the folder opens with the commits up to last, or
// is refused as it should be.
func judge(fs vfs.FS, file string, last uint64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var fatal error
	s, err := kv.Open("data", kv.Options{FS: fs, Fatal: func(e error) { fatal = e }})
	switch {
	case errors.Is(err, kv.ErrCorrupt), errors.Is(err, kv.ErrBehindWatermark):
		if !strings.Contains(err.Error(), known(file)) {
			return fmt.Errorf("the refusal names another file: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("the refusal is of the wrong kind: %w", err)
	}
	defer s.Close()
	err = checkPrefix(s, last)
	if errors.Is(err, kv.ErrCorrupt) && strings.Contains(err.Error(), known(file)) {
		return nil // the read that met it says so
	}
	return errors.Join(err, fatal)
}

// known returns what of a file's name can be known once it is gone: of a marker,
// its kind.
func known(file string) string {
	if name, _, ok := strings.Cut(path.Base(file), ".0"); ok && strings.HasPrefix(name, "marker.") {
		return name
	}
	return path.Base(file)
}

// P7: a folder that was deleted takes no further commit: what is acknowledged
// would be gone with the process.
func TestFolderDeletedUnderAStore(t *testing.T) {
	dir := t.TempDir() + "/data"
	var fatal error
	s, err := kv.Open(dir, kv.Options{Fatal: func(err error) { fatal = err }})
	if err != nil {
		t.Fatal(err)
	}
	kvtest.Put(t, s, "k", "v")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var l ledger
	for begin := time.Now(); err == nil && time.Since(begin) < 10*time.Second; {
		err = l.write(s, 1) // a few may come within the time that a look is trusted for
	}
	if !errors.Is(err, os.ErrNotExist) || fatal == nil || !strings.Contains(fatal.Error(), dir+" was deleted") {
		t.Errorf("%v, fatal %v", err, fatal)
	}
	_ = s.Close() // there is nothing to write to
}
