package function

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
)

// The folder for code is emptied when a node starts, unless something is in it that
// is none: an operator may have a folder of that name.
func TestFolderOfAnother(t *testing.T) {
	for name, mine := range map[string]bool{"17": false, "sources": true, "17.txt": true, "-1": true} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := Open(kvtest.Open(t, "data", kv.Options{FS: kvtest.NewCrashFS(1)}), Options{Dir: dir})
		if refused := err != nil && strings.Contains(err.Error(), name) && strings.Contains(err.Error(), "move it"); refused != mine || !mine && err != nil {
			t.Errorf("with %s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != mine {
			t.Errorf("%s after the start: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(kvtest.Open(t, "data", kv.Options{FS: kvtest.NewCrashFS(1)}), Options{Dir: file}); err == nil {
		t.Error("a file was taken for a folder")
	}
}
