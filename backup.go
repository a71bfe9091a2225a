package tablecast

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tablecast/tablecast/kv"
)

// Backup copies the node's folder to dir, which must not exist, while the node goes
// on: tables, streams, buses, positions, deliveries and dead letters, all as of
// one moment. Files that log targets wrote are not in it. Errors: those of
// kv.Store.Checkpoint.
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
// it is. The copy is made beside dir, as dir.partial, opened once, and renamed
// last: a damaged backup, an error or a crash leaves no dir, and the next Restore
// removes what is left of the copy. Errors: kv.ErrExists, those of kv.Open, and
// those of the file system.
func Restore(ctx context.Context, backup, dir string) (err error) {
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s", kv.ErrExists, dir)
	}
	if _, err := os.Stat(filepath.Join(backup, "FORMAT")); err != nil {
		return fmt.Errorf("tablecast: %s is no backup: %w", backup, err)
	}
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("tablecast: restore: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("tablecast: restore: %w", err), os.RemoveAll(partial))
		}
	}()
	if err := copyFolder(ctx, backup, partial); err != nil {
		return err
	}
	store, err := kv.Open(partial, kv.Options{})
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(dir))
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
