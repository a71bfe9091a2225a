package kv_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// opCount counts the operations of a kind on files of a name.
type opCount struct {
	kind errorfs.OpKind
	base string
	n    atomic.Int64
}

func (c *opCount) String() string { return "opCount" }

func (c *opCount) MaybeError(op errorfs.Op) error {
	if op.Kind == c.kind && path.Base(op.Path) == c.base {
		c.n.Add(1)
	}
	return nil
}

// watermark returns the higher number of the file's two slots.
func watermark(t *testing.T, fs vfs.FS) uint64 {
	a, b := slots(t, fs)
	return max(a, b)
}

func slots(t *testing.T, fs vfs.FS) (uint64, uint64) {
	b := readFile(t, fs, "data/WATERMARK")
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[4096:])
}

func readFile(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, fs vfs.FS, name string, content []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	d, err := fs.OpenDir(fs.PathDir(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// newestLog returns the name of the log file with the highest number that is
// not empty.
func newestLog(t *testing.T, fs vfs.FS) string {
	t.Helper()
	names, err := fs.List("data/store")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	slices.Reverse(names)
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && len(readFile(t, fs, "data/store/"+name)) > 0 {
			return "data/store/" + name
		}
	}
	t.Fatalf("no log among %v", names)
	return ""
}

// crashedStore returns a file system with a store of n commits whose log was
// not flushed when the power went off, but whose watermark is at n.
func crashedStore(t *testing.T, n int) *kvtest.CrashFS {
	t.Helper()
	fs := kvtest.NewCrashFS(1)
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	var l ledger
	for range n {
		if err := l.write(s, 7); err != nil {
			t.Fatal(err)
		}
	}
	before := fs.Clone(0)
	if err := s.Close(); err != nil { // writes the watermark
		t.Fatal(err)
	}
	writeFile(t, before, "data/WATERMARK", readFile(t, fs, "data/WATERMARK"))
	if watermark(t, before) != uint64(n) {
		t.Fatalf("watermark is %d, want %d", watermark(t, before), n)
	}
	return before
}

// P7: whichever bit of the log is flipped, the store opens whole or refuses to
// open, and says where. Pebble alone loses the flips in the newest block.
func TestFlippedBitOfTheLogIsNeverSilent(t *testing.T) {
	const commits = 600
	fs := crashedStore(t, commits)
	log := newestLog(t, fs)
	content := readFile(t, fs, log)
	var behind, corrupt, harmless int
	for at := 0; at < len(content); at += 1021 {
		left := fs.Clone(0)
		damaged := slices.Clone(content)
		damaged[at] ^= 0x10
		writeFile(t, left, log, damaged)
		s, err := kv.Open("data", kv.Options{FS: left})
		switch {
		case errors.Is(err, kv.ErrBehindWatermark):
			behind++
			if block := 32 << 10; at/block != (len(content)-1)/block {
				t.Errorf("flip at %d: before the newest block Pebble itself must notice: %v", at, err)
			}
			if !strings.Contains(err.Error(), fmt.Sprintf("commit %d was acknowledged", commits)) {
				t.Errorf("the error must name the number: %v", err)
			}
		case errors.Is(err, kv.ErrCorrupt):
			corrupt++
			var offset int
			_, place, _ := strings.Cut(err.Error(), path.Base(log)+", record at offset ")
			if n, _ := fmt.Sscanf(place, "%d", &offset); n != 1 || offset > at || at-offset > 200 {
				t.Errorf("flip at %d: the error must name the damaged record: %v", at, err)
			}
		case err != nil:
			t.Errorf("flip at %d: %v", at, err)
		default:
			harmless++
			if err := checkPrefix(s, commits); err != nil {
				t.Errorf("flip at %d of %d: %v", at, len(content), err)
			}
			s.Close()
		}
	}
	t.Logf("%d bytes: %d behind the watermark, %d corrupt, %d harmless", len(content), behind, corrupt, harmless)
	if behind == 0 {
		t.Error("no flip was caught by the watermark: the test no longer reaches the newest block")
	}
}

// An older copy of the store below a newer watermark is refused, and so is one
// whose watermark is gone, until the operator accepts the loss. Numbers that were
// acknowledged once are not given again.
func TestRestoredOlderCopyIsRefused(t *testing.T) {
	fs := crashedStore(t, 10)
	older := fs.Clone(0)
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	kvtest.Put(t, s, "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, older, "data/WATERMARK", readFile(t, fs, "data/WATERMARK"))
	_, err = kv.Open("data", kv.Options{FS: older})
	if !errors.Is(err, kv.ErrBehindWatermark) || !strings.Contains(err.Error(), "ends at commit 10") ||
		!strings.Contains(err.Error(), "commit 11 was acknowledged") || !strings.Contains(err.Error(), "older copy") {
		t.Fatalf("older copy: %v", err)
	}
	for _, missing := range []bool{false, true} {
		fs := older.Clone(0)
		if missing {
			if err := fs.Remove("data/WATERMARK"); err != nil {
				t.Fatal(err)
			}
			if _, err := kv.Open("data", kv.Options{FS: fs}); !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), "data/WATERMARK is missing") {
				t.Fatalf("without the watermark: %v", err)
			}
		}
		s, err := kv.Open("data", kv.Options{FS: fs, AcceptLoss: true})
		if err != nil {
			t.Fatalf("accepted: %v", err)
		}
		if err := checkPrefix(s, 10); err != nil {
			t.Error(err)
		}
		if c := kvtest.Put(t, s, "k", "v"); !missing && c.First != 12 {
			t.Errorf("commit 12 has the number %d", c.First)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = kv.Open("data", kv.Options{FS: fs}); err != nil {
			t.Fatalf("once it was accepted: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A torn write spoils one slot of the watermark and no more.
func TestDamagedWatermark(t *testing.T) {
	fs := crashedStore(t, 3)
	content := readFile(t, fs, "data/WATERMARK")
	for _, test := range []struct {
		name string
		at   []int
		want error
	}{
		{"first slot", []int{2}, nil},
		{"second slot", []int{4096 + 9}, nil},
		{"both slots", []int{2, 4096 + 9}, kv.ErrCorrupt},
	} {
		left := fs.Clone(0)
		damaged := slices.Clone(content)
		for _, at := range test.at {
			damaged[at] ^= 1
		}
		writeFile(t, left, "data/WATERMARK", damaged)
		s, err := kv.Open("data", kv.Options{FS: left})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "WATERMARK") {
			t.Errorf("%s: the error must name the file: %v", test.name, err)
		}
		if s != nil {
			s.Close()
		}
	}
}

func TestFolderFormat(t *testing.T) {
	fs := crashedStore(t, 1)
	if got := string(readFile(t, fs, "data/FORMAT")); got != "tablecast 1\n" {
		t.Errorf("FORMAT holds %q", got)
	}
	writeFile(t, fs, "data/FORMAT", []byte("tablecast 2\n"))
	_, err := kv.Open("data", kv.Options{FS: fs})
	if !errors.Is(err, kv.ErrNewerFormat) || !strings.Contains(err.Error(), "data/FORMAT says format 2") || !strings.Contains(err.Error(), "up to 1") {
		t.Errorf("newer format: %v", err)
	}
	for _, text := range []string{"", "tablecast", "tablecast 0\n", "pebble 1\n"} {
		writeFile(t, fs, "data/FORMAT", []byte(text))
		if _, err := kv.Open("data", kv.Options{FS: fs}); !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), "FORMAT") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
