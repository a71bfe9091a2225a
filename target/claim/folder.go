package claim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Folder is a store that has one file for each content.
type Folder struct{ dir string }

// OpenFolder returns the store in a folder, which it creates if it does not exist.
func OpenFolder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return &Folder{dir}, nil
}

const suffix = ".json"

// Put implements Store. The file is written and synced under a temporary name and
// then renamed, so a crash leaves no partial content under its name.
func (f *Folder) Put(_ context.Context, name string, content []byte) (string, error) {
	if !isName(name) {
		return "", fmt.Errorf("claim: %q is no name", name)
	}
	path := filepath.Join(f.dir, name+suffix)
	if err := f.write(path, content); err != nil {
		return "", fmt.Errorf("claim: %w", err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String(), nil
}

func (f *Folder) write(path string, content []byte) (err error) {
	temp, err := os.CreateTemp(f.dir, "partial-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return nil // the file has its name; some systems cannot open folders
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Get implements Store.
func (f *Folder) Get(_ context.Context, ref string, limit int64) ([]byte, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "file" || filepath.Dir(filepath.FromSlash(u.Path)) != f.dir || !isName(strings.TrimSuffix(filepath.Base(u.Path), suffix)) {
		return nil, fmt.Errorf("%w: %s", ErrForeign, ref)
	}
	in, err := os.Open(filepath.FromSlash(u.Path))
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, limit))
}

// Trim removes the contents that were put before a time, and temporary files that
// crashes left. It returns how many files it removed.
func (f *Folder) Trim(ctx context.Context, before time.Time) (removed int, err error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return 0, fmt.Errorf("claim: %w", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		info, err := e.Info()
		if err != nil || e.IsDir() || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(f.dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return removed, fmt.Errorf("claim: %w", err)
		}
		removed++
	}
	return removed, nil
}

// isName reports whether a name is letters, digits, - and _.
func isName(s string) bool {
	for _, c := range s {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}
