package kv_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// inspect returns the faults of a folder, one a line, and the last commit that can
// be read, 0 if the store cannot be opened.
func inspect(t *testing.T, fs vfs.FS) (faults string, last uint64) {
	t.Helper()
	before := contents(t, fs)
	r := &fsck.Report{}
	i, err := kv.Inspect("data", kv.Options{FS: fs}, r)
	if err != nil {
		t.Fatal(err)
	}
	if i != nil {
		if last, err = i.Seq(); err != nil {
			t.Error(err)
		}
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, content := range contents(t, fs) {
		if have, ok := before[name]; !ok && !strings.HasSuffix(name, "LOCK") || !slices.Equal(have, content) {
			t.Errorf("the inspection changed %s", name)
		}
		delete(before, name)
	}
	for name := range before {
		t.Errorf("the inspection removed %s", name)
	}
	some, _ := r.Faults()
	var lines []string
	for _, f := range some {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n"), last
}

func contents(t *testing.T, fs vfs.FS) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range folderFiles(t, fs) {
		out[name] = readFile(t, fs, name)
	}
	return out
}

// A folder as a node left it, or was killed over it, has no faults, and an
// inspection reads all that was acknowledged and changes nothing.
func TestInspectSoundFolder(t *testing.T) {
	for _, l := range lifetimes {
		fs, _, last := usedFolder(t, l.opened, l.killed)
		if faults, seq := inspect(t, fs); faults != "" || seq < last {
			t.Errorf("%+v: commit %d of %d; %s", l, seq, last, faults)
		}
	}
}

// Whatever happens to one file, the inspection names it, or the folder is as good
// as before.
func TestInspectNamesEachFile(t *testing.T) {
	for _, l := range lifetimes {
		sound, before, last := usedFolder(t, l.opened, l.killed)
		for name, happens := range mishaps {
			for _, file := range folderFiles(t, sound) {
				fs := cloneFolder(t, sound)
				if !happens(t, fs, before, file) {
					continue
				}
				faults, seq := inspect(t, fs)
				switch {
				case faults == "" && seq < last:
					t.Errorf("%+v: %s %s: commit %d of %d, and no fault", l, file, name, seq, last)
				case faults == "":
					opens(t, fs, file+" "+name)
				case !strings.Contains(faults, wildcard(file)):
					t.Errorf("%+v: %s %s is not named:\n%s", l, file, name, faults)
				}
			}
		}
	}
}

// Where Pebble refuses what it noted of a store's options, the error names that file.
func TestDamagedOptions(t *testing.T) {
	sound, _, _ := usedFolder(t, 1, true)
	files := folderFiles(t, sound)
	name := files[slices.IndexFunc(files, func(file string) bool { return strings.Contains(file, "OPTIONS-") })]
	for _, change := range [][2]string{{"comparer=l", "comparer=k"}, {"merger=p", "merger=q"}, {"wal_dir=", "wal_dir=x"}, {"[Options]", "Options]"}} {
		fs := cloneFolder(t, sound)
		text := strings.Replace(string(readFile(t, fs, name)), change[0], change[1], 1)
		if !strings.Contains(text, change[1]) {
			t.Fatalf("no %s in\n%s", change[0], text)
		}
		writeFile(t, fs, name, []byte(text))
		if _, err := kv.Open("data", kv.Options{FS: fs}); !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", change[1], err)
		}
		if faults, _ := inspect(t, fs); !strings.Contains(faults, name) {
			t.Errorf("%s: the check finds %s", change[1], faults)
		}
	}
}

// wildcard returns how a fault names a file: markers by how they begin.
func wildcard(file string) string {
	if i := strings.Index(file, "marker."); i >= 0 {
		return file[:i+len("marker.m")]
	}
	return file
}

// opens reports a folder that has no faults and cannot be opened all the same.
func opens(t *testing.T, fs vfs.FS, what string) {
	t.Helper()
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Errorf("%s: no fault, but %v", what, err)
		return
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A marker that is missing is named together with how to make it, and the commits
// are read without it.
func TestInspectTellsWhatCanBeSaved(t *testing.T) {
	fs, _, last := usedFolder(t, 3, false)
	for _, name := range folderFiles(t, fs) {
		if strings.Contains(name, "marker.") {
			if err := fs.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	faults, seq := inspect(t, fs)
	if seq < last || strings.Count(faults, "make it: touch data/store/marker.") != 2 {
		t.Fatalf("commit %d of %d: %s", seq, last, faults)
	}
	for _, line := range strings.Split(faults, "\n") {
		_, marker, _ := strings.Cut(line, "touch ")
		writeFile(t, fs, marker, nil)
	}
	if faults, _ := inspect(t, fs); faults != "" {
		t.Errorf("as it was told: %s", faults)
	}
	opens(t, fs, "with new markers")
}

// A damaged record of a log is named with its offset, and the commits before it
// are read.
func TestInspectDamagedLog(t *testing.T) {
	fs, _, last := usedFolder(t, 1, true)
	var log string
	for _, name := range folderFiles(t, fs) {
		if strings.HasSuffix(name, ".log") && len(readFile(t, fs, name)) > 0 {
			log = name
		}
	}
	content := readFile(t, fs, log)
	content[len(content)/2] ^= 1
	writeFile(t, fs, log, content)
	faults, seq := inspect(t, fs)
	if seq == 0 || seq >= last || !strings.Contains(faults, log+" at offset ") || !strings.Contains(faults, "ends at commit") {
		t.Errorf("commit %d of %d: %s", seq, last, faults)
	}
}

func TestInspectErrors(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := kv.Inspect("data", kv.Options{FS: fs}, &fsck.Report{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := kv.Inspect("data", kv.Options{FS: fs}, &fsck.Report{}); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("open folder: %v", err)
	}
}
