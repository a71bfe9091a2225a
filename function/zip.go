package function

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Limits of code.
const (
	// MaxZipBytes is the most of a zip file that is sent.
	MaxZipBytes = 50 << 20
	// maxCodeBytes is the most of what is in it.
	maxCodeBytes = 250 << 20
	// maxFiles is the most files in it, those that package process can watch.
	maxFiles = 20_000
	maxLink  = 4096
)

// unpack writes the files of a zip file, of at most limit bytes, below dir, which
// it makes. Nothing is
// written elsewhere, and no link leads out of dir. Errors: ErrZip,
// ErrCodeSize, or those of the disk.
func unpack(text []byte, dir string, limit int64) error {
	r, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	if len(r.File) > maxFiles {
		return fmt.Errorf("%w: %d files, the limit is %d", ErrZip, len(r.File), maxFiles)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := unpacker{root: root, left: limit}
	for _, f := range r.File {
		if err := u.file(f); err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
	}
	return nil
}

// An unpacker writes files below a root.
type unpacker struct {
	root *os.Root
	left int64 // bytes that may still be written
}

func (u *unpacker) file(f *zip.File) error {
	name := path.Clean(f.Name)
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%w: the name leads out of the folder", ErrZip)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	switch mode := f.Mode(); {
	case mode.IsDir():
		if err := u.root.MkdirAll(name, 0o700); err != nil {
			return fmt.Errorf("%w: %w", ErrZip, err)
		}
		return nil
	case mode&fs.ModeSymlink != 0:
		return u.link(f, name)
	case mode.IsRegular():
		return u.regular(f, name)
	}
	return fmt.Errorf("%w: neither file, folder nor link", ErrZip)
}

func (u *unpacker) regular(f *zip.File, name string) error {
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	defer in.Close()
	out, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, f.Mode().Perm()&0o755|0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	n, err := io.Copy(out, io.LimitReader(in, u.left+1))
	if u.left -= n; u.left < 0 {
		out.Close()
		return ErrCodeSize
	}
	if err != nil {
		out.Close()
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	return out.Close()
}

// link makes a symbolic link, unless it leads out of the folder.
func (u *unpacker) link(f *zip.File, name string) error {
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	defer in.Close()
	to, err := io.ReadAll(io.LimitReader(in, maxLink))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	if path.IsAbs(string(to)) || !filepath.IsLocal(path.Join(path.Dir(name), string(to))) {
		return fmt.Errorf("%w: the link leads out of the folder", ErrZip)
	}
	if err := u.root.Symlink(string(to), name); err != nil {
		return fmt.Errorf("%w: %w", ErrZip, err)
	}
	return nil
}
