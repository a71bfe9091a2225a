package kv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/tablecast/tablecast/internal/fsck"
)

// Errors of Build.
var (
	// ErrExists says that the folder exists already.
	ErrExists = errors.New("kv: already exists")
	// ErrBuilding says that somebody is making the folder.
	ErrBuilding = errors.New("kv: is being made")
)

// PartialSuffix ends the names of the folders in which copies are made. What has such
// a name may be removed.
const PartialSuffix = ".partial"

// Build makes the folder dir, which must not exist, as a copy of a store. fill is
// called with the name of a folder that it makes and fills durably. Then all files of
// the copy are checked, and it gets its name. An error or a crash leaves no dir; what
// a crash leaves beside it goes with the next Build of this name. Of several calls at
// once, in whatever process, one makes the folder. Errors: ErrExists, ErrBuilding,
// ErrCorrupt with the file that is damaged, those of fill and of Inspect.
func Build(fs vfs.FS, dir string, fill func(temp string) error) error {
	dir = fs.PathJoin(dir) // without a slash at the end
	if strings.HasSuffix(dir, PartialSuffix) {
		return fmt.Errorf("%w: %s has the name of a copy that is not finished, because of %s at its end; choose another", ErrBuilding, dir, PartialSuffix)
	}
	partial := dir + PartialSuffix
	temp := fs.PathJoin(partial, "data")
	lock, err := lockPartial(fs, partial)
	if err != nil {
		return err
	}
	defer lock.Close()
	err = refuseExisting(fs, dir)
	if err == nil {
		err = fs.RemoveAll(temp) // what a crash left
	}
	if err == nil {
		err = fill(temp)
	}
	if err == nil {
		err = verify(fs, temp)
	}
	if err == nil {
		err = giveName(fs, temp, dir)
	}
	if removing := removePartial(fs, partial); err != nil {
		return errors.Join(err, removing)
	}
	return nil // what could not be removed goes with the next Build
}

// giveName gives a copy its name, durably, or leaves it where it was. A crash before
// the name is durable leaves the copy under either name, and nothing was acknowledged.
func giveName(fs vfs.FS, temp, dir string) error {
	if err := fs.Rename(temp, dir); err != nil {
		return err
	}
	if err := syncDir(fs, fs.PathDir(dir)); err != nil {
		return errors.Join(err, fs.Rename(dir, temp))
	}
	return nil
}

// lockAttempts is how often lockPartial begins again, each time after somebody else
// has finished.
const lockAttempts = 100

// lockPartial makes the folder in which a copy is made, and keeps others out of it
// until the result is closed. Errors: ErrBuilding.
func lockPartial(fs vfs.FS, partial string) (io.Closer, error) {
	for range lockAttempts {
		lock, err := tryPartial(fs, partial)
		switch {
		case err == nil:
			return lock, nil
		case errors.Is(err, ErrLocked):
			return nil, fmt.Errorf("%w: %s is in use: %w", ErrBuilding, partial, err)
		case !errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("kv: build: %w", err)
		}
	}
	return nil, fmt.Errorf("%w: %s is in use", ErrBuilding, partial)
}

// tryPartial is one attempt of lockPartial. Whoever had the lock before may take the
// folder away at any moment of it, and a third process may make it anew; the lock of
// a folder that is gone keeps nobody out. So the attempt leaves a file of its own in
// the folder first: if that is there once the lock is held, the lock is of this
// folder, which nobody else takes away from then on. Errors: os.ErrNotExist if the
// folder was taken away, ErrLocked.
func tryPartial(fs vfs.FS, partial string) (io.Closer, error) {
	if err := makeFolder(fs, partial); err != nil {
		return nil, err
	}
	own := fs.PathJoin(partial, uuid.NewString())
	f, err := fs.Create(own, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	lock, err := lockFolder(fs, partial)
	if err != nil {
		_ = fs.Remove(own) // it goes with the folder at the latest
		return nil, err
	}
	if _, err := fs.Stat(own); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// removePartial takes the folder of a copy away. The caller holds its lock. It moves
// the folder first: another Build that waits for the lock then finds all of it or
// nothing, and what it makes anew is not removed.
func removePartial(fs vfs.FS, partial string) error {
	gone := partial + PartialSuffix
	err := fs.RemoveAll(gone) // what a crash left
	if err == nil {
		err = fs.Rename(partial, gone)
	}
	return errors.Join(err, fs.RemoveAll(gone))
}

// refuseExisting returns an error if the folder exists, which says whether it is
// a whole one.
func refuseExisting(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("kv: build: %w", err)
	}
	// FORMAT is the last file of a copy, and a copy gets its name once it is whole.
	switch fresh, err := readFormat(fs, dir); {
	case fresh:
		return fmt.Errorf("%w: %s, which is no data folder", ErrExists, dir)
	case err != nil:
		return fmt.Errorf("%w: %s: %w", ErrExists, dir, err)
	}
	return fmt.Errorf("%w: %s, which is a whole data folder", ErrExists, dir)
}

// verify checks every file of a copy.
func verify(fs vfs.FS, dir string) error {
	r := &fsck.Report{}
	i, err := Inspect(dir, Options{FS: fs}, r)
	if i != nil {
		err = errors.Join(err, i.Close())
	}
	if err != nil {
		return err
	}
	if faults, total := r.Faults(); total > 0 {
		return fmt.Errorf("%w: the copy has %d faults, the first of which is: %s", ErrCorrupt, total, faults[0])
	}
	return nil
}
