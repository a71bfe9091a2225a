package kv_test

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// steps are the operations between which a power loss finds other names or other
// synced bytes.
var steps = map[errorfs.OpKind]bool{
	errorfs.OpCreate: true, errorfs.OpRemove: true, errorfs.OpRename: true, errorfs.OpReuseForWrite: true,
	errorfs.OpFileSync: true, errorfs.OpFileSyncData: true, errorfs.OpFileClose: true,
}

// A losses opens what a power loss before each operation on a file system would
// leave, just after the inventory was written.
type losses struct {
	t    *testing.T
	fs   *kvtest.CrashFS
	fail func(op errorfs.Op) error // may be nil

	mu    sync.Mutex
	store *kv.Store // whose inventory is written; nil while it opens
	n     int
}

// MaybeError implements errorfs.Injector.
func (l *losses) MaybeError(op errorfs.Op) error {
	commit := path.Ext(op.Path) == ".log" && op.Kind == errorfs.OpFileSyncData
	if steps[op.Kind] && !commit && l.mu.TryLock() { // otherwise it is an operation of save
		if err := l.save(); err != nil {
			l.t.Errorf("power loss before operation %d on %s: %v", op.Kind, op.Path, err)
		}
		l.mu.Unlock()
	}
	if l.fail != nil {
		return l.fail(op)
	}
	return nil
}

// save writes the inventory and opens what a power loss would leave.
func (l *losses) save() error {
	if l.store != nil {
		if err := l.store.SaveInventory(); err != nil {
			return err
		}
	}
	l.n++
	s, err := kv.Open("data", kv.Options{FS: l.fs.Clone(0)})
	if err != nil {
		return err
	}
	return errors.Join(checkPrefix(s, s.Durable()), s.Close())
}

// String implements errorfs.Injector.
func (l *losses) String() string { return "losses" }

// P2: a folder opens after a power loss between any two steps of a flush,
// although the inventory was written just before; also of a flush that is tried
// again and again, for want of space.
func TestPowerLossWhileInventoryIsWritten(t *testing.T) {
	for _, refused := range []int{0, 3} {
		t.Run(fmt.Sprint(refused, " refused"), func(t *testing.T) {
			flushed := make(chan struct{})
			fs := kvtest.NewCrashFS(1)
			l := &losses{t: t, fs: fs, fail: flush(refused, flushed)}
			s, err := kv.Open("data", kv.Options{FS: errorfs.Wrap(fs, l)})
			if err != nil {
				t.Fatal(err)
			}
			l.mu.Lock()
			l.store = s
			l.mu.Unlock()
			b := s.NewBatch()
			b.Set(kv.NewKey('z'), make([]byte, 9<<20)) // more than half a memtable is flushed at once
			b.Number(1, func(n uint64) {
				b.Set(kv.NewKey('A').Uint64(n), nil)
				b.Set(kv.NewKey('B').Uint64(n), nil)
			})
			if _, err := s.Commit(b); err != nil {
				t.Fatal(err)
			}
			<-flushed
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if l.n < 50 {
				t.Errorf("%d power losses", l.n)
			}
		})
	}
}

// flush returns what refuses to sync the first tables, and closes flushed once the
// next one was removed or is in use.
func flush(refused int, flushed chan struct{}) func(errorfs.Op) error {
	var mu sync.Mutex
	tables := 0
	return func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		switch {
		case sync && path.Ext(op.Path) == ".sst":
			if tables++; tables <= refused {
				return syscall.ENOSPC
			}
		case sync && strings.HasPrefix(path.Base(op.Path), "MANIFEST-") && tables > refused:
			select {
			case <-flushed:
			default:
				close(flushed)
			}
		}
		return nil
	}
}

// P2: what a killed process left unsynced, the folder opens without once the
// power goes, too, while it is opened again.
func TestPowerLossAfterAKill(t *testing.T) {
	fs := kvtest.NewCrashFS(1)
	s, err := kv.Open("data", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	var led ledger
	for range 3 {
		if err := led.write(s, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"000901.log": "", "000900.sst": "half a table"} {
		t.Run(name, func(t *testing.T) {
			fs := fs.Clone(100)
			f, err := fs.Create("data/store/"+name, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Write([]byte(content))
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			l := &losses{t: t, fs: fs}
			s, err := kv.Open("data", kv.Options{FS: errorfs.Wrap(fs, l)})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A file that the operating system refuses to open is not called damaged.
func TestRefusedFilesAreNotCorrupt(t *testing.T) {
	mem := vfs.NewMem()
	for range 2 {
		s, err := kv.Open("data", kv.Options{FS: mem})
		if err != nil {
			t.Fatal(err)
		}
		var led ledger
		if err := errors.Join(led.write(s, 1), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"FORMAT", "WATERMARK", "INVENTORY", "MANIFEST-*", "*.sst", "*.log", "OPTIONS-*"} {
		faults := kvtest.NewFaultFS(mem)
		faults.Arm(kvtest.Fault{Pattern: pattern, Kinds: []errorfs.OpKind{errorfs.OpOpen}, Err: syscall.EMFILE})
		s, err := kv.Open("data", kv.Options{FS: faults})
		if err == nil {
			t.Errorf("%s: opened", pattern)
			_ = s.Close()
			continue
		}
		if !errors.Is(err, syscall.EMFILE) || errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
