package kv

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/fsck"
)

// Errors of Build.
var (
	// ErrExists says that the folder exists already.
	ErrExists = errors.New("kv: already exists")
	// ErrBuilding says that somebody is making the folder.
	ErrBuilding = errors.New("kv: is being made")
)

// Build makes the folder dir, which must not exist, as a copy of a store. fill is
// called with the name of a folder that it makes and fills durably. Then all files of
// the copy are checked, and it gets its name. An error or a crash leaves no dir; what
// a crash leaves beside it goes with the next Build of this name. Of several calls at
// once, in whatever process, one makes the folder. Errors: ErrExists, ErrBuilding,
// ErrCorrupt with the file that is damaged, those of fill and of Inspect.
func Build(fs vfs.FS, dir string, fill func(temp string) error) error {
	dir = fs.PathJoin(dir) // without a slash at the end
	partial := dir + ".partial"
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
		err = fs.Rename(temp, dir)
	}
	// The lock is held until the partial folder is gone. A crash before the name is
	// durable leaves the copy under either name, and nothing was acknowledged.
	if err := errors.Join(err, fs.RemoveAll(partial)); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

// lockPartial makes the folder in which a copy is made, and keeps others out of it
// until the result is closed. Errors: ErrBuilding.
func lockPartial(fs vfs.FS, partial string) (io.Closer, error) {
	if err := makeFolder(fs, partial); err != nil {
		return nil, fmt.Errorf("kv: build: %w", err)
	}
	lock, err := lockFolder(fs, partial)
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("%w: %s is in use", ErrBuilding, partial)
	}
	return lock, err
}

// refuseExisting returns an error if the folder exists, which says whether it is
// a whole one.
func refuseExisting(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// FORMAT is the last file of a copy, and a copy gets its name once it is whole.
	if fresh, err := readFormat(fs, dir); err != nil || fresh {
		return fmt.Errorf("%w: %s, which is no data folder", ErrExists, dir)
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
