// Package seal encrypts what a node's folder keeps secret, such as the parameters of
// connections and the node's access keys, under a random key in a file of the folder.
// Who reads that file can open all that is sealed. The file has the key's 32 bytes, and
// once the folder had access keys also the word closed, the number of their changes in
// decimal digits, and a newline.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// A Key encrypts secrets with AES-256-GCM.
type Key [32]byte

// ErrKeyFile means that a key file has the wrong size, or that others than its
// owner may read it.
var ErrKeyFile = errors.New("seal: unusable key file")

// ErrKeySize is the ErrKeyFile of a file of the wrong size, which was damaged.
var ErrKeySize = fmt.Errorf("%w: damaged", ErrKeyFile)

// closedMark follows the key in the file of a folder that was closed.
var closedMark = regexp.MustCompile(`closed(?: ([0-9]{1,18}))?\n$`)

// LoadKey reads the key from a file, which only its owner may read. It creates the
// file, with a random key and mode 0600, if it does not exist; of several that do so
// at once, all get the same key. Errors: ErrKeyFile, and those of the file system.
func LoadKey(path string) (Key, error) {
	if k, err := ReadKey(path); !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	var k Key
	_, _ = rand.Read(k[:]) // never fails
	temp, err := writeTemp(path, k[:])
	if err != nil {
		return Key{}, fmt.Errorf("seal: %w", err)
	}
	// Link gives the file its name only once it is whole and synced, and fails if
	// another process was first: that one's key may have sealed something by now. On a
	// file system without links the last of two wins.
	err = os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(temp, path)
	} else if removed := os.Remove(temp); removed != nil {
		err = removed
	}
	if errors.Is(err, fs.ErrExist) {
		return ReadKey(path)
	}
	if err = errors.Join(err, syncFolder(path)); err != nil {
		return Key{}, fmt.Errorf("seal: %w", err)
	}
	return k, nil
}

// ReadKey reads the key from a file, which only its owner may read. Errors:
// ErrKeyFile, and those of the file system.
func ReadKey(path string) (Key, error) {
	f, err := read(path)
	return f.key, err
}

// Closed reports whether MarkClosed marked the file, and the number of changes that it
// was given last. Errors: those of ReadKey.
func Closed(path string) (closed bool, changes uint64, err error) {
	f, err := read(path)
	return f.closed, f.changes, err
}

// MarkClosed writes into a key file that its folder was closed, for good, and how often
// the access keys changed since. The key stays. Errors: those of ReadKey.
func MarkClosed(path string, changes uint64) error {
	f, err := read(path)
	if err != nil || f.closed && f.changes == changes {
		return err
	}
	return Replace(path, fmt.Appendf(f.key[:], "closed %d\n", changes))
}

// OwnerAlone returns an error, which says what to do, if others than the owner of a
// file may read it.
func OwnerAlone(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s is open to others (mode %04o); write chmod 600 %s", path, mode, path)
	}
	return nil
}

// A file is what a key file holds.
type file struct {
	key     Key
	closed  bool
	changes uint64
}

func read(path string) (f file, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return f, fmt.Errorf("seal: %w", err)
	}
	if err := OwnerAlone(path, info); err != nil {
		return f, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return f, fmt.Errorf("seal: %w", err)
	}
	if len(b) > len(f.key) {
		if m := closedMark.FindSubmatch(b[len(f.key):]); m != nil && len(m[0]) == len(b)-len(f.key) {
			f.closed = true
			f.changes, _ = strconv.ParseUint(string(m[1]), 10, 64) // digits that fit, or none, which is 0
			b = b[:len(f.key)]
		}
	}
	if len(b) != len(f.key) {
		return f, fmt.Errorf("%w: %s has %d bytes, not %d; restore it from a copy", ErrKeySize, path, info.Size(), len(f.key))
	}
	f.key = Key(b)
	return f, nil
}

// Replace gives a file another content and the mode 0600: after a crash it has the old
// content or the new.
func Replace(path string, content []byte) error {
	temp, err := writeTemp(path, content)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(fmt.Errorf("seal: %w", err), os.Remove(temp))
	}
	if err := syncFolder(path); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

// writeTemp writes a synced file beside path and returns its name. A crash leaves it
// there, and nobody reads it.
func writeTemp(path string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncFolder makes the name of a file durable.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (k Key) aead() cipher.AEAD {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // the size is right
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block size is right
	}
	return a
}

// Seal encrypts a text, which Open decrypts with the same key and name.
func (k Key) Seal(name string, text []byte) []byte {
	a := k.aead()
	nonce := make([]byte, a.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return a.Seal(nonce, nonce, text, []byte(name))
}

// ErrSealed means that a text was sealed with another key or name, or was changed.
var ErrSealed = errors.New("sealed with another key")

// Open decrypts what Seal returned. Errors: ErrSealed.
func (k Key) Open(name string, sealed []byte) ([]byte, error) {
	a := k.aead()
	if len(sealed) < a.NonceSize() {
		return nil, ErrSealed
	}
	text, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(name))
	if err != nil {
		return nil, ErrSealed
	}
	return text, nil
}
