package function

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Whatever a zip file says, nothing is written beside its folder, no link leads out
// of it, and no more bytes are written than allowed.
func FuzzUnpack(f *testing.F) {
	for _, text := range [][]byte{
		zipOf(f, file{"a/b", "text", 0o755}, file{"a/link", "b", 0o777 | fs.ModeSymlink}),
		zipOf(f, file{"../evil", "x", 0o644}), zipOf(f, file{"a", "../evil", 0o777 | fs.ModeSymlink}), []byte("PK\x05\x06"),
	} {
		f.Add(text)
	}
	const most = 1 << 16
	f.Fuzz(func(t *testing.T, text []byte) {
		parent, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(parent, "code")
		err = unpack(text, dir, most)
		if beside, _ := filepath.Glob(filepath.Join(parent, "*")); len(beside) > 1 {
			t.Errorf("wrote %v", beside)
		}
		if err != nil {
			if !errors.Is(err, ErrZip) && !errors.Is(err, ErrCodeSize) {
				t.Error(err)
			}
			return
		}
		size := int64(0)
		walked := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Type()&fs.ModeSymlink != 0 {
				to, err := os.Readlink(path)
				if at := filepath.Join(filepath.Dir(path), to); filepath.IsAbs(to) || !inside(dir, at) {
					t.Errorf("%s leads to %s", path, to)
				}
				return err
			}
			info, err := d.Info()
			if d.Type().IsRegular() {
				size += info.Size()
			}
			return err
		})
		if walked != nil || size > most {
			t.Errorf("%d bytes were written: %v", size, walked)
		}
	})
}

// inside reports whether a path is below a folder, or the folder.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
