package tablecast

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/relay"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target/connection"
)

// FsckOptions configure Fsck. The zero value works.
type FsckOptions struct {
	// FS is the file system of the folder. The default is the operating system's.
	FS vfs.FS
	// RepairIndexes rebuilds the entries of indexes and the counters of tables from
	// the items, where they are not what the items say, before the check. It opens
	// the folder as a node does, and so needs one that can be opened.
	RepairIndexes bool
	// OnProgress is called now and then. The default is none.
	OnProgress func(fsck.Progress)
}

// Fsck checks the folder of a node that does not run: every file with its checksums,
// and the state of every package against the others. The report has the faults, what
// can be saved, and what was walked. Without RepairIndexes nothing in the folder
// changes. Errors: kv.ErrLocked, kv.ErrNewerFormat, os.ErrNotExist if dir is no data
// folder, those of the file system, of ctx; with RepairIndexes those of kv.Open.
func Fsck(ctx context.Context, dir string, o FsckOptions) (*fsck.Report, error) {
	report := &fsck.Report{OnProgress: o.OnProgress}
	if o.RepairIndexes {
		if err := repairIndexes(ctx, dir, o, report); err != nil {
			return report, fmt.Errorf("tablecast: fsck: %w", err)
		}
	}
	keyPath := ""
	if o.FS == nil {
		keyPath = filepath.Join(dir, keyFile)
		if _, _, err := keys.List(dir); err != nil {
			report.FileFault(filepath.Join(dir, "KEYS"), -1, "the access keys cannot be read: %v; restore the file, and KEY with it, from a copy", err)
		}
	}
	return report, check(ctx, dir, keyPath, o, report)
}

// check checks the files of a folder and what they hold. keyPath is the key of
// connections; if it is empty, they stay sealed.
func check(ctx context.Context, dir, keyPath string, o FsckOptions, report *fsck.Report) error {
	view, err := kv.Inspect(dir, kv.Options{FS: o.FS}, report)
	if err != nil || view == nil {
		return err
	}
	return errors.Join(checkState(ctx, view, keyPath, report), view.Close())
}

// checkState runs the checks of all packages that keep state.
func checkState(ctx context.Context, view *kv.Inspection, keyPath string, report *fsck.Report) error {
	last, err := view.Seq()
	if err != nil {
		return nil // the inspection has reported it
	}
	var streams *stream.Streams
	for _, check := range []func(){
		func() { streams = stream.Check(view, last, report) },
		func() { table.Check(view, streams, report) },
		func() { relay.Check(view, last, report) },
		func() { bus.Check(view, last, report) },
		func() { eventsource.Check(view, streams, last, report) },
		func() { function.Check(view, report) },
		func() { connection.Check(view, keyPath, report) },
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		check()
	}
	return nil
}

// repairIndexes opens the store and rebuilds what can be made of the items.
func repairIndexes(ctx context.Context, dir string, o FsckOptions, report *fsck.Report) error {
	fs := o.FS
	if fs == nil {
		fs = vfs.Default
	}
	if _, err := fs.Stat(fs.PathJoin(dir, "FORMAT")); err != nil {
		return err // else kv.Open would make a folder
	}
	store, err := kv.Open(dir, kv.Options{FS: o.FS})
	if err != nil {
		return err
	}
	found := &fsck.Report{} // the check after it finds what is left
	err = errors.Join(table.Repair(ctx, store, found), store.Close())
	for _, note := range found.Notes() {
		report.Note("%s", note)
	}
	return err
}
