package seal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A key file is made once, for its owner alone.
func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "KEY")
	first, err := LoadKey(path)
	if err != nil || first == (Key{}) {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if again, err := LoadKey(path); err != nil || again != first {
		t.Errorf("another key: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); !errors.Is(err, ErrKeyFile) {
		t.Errorf("open to others: %v", err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); !errors.Is(err, ErrKeyFile) {
		t.Errorf("too short: %v", err)
	}
}

// What was sealed opens with the same key and name alone.
func TestSeal(t *testing.T) {
	sealed := Key{1}.Seal("a", []byte("text"))
	if text, err := (Key{1}).Open("a", sealed); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	changed := append([]byte{}, sealed...)
	changed[len(changed)-1]++
	for _, c := range []struct {
		key    Key
		name   string
		sealed []byte
	}{{Key{2}, "a", sealed}, {Key{1}, "b", sealed}, {Key{1}, "a", changed}, {Key{1}, "a", sealed[:5]}, {Key{1}, "a", nil}} {
		if text, err := c.key.Open(c.name, c.sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("%v %q: %q, %v", c.key[0], c.name, text, err)
		}
	}
}
