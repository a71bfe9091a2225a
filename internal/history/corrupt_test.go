package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/kv"
)

// TestCorrupt flips one bit in each KiB of each file of a folder with everything in
// it, one bit at a time, of a folder that was closed and of one whose node was
// killed. The store then holds all rows as they were, or it does not open, or reads
// fail; and the error names the file. Of each twenty flips one is also put before a
// whole node.
func TestCorrupt(t *testing.T) {
	c := campaigntest.Start(t, "corrupt", "flipped bits", 80)
	closed, killed := fullFolders(t)
	all := 0
	for _, f := range []*folder{closed, killed} {
		all += f.kib()
	}
	t.Logf("%d KiB in %d files", all, len(closed.files)+len(killed.files))
	found := map[string]int{}
	choices := c.Rand(0)
	for stride := max(all/c.N, 1); c.Done < c.N; {
		for _, f := range []*folder{closed, killed} {
			for at := range f.flips(choices, stride) {
				outcome, err := f.tryFlip(t, at, c.Done%20 == 0 || !strings.HasPrefix(at.file, "store/"))
				if err != nil {
					t.Fatalf("%s, bit %d of byte %d: %v", at.file, at.bit, at.offset, err)
				}
				found[outcome]++
				c.Done++
			}
		}
	}
	c.N = c.Done
	t.Logf("outcomes: %v", found)
}

// A folder is the content of a node's folder by the names of its files, and what
// must be read from it.
type folder struct {
	files map[string][]byte
	rows  map[string]string
}

// readFolder reads all files below a folder but the ballast, which holds nothing.
func readFolder(t *testing.T, dir string) *folder {
	t.Helper()
	f := &folder{files: map[string][]byte{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "BALLAST" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			f.files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.rows, err = f.read(nil); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *folder) kib() (n int) {
	for _, text := range f.files {
		n += (len(text) + 1023) / 1024
	}
	return n
}

// A flip is a bit that is flipped.
type flip struct {
	file        string
	offset, bit int
}

// flips returns a random bit of every strideth KiB of the files.
func (f *folder) flips(choices *rand.Rand, stride int) func(yield func(flip) bool) {
	return func(yield func(flip) bool) {
		n := choices.IntN(stride)
		for _, name := range slices.Sorted(maps.Keys(f.files)) {
			text := f.files[name]
			for begin := 0; begin < len(text); begin += 1024 {
				if n++; n%stride != 0 {
					continue
				}
				if !yield(flip{name, begin + choices.IntN(min(1024, len(text)-begin)), choices.IntN(8)}) {
					return
				}
			}
		}
	}
}

// tryFlip reads the folder with a flipped bit. An error is a promise that is
// broken; the outcome says which of the allowed ones it was.
func (f *folder) tryFlip(t *testing.T, at flip, withNode bool) (outcome string, err error) {
	t.Helper()
	good := f.files[at.file]
	damaged := slices.Clone(good)
	damaged[at.offset] ^= 1 << at.bit
	f.files[at.file] = damaged
	defer func() { f.files[at.file] = good }()
	if withNode {
		if err := f.runNode(t, at.file); err != nil {
			return "", fmt.Errorf("as a node: %w", err)
		}
	}
	rows, err := f.read(f.rows)
	outcome = "right"
	if err != nil {
		if outcome = "an error"; rows == nil {
			outcome = "a refusal"
		}
		if err := honest(err, at.file); err != nil {
			return "", err
		}
	}
	for key, value := range rows {
		if want, ok := f.rows[key]; !ok || want != value {
			return "", fmt.Errorf("P7: wrong data: %q has %q, not %q", key, value, want)
		}
	}
	if err == nil && len(rows) != len(f.rows) {
		return "", fmt.Errorf("P7: silent loss: %d rows, not %d", len(rows), len(f.rows))
	}
	if err == nil {
		return outcome, nil
	}
	mem, failed := f.memory()
	if failed != nil {
		return "", failed
	}
	return outcome, fsck("data", mem, err)
}

// fsck returns an error unless the check of a folder finds a fault, as those who read
// it did.
func fsck(dir string, fs vfs.FS, found error) error {
	report, err := tablecast.Fsck(context.Background(), dir, tablecast.FsckOptions{FS: fs})
	switch {
	case errors.Is(err, kv.ErrNewerFormat):
		return nil
	case err != nil:
		return fmt.Errorf("fsck: %w; reading says: %w", err, found)
	}
	if _, n := report.Faults(); n == 0 {
		return fmt.Errorf("P7: fsck finds nothing, and reading says: %w", found)
	}
	return nil
}

// honest returns an error unless err says that the folder is damaged and where.
func honest(err error, file string) error {
	if !errors.Is(err, kv.ErrCorrupt) && !errors.Is(err, kv.ErrBehindWatermark) && !errors.Is(err, kv.ErrNewerFormat) {
		return fmt.Errorf("the error is not one of a damaged folder: %w", err)
	}
	if !strings.Contains(err.Error(), filepath.Base(file)) {
		return fmt.Errorf("the error does not name %s: %w", file, err)
	}
	return nil
}

// read returns all rows of the store, nil if it does not open. It reads each row
// of want by itself, too, so that an error of a scan does not hide the rows behind.
func (f *folder) read(want map[string]string) (rows map[string]string, err error) {
	mem, err := f.memory()
	if err != nil {
		return nil, err
	}
	s, err := kv.Open("data", kv.Options{FS: mem, MinFreeBytes: 1, Fatal: func(err error) { panic(fmt.Sprintf("fatal: %v", err)) }})
	if err != nil {
		return nil, err
	}
	rows = map[string]string{}
	it := s.Scan(kv.Range{Upper: []byte{0xff}})
	for it.Next() {
		rows[string(it.Key())] = string(it.Value())
	}
	errs := []error{it.Close()}
	for key := range want {
		value, err := s.Get([]byte(key))
		switch {
		case err == nil:
			rows[key] = string(value)
		case len(errs) < 4: // they all say the same
			errs = append(errs, err)
		}
	}
	return rows, errors.Join(append(errs, s.Close())...)
}

// memory returns a file system in memory that has the store in its folder data.
func (f *folder) memory() (*vfs.MemFS, error) {
	mem := vfs.NewMem()
	for name, text := range f.files {
		if strings.HasPrefix(name, "store/") || !strings.Contains(name, "/") {
			if err := writeMem(mem, mem.PathJoin("data", name), text); err != nil {
				return nil, err
			}
		}
	}
	return mem, nil
}

// writeMem writes a file of a file system in memory.
func writeMem(mem *vfs.MemFS, name string, text []byte) error {
	if err := mem.MkdirAll(mem.PathDir(name), 0o700); err != nil {
		return err
	}
	file, err := mem.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(bytes.Clone(text))
	return errors.Join(err, file.Close())
}

// runNode opens the folder as a node, reads its tables, and writes a user, who must
// raise an event unless the node says why not.
func (f *folder) runNode(t *testing.T, file string) error {
	dir := f.write(t)
	defer os.RemoveAll(dir)
	ended := make(chan error, 1)
	node, err := openFull(dir, func(err error) { ended <- err; select {} })
	if err != nil {
		return errors.Join(honest(err, file), fsck(dir, nil, err))
	}
	defer node.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for name, want := range fullTables {
		got, err := countItems(ctx, node, name)
		switch {
		case err != nil:
			return honest(err, file)
		case got != want:
			return fmt.Errorf("P7: silent loss: table %s has %d items, not %d", name, got, want)
		}
	}
	if err := putFull(ctx, node, "after"); err != nil {
		return honest(err, file)
	}
	if err := node.AwaitQuiet(ctx); err != nil && node.Ready() == nil {
		return errors.New("P8: an event is not delivered, and the node is ready")
	}
	return nil
}

// write puts the files into a new folder.
func (f *folder) write(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(memoryFolder(), "tablecast-corrupt-")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range f.files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
