package kv_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// A copy that is made while commits go on holds everything that was
// acknowledged before, and ends at one commit; a power loss after Checkpoint
// has returned leaves it whole.
func TestCheckpoint(t *testing.T) {
	for seed := range uint64(5) {
		fs := kvtest.NewCrashFS(seed)
		s := kvtest.Open(t, "data", kv.Options{FS: fs})
		var acked [4]atomic.Uint64
		var stop atomic.Bool
		var writing sync.WaitGroup
		for w := range uint64(4) {
			writing.Go(func() {
				for n := uint64(1); !stop.Load(); n++ {
					b := s.NewBatch() // two keys that must never be apart
					value := binary.BigEndian.AppendUint64(nil, n)
					b.Set(kv.NewKey('a').Uint64(w), value)
					b.Set(kv.NewKey('b').Uint64(w), value)
					if _, err := s.Commit(b); err != nil {
						t.Error(err)
						return
					}
					acked[w].Store(n)
				}
			})
		}
		var before [4]uint64
		for w := range before {
			for acked[w].Load() < 10*(seed+1) {
				runtime.Gosched()
			}
			before[w] = acked[w].Load()
		}
		if err := s.Checkpoint(t.Context(), "copy"); err != nil {
			t.Fatal(err)
		}
		after := fs.Clone(0) // nothing that was not synced survives
		stop.Store(true)
		writing.Wait()
		c := kvtest.Open(t, "copy", kv.Options{FS: after})
		for w := range uint64(4) {
			a, errA := c.Get(kv.NewKey('a').Uint64(w))
			b, errB := c.Get(kv.NewKey('b').Uint64(w))
			if err := errors.Join(errA, errB); err != nil {
				t.Fatal(err)
			}
			if string(a) != string(b) {
				t.Errorf("half a commit: %x and %x", a, b)
			}
			if n := binary.BigEndian.Uint64(a); n < before[w] {
				t.Errorf("writer %d: %d was acknowledged, the copy has %d", w, before[w], n)
			}
		}
		if c.Durable() == 0 {
			t.Error("the copy forgot its numbers")
		}
		kvtest.Put(t, c, "k", "v")
	}
}

func TestCheckpointErrors(t *testing.T) {
	fs := kvtest.NewCrashFS(1)
	s := kvtest.Open(t, "data", kv.Options{FS: fs})
	kvtest.Put(t, s, "k", "v")
	if err := s.Checkpoint(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context(), "copy"); !errors.Is(err, kv.ErrExists) {
		t.Errorf("over a folder: %v", err)
	}
	faults := kvtest.NewFaultFS(fs)
	for i, pattern := range []string{"FORMAT*", "WATERMARK"} {
		again := kvtest.Open(t, fmt.Sprint("again", i), kv.Options{FS: faults})
		kvtest.Put(t, again, "k", "v")
		faults.Arm(kvtest.Fault{Pattern: pattern, Err: os.ErrPermission})
		name := fmt.Sprint("broken", i)
		if err := again.Checkpoint(t.Context(), name); !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: %v", pattern, err)
		}
		faults.Disarm()
		for _, left := range []string{name, name + ".partial"} {
			if _, err := fs.Stat(left); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %s was left: %v", pattern, left, err)
			}
		}
	}
}

// Of several checkpoints to one folder at a time, of one store or of several, one is
// made, complete, and the others say why they are not.
func TestConcurrentCheckpoints(t *testing.T) {
	fs := vfs.NewMem()
	var stores []*kv.Store
	for i := range 2 {
		s := kvtest.Open(t, fmt.Sprint("data", i), kv.Options{FS: fs})
		kvtest.Put(t, s, "k", "v")
		stores = append(stores, s)
	}
	for round := range 25 {
		dir := fmt.Sprint("copy", round)
		errs := make([]error, 4)
		var running sync.WaitGroup
		for i := range errs {
			running.Go(func() { errs[i] = stores[i%2].Checkpoint(t.Context(), dir) })
		}
		running.Wait()
		made := 0
		for _, err := range errs {
			switch {
			case err == nil:
				made++
			case !errors.Is(err, kv.ErrExists) && !errors.Is(err, kv.ErrBuilding):
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d checkpoints were made: %v", made, errs)
		}
		restored, err := kv.Open(dir, kv.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := restored.Get([]byte("k")); err != nil || string(v) != "v" {
			t.Errorf("%q, %v", v, err)
		}
		if err := restored.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A checkpoint that would not be whole is not made: a block that the disk damaged,
// which nothing has read since, is found before the copy gets its name.
func TestCheckpointOfDamage(t *testing.T) {
	fs, _, _ := usedFolder(t, 3, false)
	table := largestTable(t, fs)
	s := kvtest.Open(t, "data", kv.Options{FS: fs})
	content := readFile(t, fs, table)
	content[len(content)/3] ^= 4
	writeFile(t, fs, table, content)
	err := s.Checkpoint(t.Context(), "copy/")
	if !errors.Is(err, kv.ErrCorrupt) || !strings.Contains(err.Error(), path.Base(table)+" at offset ") {
		t.Errorf("%v", err)
	}
	for _, left := range []string{"copy", "copy.partial"} {
		if _, err := fs.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was left: %v", left, err)
		}
	}
}

// A slash at the end of the name changes nothing, and neither does what a crash
// left of an earlier checkpoint.
func TestCheckpointNames(t *testing.T) {
	fs := vfs.NewMem()
	s := kvtest.Open(t, "data", kv.Options{FS: fs})
	kvtest.Put(t, s, "k", "v")
	if err := fs.MkdirAll("copy.partial/data/store", 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, fs, "copy.partial/data/store/000001.sst", []byte("half"))
	if err := s.Checkpoint(t.Context(), "copy/"); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat("copy/FORMAT"); err != nil {
		t.Error(err)
	}
	if err := s.Checkpoint(t.Context(), "copy/"); !errors.Is(err, kv.ErrExists) || !strings.Contains(err.Error(), "copy, which is a whole data folder") {
		t.Errorf("again: %v", err)
	}
	if err := fs.MkdirAll("other", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context(), "other"); !errors.Is(err, kv.ErrExists) || !strings.Contains(err.Error(), "no data folder") {
		t.Errorf("over something else: %v", err)
	}
}

// A folder that cannot be looked at is neither taken for one that is there nor for one
// that is not.
func TestFolderThatCannotBeSeen(t *testing.T) {
	faults := kvtest.NewFaultFS(vfs.NewMem())
	s, err := kv.Open("data", kv.Options{FS: faults})
	if err != nil {
		t.Fatal(err)
	}
	arm := func(name string) {
		faults.Arm(kvtest.Fault{Kinds: []errorfs.OpKind{errorfs.OpStat}, Pattern: name, Err: syscall.EIO, Sticky: true})
	}
	arm("copy")
	if err := s.Checkpoint(t.Context(), "copy"); !errors.Is(err, syscall.EIO) || errors.Is(err, kv.ErrExists) {
		t.Errorf("a copy: %v", err)
	}
	faults.Disarm()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	arm("FORMAT")
	if _, err := kv.Inspect("data", kv.Options{FS: faults}, &fsck.Report{}); !errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a check: %v", err)
	}
	faults.Disarm()
	if err := faults.Remove("data/FORMAT"); err != nil {
		t.Fatal(err)
	}
	arm("INVENTORY")
	if _, err := kv.Open("data", kv.Options{FS: faults}); !errors.Is(err, syscall.EIO) {
		t.Errorf("a start: %v", err)
	}
}
