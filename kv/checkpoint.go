package kv

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
)

// ErrExists says that the folder for a checkpoint exists already.
var ErrExists = errors.New("kv: already exists")

// Checkpoint makes a copy of the folder while commits go on. The copy holds all
// commits that were durable at the call, and those after them up to some commit.
// It can be opened as a store, and appears under its name once it is complete and
// durable. dir must not exist; on the same disk tables are linked instead of
// copied. Errors: ErrExists, ErrClosed, or what the file system says.
func (s *Store) Checkpoint(ctx context.Context, dir string) (err error) {
	fs := s.opts.FS
	if err := s.usable(); err != nil {
		return err
	}
	// Two calls for one folder must not write into each other's copy: the second
	// waits, and finds that the folder exists.
	s.checkpointMu.Lock()
	defer s.checkpointMu.Unlock()
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
	// Read before the copy is made: the copy holds this commit, so its watermark
	// may say so.
	durable := s.Durable()
	if err := s.db.Checkpoint(fs.PathJoin(partial, "store"), pebble.WithFlushedWAL()); err != nil {
		return err
	}
	if err := s.markCopy(partial, durable); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Everything in the copy is synced by now. A crash before the rename leaves a
	// folder that the next Checkpoint of this name removes.
	if err := fs.Rename(partial, dir); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

// markCopy writes the watermark and the format of a copy.
func (s *Store) markCopy(dir string, durable uint64) error {
	fs := s.opts.FS
	name := fs.PathJoin(dir, "WATERMARK")
	if err := createWatermark(fs, name); err != nil {
		return err
	}
	var mark watermark
	if err := mark.open(fs, name, false); err != nil {
		return err
	}
	if err := errors.Join(mark.write(durable), mark.close()); err != nil {
		return err
	}
	return writeFormat(fs, dir)
}
