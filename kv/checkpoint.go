package kv

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
)

// ErrExists says that what was to be made is there already.
var ErrExists = errors.New("kv: already exists")

// Checkpoint makes a copy of the folder as it is at one moment while commits go
// on: it holds all that was durable at the call, and of what came after it a
// part that ends at one commit. The copy is a folder to open; it appears under
// its name when it is whole and durable. dir must not exist, and is best on the
// same disk, where tables are linked instead of copied. Errors: ErrExists,
// ErrClosed, or what the file system says.
func (s *Store) Checkpoint(ctx context.Context, dir string) (err error) {
	fs := s.opts.FS
	if err := s.usable(); err != nil {
		return err
	}
	if _, err := fs.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrExists, dir)
	}
	partial := dir + ".partial"
	if err := fs.RemoveAll(partial); err != nil {
		return fmt.Errorf("kv: checkpoint: %w", err)
	}
	if err := makeFolder(fs, partial); err != nil {
		return fmt.Errorf("kv: checkpoint: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("kv: checkpoint: %w", err), fs.RemoveAll(partial))
		}
	}()
	whole := s.Durable()
	if err := s.db.Checkpoint(fs.PathJoin(partial, "store"), pebble.WithFlushedWAL()); err != nil {
		return err
	}
	if err := s.markCopy(partial, whole); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := fs.Rename(partial, dir); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

// markCopy gives a copy its watermark and its format.
func (s *Store) markCopy(dir string, whole uint64) error {
	fs := s.opts.FS
	name := fs.PathJoin(dir, "WATERMARK")
	if err := createWatermark(fs, name); err != nil {
		return err
	}
	var mark watermark
	if err := mark.open(fs, name); err != nil {
		return err
	}
	if err := errors.Join(mark.write(whole), mark.close()); err != nil {
		return err
	}
	return writeFormat(fs, dir)
}
