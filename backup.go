package tablecast

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/kv"
)

// Backup copies the node's folder to dir, which must not exist, while the node goes
// on: tables, streams, buses, positions, deliveries and dead letters, all as of
// one moment. Every block of the copy is checked before it gets its name. Files that
// log targets wrote are not in it. Errors: those of kv.Store.Checkpoint.
func (n *Node) Backup(ctx context.Context, dir string) error { return n.store.Checkpoint(ctx, dir) }

// Backup does what Node.Backup does, for the folder of a node that does not run.
// Errors: those of kv.Open and kv.Store.Checkpoint.
func Backup(ctx context.Context, folder, dir string) error {
	if _, err := os.Stat(filepath.Join(folder, "FORMAT")); err != nil {
		return fmt.Errorf("tablecast: %s is no data folder: %w", folder, err)
	}
	store, err := kv.Open(folder, kv.Options{})
	if err != nil {
		return err
	}
	return errors.Join(store.Checkpoint(ctx, dir), store.Close())
}

// Restore makes the folder dir, which must not exist, of a backup, which stays as
// it is. The copy is made beside dir, every block of it is checked, it is opened
// once, and gets its name last; see kv.Build. Errors: those of kv.Build, kv.Open and
// the file system.
func Restore(ctx context.Context, backup, dir string) error {
	err := kv.Build(vfs.Default, dir, func(temp string) error {
		if _, err := os.Stat(filepath.Join(backup, "FORMAT")); err != nil {
			return fmt.Errorf("%s is no backup: %w", backup, err)
		}
		if err := copyFolder(ctx, backup, temp); err != nil {
			return err
		}
		store, err := kv.Open(temp, kv.Options{})
		if err != nil {
			return err
		}
		return store.Close()
	})
	if err == nil || errors.Is(err, kv.ErrExists) || errors.Is(err, kv.ErrBuilding) {
		return err
	}
	return fmt.Errorf("tablecast: restore: %w", err)
}

// VerifyBackup checks a backup: every file with its checksums, and the state of every
// package, as Fsck does. A backup has no KEY, so that connections stay sealed. Errors:
// those of Fsck.
func VerifyBackup(ctx context.Context, dir string, o FsckOptions) (*fsck.Report, error) {
	report := &fsck.Report{OnProgress: o.OnProgress}
	return report, check(ctx, dir, "", o, report)
}

// copyFolder copies the files of a folder and those below it, durably.
func copyFolder(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		copied := filepath.Join(to, name)
		if !e.IsDir() {
			return copyFile(path, copied)
		}
		return errors.Join(os.MkdirAll(copied, 0o700), syncFolder(filepath.Dir(copied)))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Sync(), out.Close())
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
