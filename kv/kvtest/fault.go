package kvtest

import (
	"fmt"
	"path"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A Fault makes operations of a file system fail.
type Fault struct {
	// Kinds are the operations concerned. None means all of them.
	Kinds []errorfs.OpKind
	// Pattern selects base names of files, as path.Match does. The default is
	// every file.
	Pattern string
	// Err is what they fail with.
	Err error
	// At is the operation of those that fails, counted from 1 since Arm. The
	// default is the first.
	At int
	// Sticky makes all following ones fail as well.
	Sticky bool
}

// logSyncs are the operations by which data of the log reaches the disk.
var logSyncs = []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}

// FailLogSync is the fault of a disk that cannot sync the log, for the nth
// time and ever after.
func FailLogSync(n int, err error) Fault {
	return Fault{Kinds: logSyncs, Pattern: "*.log", Err: err, At: n, Sticky: true}
}

// These operations need a descriptor, or room on the disk.
var (
	opens  = []errorfs.OpKind{errorfs.OpCreate, errorfs.OpOpen, errorfs.OpOpenDir, errorfs.OpLock, errorfs.OpList}
	writes = []errorfs.OpKind{
		errorfs.OpCreate, errorfs.OpLink, errorfs.OpRename, errorfs.OpMkdirAll, errorfs.OpFilePreallocate,
		errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo,
	}
)

// Faults are those that campaigns try at each operation: a broken disk, a full one
// and too few descriptors, for a moment and for good.
func Faults() []Fault {
	var out []Fault
	for _, sticky := range []bool{false, true} {
		out = append(out,
			Fault{Err: syscall.EIO, Sticky: sticky},
			Fault{Err: syscall.ENOSPC, Kinds: writes, Sticky: sticky},
			Fault{Err: syscall.EMFILE, Kinds: opens, Sticky: sticky})
	}
	return out
}

// A FaultFS passes operations on to another file system until the fault it is
// armed with says otherwise.
type FaultFS struct {
	vfs.FS

	mu    sync.Mutex
	fault *Fault
	seen  int // operations that the armed fault concerns
	hits  int // operations failed since NewFaultFS
}

// NewFaultFS returns a file system over fs that has no fault.
func NewFaultFS(fs vfs.FS) *FaultFS {
	f := &FaultFS{}
	f.FS = errorfs.Wrap(fs, f)
	return f
}

// Arm replaces the fault.
func (f *FaultFS) Arm(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault.At = max(fault.At, 1)
	f.fault, f.seen = &fault, 0
}

// Disarm removes the fault.
func (f *FaultFS) Disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = nil
}

// Hits returns how many operations were made to fail so far.
func (f *FaultFS) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

// Seen returns how many operations the fault concerned since Arm.
func (f *FaultFS) Seen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// ReuseForWrite implements vfs.FS. The file that errorfs returns has no faults.
func (f *FaultFS) ReuseForWrite(old, name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.Rename(old, name); err != nil {
		return nil, err
	}
	return f.OpenReadWrite(name, cat)
}

// MaybeError implements errorfs.Injector.
func (f *FaultFS) MaybeError(op errorfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault == nil || !f.fault.concerns(op) {
		return nil
	}
	f.seen++
	if f.seen == f.fault.At || f.fault.Sticky && f.seen > f.fault.At {
		f.hits++
		return fmt.Errorf("%s: %w", op.Path, f.fault.Err)
	}
	return nil
}

// String implements errorfs.Injector.
func (f *FaultFS) String() string { return "kvtest.FaultFS" }

func (f *Fault) concerns(op errorfs.Op) bool {
	if f.Pattern != "" {
		if ok, _ := path.Match(f.Pattern, path.Base(op.Path)); !ok {
			return false
		}
	}
	for _, k := range f.Kinds {
		if k == op.Kind {
			return true
		}
	}
	return len(f.Kinds) == 0
}
