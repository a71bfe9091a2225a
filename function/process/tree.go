package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// maxFiles is the most files of a function that are watched.
const maxFiles = 20_000

var errManyFiles = errors.New("more than 20000 files")

// A tree is what the files of a function were when they were last looked at.
// Directories named node_modules or __pycache__, and hidden ones, are not part
// of it.
type tree struct {
	root  string
	extra []string // files outside root
	files []stamp  // sorted by path
	dirs  []stamp  // sorted by path; those of root
}

// A stamp is one file's state; equal stamps mean an unchanged file.
type stamp struct {
	path    string
	modTime time.Time
	size    int64
	mode    fs.FileMode
	inode   uint64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{path: path}
	}
	out := stamp{path: path, modTime: info.ModTime(), size: info.Size(), mode: info.Mode()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		out.inode = st.Ino
	}
	return out
}

// readTree looks at each file below root, and at the extra ones.
func readTree(root string, extra []string) (*tree, error) {
	t := &tree{root: root, extra: extra, dirs: []stamp{stampOf(root)}}
	err := filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case err != nil:
			return nil // gone, or closed to us: its stamp says so
		case !d.IsDir():
			t.files = append(t.files, stampOf(path))
		case path == root:
		case unwatched(d.Name()):
			return fs.SkipDir
		default:
			t.dirs = append(t.dirs, stampOf(path))
		}
		if len(t.files)+len(t.dirs) > maxFiles {
			return errManyFiles
		}
		return nil
	})
	for _, file := range extra {
		t.files = append(t.files, stampOf(file))
	}
	t.sort()
	return t, err
}

func (t *tree) sort() {
	slices.SortFunc(t.files, func(a, b stamp) int { return strings.Compare(a.path, b.path) })
}

func unwatched(dir string) bool {
	return dir == "node_modules" || dir == "__pycache__" || strings.HasPrefix(dir, ".")
}

// same reports whether nothing changed since the tree was read, in one system
// call per file and directory.
func (t *tree) same() bool {
	if !unchanged(t.files) {
		return false
	}
	if unchanged(t.dirs) {
		return true
	}
	now, err := readTree(t.root, t.extra)
	if err != nil || !slices.Equal(now.files, t.files) {
		return false
	}
	t.dirs = now.dirs
	return true
}

func unchanged(stamps []stamp) bool {
	for _, s := range stamps {
		if stampOf(s.path) != s {
			return false
		}
	}
	return true
}
