package seal

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
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

// Of several processes that open a new folder at once, all get one key, and none sees a
// file that is not whole.
func TestLoadKeyAtOnce(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "KEY")
		var all sync.WaitGroup
		var got [8]Key
		for i := range got {
			all.Go(func() {
				var err error
				if got[i], err = LoadKey(path); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, k := range got {
			if k != got[0] || k == (Key{}) {
				t.Fatal("several keys")
			}
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	}
}

// The mark of a closed folder leaves the key as it was, and counts the changes.
func TestMarkClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "KEY")
	if err := MarkClosed(path, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	first, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if closed, changes, err := Closed(path); closed || changes != 0 || err != nil {
		t.Errorf("a new key: %v, %d, %v", closed, changes, err)
	}
	for _, want := range []uint64{0, 1, 1, 999_999_999_999_999_999} {
		if err := MarkClosed(path, want); err != nil {
			t.Fatal(err)
		}
		closed, changes, err := Closed(path)
		if k, readErr := ReadKey(path); !closed || changes != want || err != nil || k != first || readErr != nil {
			t.Errorf("%v, %d, %v, %v", closed, changes, err, readErr)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for mark, ok := range map[string]bool{"closed\n": true, "closed": false, "closed \n": false, "closed x\n": false, "closed 1\nclosed 2\n": false, "xclosed 1\n": false} {
		if err := os.WriteFile(path, append(first[:], mark...), 0o600); err != nil {
			t.Fatal(err)
		}
		if closed, changes, err := Closed(path); closed != ok || changes != 0 || errors.Is(err, ErrKeySize) == ok {
			t.Errorf("%q: %v, %d, %v", mark, closed, changes, err)
		}
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
