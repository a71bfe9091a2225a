package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/internal/wait"
)

const (
	fileName = "KEYS"
	keyName  = "KEY"
	header   = "tablecast keys 1\n"
	maxFile  = 16 << 20
)

var (
	// ErrDamaged means that a folder's KEYS cannot be read: it was changed or lost, or
	// the folder's KEY is missing or another one.
	ErrDamaged = errors.New("keys: the file is damaged")
	// errLost is the ErrDamaged of a closed folder without the file.
	errLost = fmt.Errorf("%w", ErrDamaged)
	// ErrNotFound means that a folder has no key of that name or id.
	ErrNotFound = errors.New("keys: no such key")
	// ErrExists means that a folder has a key of that name.
	ErrExists = errors.New("keys: the name is taken")
	// ErrBusy means that another process is changing the keys of the folder.
	ErrBusy = errors.New("keys: another process is changing them")
)

// content is what the file holds, sealed.
type content struct {
	Keys    []Key  `json:"keys"`
	Changes uint64 `json:"changes"` // how often the keys changed, this time included
}

// List returns the keys of a folder in order of their names; closed is false if the
// folder has no file of keys. Errors: ErrDamaged, seal.ErrKeyFile, and those of the
// file system.
func List(dir string) (all []Key, closed bool, err error) {
	// The count of changes is read first: update raises that of KEYS before it, so that
	// a KEYS read after it has as many, unless it is an older copy.
	closed, changes, err := seal.Closed(filepath.Join(dir, keyName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, true, err
	}
	path := filepath.Join(dir, fileName)
	c, err := read(dir, path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !closed:
		return nil, false, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, true, fmt.Errorf("%w: %s is missing, and the folder had keys; restore it from a copy, or make new keys with tablecast keys create", errLost, path)
	case err != nil:
		return nil, true, err
	case c.Changes < changes:
		return nil, true, fmt.Errorf("%w: %s is an older copy: it has the keys as of change %d of %d; restore the newest one, or remove it and make new keys with tablecast keys create", ErrDamaged, path, c.Changes, changes)
	}
	return c.Keys, true, nil
}

// read opens the file of keys. The error is fs.ErrNotExist if it is missing, and never
// otherwise.
func read(dir, path string) (c content, err error) {
	raw, err := readFile(path)
	if err != nil {
		return c, err
	}
	sealed, ok := bytes.CutPrefix(raw, []byte(header))
	if !ok {
		return c, fmt.Errorf("%w: %s", ErrDamaged, path)
	}
	k, err := seal.ReadKey(filepath.Join(dir, keyName))
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%w: %s is missing, which opens %s", ErrDamaged, filepath.Join(dir, keyName), path)
	}
	if err != nil {
		return c, err
	}
	text, err := k.Open(fileName, sealed)
	if err != nil {
		return c, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	return c, nil
}

// readFile reads a file that its owner alone may read.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := seal.OwnerAlone(path, info); err != nil {
		return nil, fmt.Errorf("%w: %w", seal.ErrKeyFile, err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, path, info.Size())
	}
	return os.ReadFile(path)
}

// Create adds a key to the folder's, which it closes with the first one, and returns it
// with its new ID and secret. Name, Expires and Allow are those of k. It makes the
// folder if there is none, and begins anew where a closed folder lost its file. Errors:
// ErrSpec, ErrExists, ErrBusy and those of List.
func Create(ctx context.Context, dir string, k Key, now time.Time) (Key, error) {
	if !nameForm.MatchString(k.Name) {
		return k, fmt.Errorf("%w: name %q: write at most 64 letters, digits and +=,.@_-", ErrSpec, k.Name)
	}
	if k.Expired(now) {
		return k, fmt.Errorf("%w: it would have expired at %s", ErrSpec, k.Expires.Format(time.RFC3339))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return k, fmt.Errorf("keys: %w", err)
	}
	k = fresh(k, now)
	return k, update(ctx, dir, func(all []Key) ([]Key, error) {
		at, taken := slices.BinarySearchFunc(all, k, byName)
		if taken {
			return nil, fmt.Errorf("%w: %s; revoke it first, or choose another", ErrExists, k.Name)
		}
		return slices.Insert(all, at, k), nil
	})
}

// Revoke removes the key of that name or ID from the folder's and returns it. Errors:
// ErrNotFound, ErrBusy and those of List.
func Revoke(ctx context.Context, dir, which string) (revoked Key, err error) {
	if _, closed, err := List(dir); err != nil {
		return revoked, err
	} else if !closed {
		return revoked, fmt.Errorf("%w: %s has no keys", ErrNotFound, dir)
	}
	err = update(ctx, dir, func(all []Key) ([]Key, error) {
		at := slices.IndexFunc(all, func(k Key) bool { return k.ID == which || k.Name == which })
		if at < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, which)
		}
		revoked = all[at]
		return slices.Delete(all, at, at+1), nil
	})
	return revoked, err
}

func byName(a, b Key) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) }

// Fresh returns a key with a new ID and secret.
func Fresh(name string, allow ...Grant) Key { return fresh(Key{Name: name, Allow: allow}, time.Now()) }

func fresh(k Key, now time.Time) Key {
	var id [10]byte
	var secret [30]byte
	_, _ = rand.Read(id[:])     // never fails
	_, _ = rand.Read(secret[:]) // never fails
	k.ID = "AKTC" + base32.StdEncoding.EncodeToString(id[:])
	k.Secret = base64.StdEncoding.EncodeToString(secret[:])
	k.Created = now.UTC().Truncate(time.Second)
	return k
}

// update replaces the keys of a folder by what change makes of them.
func update(ctx context.Context, dir string, change func([]Key) ([]Key, error)) error {
	lock, err := lockFile(ctx, filepath.Join(dir, fileName+".lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	all, closed, err := List(dir)
	if err != nil && !errors.Is(err, errLost) {
		return err
	}
	load := seal.ReadKey
	if !closed {
		load = seal.LoadKey // a folder with KEYS never gets another KEY
	}
	keyFile := filepath.Join(dir, keyName)
	k, err := load(keyFile)
	if err != nil {
		return err
	}
	if all, err = change(all); err != nil {
		return err
	}
	_, changes, err := seal.Closed(keyFile)
	if err != nil {
		return err
	}
	text, err := json.Marshal(content{all, changes + 1})
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	sealed := append([]byte(header), k.Seal(fileName, text)...)
	if len(sealed) > maxFile {
		return fmt.Errorf("%w: the keys of the folder would take %d bytes, more than %d; revoke some", ErrSpec, len(sealed), maxFile)
	}
	// KEY is marked before the first KEYS is written: a crash in between leaves a folder
	// that is refused until keys are created again. The number of changes is raised in
	// KEYS first: after a crash in between, KEYS is ahead and valid. Once it is raised in
	// KEY, the change is not undone by an older copy of KEYS.
	if err := seal.MarkClosed(keyFile, changes); err != nil {
		return err
	}
	if err := seal.Replace(filepath.Join(dir, fileName), sealed); err != nil {
		return err
	}
	return seal.MarkClosed(keyFile, changes+1)
}

// lockFile keeps others out until the result is closed. It waits a few seconds for
// another holder.
func lockFile(ctx context.Context, path string) (lock io.Closer, err error) {
	pause := wait.Backoff{Least: 5 * time.Millisecond, Most: 200 * time.Millisecond}
	for range 30 {
		if lock, err = vfs.Default.Lock(path); err == nil {
			return lock, nil
		}
		if err := pause.Wait(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrBusy, err)
}
