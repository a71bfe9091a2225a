package acceptance

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/tablecast/tablecast"
)

// All that a node makes in its folder is for its owner alone, also in a folder that was
// made before and lets others in, and so is a backup.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // others may look into this folder
		t.Fatal(err)
	}
	node, err := tablecast.Open(dir, tablecast.Options{Config: parse(t, backedUp)})
	if err != nil {
		t.Fatal(err)
	}
	insert(t, node, `{"id":{"S":"u"},"name":{"S":"n"}}`)
	if err := node.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	backup := dir + "-backup"
	if err := node.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, root := range []string{dir, backup} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || path == dir {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has the mode %04o", path, info.Mode().Perm())
			}
			seen[e.Name()] = true
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !seen["seen.jsonl"] || !seen["KEY"] || !seen["WATERMARK"] {
		t.Errorf("saw %v", seen)
	}
}
