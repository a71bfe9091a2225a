package kv

import (
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// An ownerFS makes files and folders that their owner alone may read, whatever the umask
// is, and also in a folder that was made before and lets others in.
type ownerFS struct{ vfs.FS }

func (o ownerFS) Unwrap() vfs.FS { return o.FS }

func (o ownerFS) Create(name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := o.FS.Create(name, cat)
	return own(name, f, err)
}

func (o ownerFS) OpenReadWrite(name string, cat vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := o.FS.OpenReadWrite(name, cat, opts...)
	return own(name, f, err)
}

func (o ownerFS) Lock(name string) (io.Closer, error) {
	l, err := o.FS.Lock(name)
	return own(name, l, err)
}

func (o ownerFS) MkdirAll(dir string, _ os.FileMode) error { return o.FS.MkdirAll(dir, 0o700) }

// own closes a file that was just opened unless it is its owner's alone.
func own[F io.Closer](name string, f F, err error) (F, error) {
	if err != nil {
		return f, err
	}
	if err := os.Chmod(name, 0o600); err != nil {
		var none F
		return none, errors.Join(err, f.Close())
	}
	return f, nil
}
