// Package seal encrypts what a node's folder keeps secret, such as the parameters of
// connections and the node's access keys, under a random key in a file of the folder.
// Who reads that file can open all that is sealed.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A Key encrypts secrets with AES-256-GCM.
type Key [32]byte

// ErrKeyFile means that a key file has the wrong size, or that others than its
// owner may read it.
var ErrKeyFile = errors.New("seal: unusable key file")

// ErrKeySize is the ErrKeyFile of a file of the wrong size, which was damaged.
var ErrKeySize = fmt.Errorf("%w: damaged", ErrKeyFile)

// LoadKey reads the key from a file, which only its owner may read. It creates the
// file, with a random key and mode 0600, if it does not exist. Errors: ErrKeyFile,
// and those of the file system.
func LoadKey(path string) (Key, error) {
	var k Key
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ReadKey(path)
	}
	if err != nil {
		return k, fmt.Errorf("seal: %w", err)
	}
	_, _ = rand.Read(k[:]) // never fails
	_, err = f.Write(k[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return k, errors.Join(fmt.Errorf("seal: %w", err), os.Remove(path))
	}
	return k, nil
}

// ReadKey reads the key from a file, which only its owner may read. Errors:
// ErrKeyFile, and those of the file system.
func ReadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("seal: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("%w: %s is open to others (mode %04o); write chmod 600 %s", ErrKeyFile, path, info.Mode().Perm(), path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("seal: %w", err)
	}
	if len(b) != len(Key{}) {
		return Key{}, fmt.Errorf("%w: %s has %d bytes, not %d", ErrKeySize, path, len(b), len(Key{}))
	}
	return Key(b), nil
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
