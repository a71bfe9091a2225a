package function

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnpack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "code")
	text := zipOf(t, file{"bootstrap", "#!/bin/sh\n", 0o755}, file{"a/b/c.txt", "deep", 0o600}, file{"a/link", "b/c.txt", 0o777 | fs.ModeSymlink}, file{"d/", "", 0o755 | fs.ModeDir})
	if err := unpack(text, dir, 100); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "bootstrap")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("bootstrap: %v %v", info, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a/link")); err != nil || string(got) != "deep" {
		t.Errorf("link: %s %v", got, err)
	}
}

// Nothing is written beside the folder, whatever a zip file says.
func TestUnpackHostile(t *testing.T) {
	for name, text := range map[string][]byte{
		"no zip":        []byte("hello"),
		"parent":        zipOf(t, file{"../evil", "x", 0o644}),
		"deep parent":   zipOf(t, file{"a/../../evil", "x", 0o644}),
		"absolute":      zipOf(t, file{"/evil", "x", 0o644}),
		"link out":      zipOf(t, file{"a", "../evil", 0o777 | fs.ModeSymlink}),
		"absolute link": zipOf(t, file{"a", "/etc", 0o777 | fs.ModeSymlink}),
		"file as dir":   zipOf(t, file{"a", "x", 0o644}, file{"a/b", "x", 0o644}),
		"device":        zipOf(t, file{"a", "", 0o644 | fs.ModeDevice}),
	} {
		parent := t.TempDir()
		err := unpack(text, filepath.Join(parent, "code"), 100)
		if !errors.Is(err, ErrZip) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(parent, "evil*")); left != nil {
			t.Errorf("%s: wrote %v", name, left)
		}
	}
}

func TestUnpackTooLarge(t *testing.T) {
	bomb := zipOf(t, file{"half", strings.Repeat("0", 60_000), 0o644}, file{"bomb", strings.Repeat("0", 60_000), 0o644})
	if err := unpack(bomb, filepath.Join(t.TempDir(), "code"), 100_000); !errors.Is(err, ErrCodeSize) {
		t.Errorf("a zip of %d bytes: %v", len(bomb), err)
	}
}
