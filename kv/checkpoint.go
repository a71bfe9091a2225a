package kv

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Checkpoint makes a copy of the folder while commits go on; see Build. The copy
// holds all commits that were durable at the call, and those after them up to some
// commit. It can be opened as a store. On the same disk tables are linked instead of
// copied. Errors: those of Build, ErrClosed, or what the file system says.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	if err := s.usable(); err != nil {
		return err
	}
	err := Build(s.opts.FS, dir, func(temp string) error { return s.copyTo(ctx, temp) })
	if err == nil || errors.Is(err, ErrExists) || errors.Is(err, ErrBuilding) {
		return err
	}
	return fmt.Errorf("kv: checkpoint: %w", err)
}

// copyTo makes the copy of a checkpoint.
func (s *Store) copyTo(ctx context.Context, dir string) error {
	fs := s.opts.FS
	if err := makeFolder(fs, dir); err != nil {
		return err
	}
	s.checkpointMu.Lock()
	defer s.checkpointMu.Unlock()
	// Read before the copy is made: the copy holds this commit, so its watermark
	// may say so.
	durable := s.Durable()
	s.files.copyFailed.Store(nil)
	if err := s.db.Checkpoint(fs.PathJoin(dir, "store"), pebble.WithFlushedWAL()); err != nil {
		return err
	}
	if err := s.files.copyFailed.Load(); err != nil {
		return *err
	}
	if err := s.markCopy(dir, durable); err != nil {
		return err
	}
	return ctx.Err()
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
