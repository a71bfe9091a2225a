package kv

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeFolder makes dir and its missing parents, durably.
func makeFolder(fs vfs.FS, dir string) error {
	var parents []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || fs.PathDir(d) == d {
			break
		}
		parents = append(parents, fs.PathDir(d))
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, p := range parents {
		if err := syncDir(fs, p); err != nil {
			return err
		}
	}
	return nil
}

// folderEvery is how long a commit trusts an earlier look at the folder.
const folderEvery = 10 * time.Millisecond

// checkFolder ends the store once somebody has deleted its folder: the log takes
// and syncs what is written to it even so, until it is rotated.
func (s *Store) checkFolder() error {
	now := time.Since(s.opened)
	last := s.looked.Load()
	if now-time.Duration(last) < folderEvery || !s.looked.CompareAndSwap(last, int64(now)) {
		return nil
	}
	if _, err := s.opts.FS.Stat(s.opts.FS.PathJoin(s.dir, "FORMAT")); errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("kv: the folder %s was deleted: %w", s.dir, err)
		s.fatal(err)
		return err
	}
	return nil
}

// lockFolder keeps others out of dir until the result is closed.
func lockFolder(fs vfs.FS, dir string) (io.Closer, error) {
	lock, err := fs.Lock(fs.PathJoin(dir, "LOCK"))
	var path *iofs.PathError
	switch {
	case err == nil:
		return lock, nil
	case errors.As(err, &path): // the file itself cannot be made
		return nil, fmt.Errorf("kv: lock: %w", err)
	default:
		return nil, fmt.Errorf("%w: %s: %w", ErrLocked, dir, err)
	}
}

// syncDir makes the names in a folder durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readSmall returns a file's content, of at most limit bytes.
func readSmall(fs vfs.FS, name string, limit int64) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// replaceFile gives a file this content, durably: after a crash it has the old
// content or the new.
func replaceFile(fs vfs.FS, name string, content []byte) error {
	temp := name + ".new"
	f, err := fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(temp, name); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(name))
}

// The markers by whose names Pebble knows a store: they are empty files, which
// careless tools leave behind.
//
//	marker.manifest.NUMBER.MANIFEST-NUMBER
//	marker.format-version.NUMBER.VERSION
const (
	manifestMarker = "marker.manifest."
	formatMarker   = "marker.format-version."
)

// checkMarkers returns the name of the current manifest, or an error if that or a
// marker is missing. It runs before Pebble opens the folder, which takes one without
// markers for a new one and deletes the files in it.
func checkMarkers(fs vfs.FS, dir string) (manifest string, err error) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%w: %s is missing", ErrCorrupt, dir)
	}
	if err != nil {
		return "", fmt.Errorf("kv: %w", err)
	}
	newest, format := uint64(0), false
	for _, name := range names {
		format = format || strings.HasPrefix(name, formatMarker)
		if rest, ok := strings.CutPrefix(name, manifestMarker); ok {
			number, value, _ := strings.Cut(rest, ".")
			if n, err := strconv.ParseUint(number, 10, 64); err == nil && n >= newest {
				newest, manifest = n, value
			}
		}
	}
	switch {
	case manifest == "":
		return "", fmt.Errorf("%w: %s* is missing in %s: a copy of the folder must hold the empty files, too", ErrCorrupt, manifestMarker, dir)
	case !format:
		return "", fmt.Errorf("%w: %s* is missing in %s: a copy of the folder must hold the empty files, too", ErrCorrupt, formatMarker, dir)
	case !slices.Contains(names, manifest):
		return "", fmt.Errorf("%w: %s is missing, which is the current manifest", ErrCorrupt, fs.PathJoin(dir, manifest))
	}
	return manifest, nil
}

// fileNumber returns the number in a name such as MANIFEST-000012; 0 if there is
// none.
func fileNumber(name string) uint64 {
	n, _ := strconv.ParseUint(name[strings.LastIndexByte(name, '-')+1:], 10, 64)
	return n
}
