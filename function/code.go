package function

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tablecast/tablecast/kv"
)

const chunkBytes = 1 << 20

func chunkKey(number uint64) kv.Key { return kv.NewKey('f').Uint64(1).Uint64(number) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// place puts code where a function can name it: a zip file into the store and
// unpacked into a folder, which it returns.
func (fs *Functions) place(c *Code) (dir string, err error) {
	if c.Dir != "" {
		*c = Code{Dir: c.Dir, SHA256: digest([]byte(c.Dir))}
		return c.Dir, nil
	}
	*c = Code{Zip: c.Zip, Size: int64(len(c.Zip)), SHA256: digest(c.Zip)}
	if c.Number, err = fs.takeNumber(); err != nil {
		return "", err
	}
	dir = fs.codeDir(c.Number)
	if err := fs.unpack(c.Zip, dir); err != nil {
		_ = os.RemoveAll(dir) // else it goes at the next Open
		return "", err
	}
	// The chunks are batches of their own, as one batch would be too large. Nothing
	// refers to them before the function's own commit: a crash here leaves chunks
	// that sweep removes at the next Open.
	for i := 0; i*chunkBytes < len(c.Zip); i++ {
		b := fs.store.NewBatch()
		b.Set(chunkKey(c.Number).Uint64(uint64(i)), c.Zip[i*chunkBytes:min(len(c.Zip), (i+1)*chunkBytes)])
		if _, err := fs.store.Commit(b); err != nil {
			return "", err
		}
	}
	c.Zip = nil
	return dir, nil
}

// takeNumber returns a number of the store that nothing else has.
func (fs *Functions) takeNumber() (uint64, error) {
	b := fs.store.NewBatch()
	c, err := fs.store.Commit(b)
	return c.First, err
}

func (fs *Functions) codeDir(number uint64) string {
	return filepath.Join(fs.opts.Dir, strconv.FormatUint(number, 10))
}

// clear removes the folder of code, in which an earlier process may have left some. A
// folder with anything else in it is somebody else's, and stays.
func (fs *Functions) clear() error {
	found, err := os.ReadDir(fs.opts.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, f := range found {
		if _, err := strconv.ParseUint(f.Name(), 10, 64); err != nil || !f.IsDir() {
			return fmt.Errorf("the folder %s is for the code of functions alone, and has %s in it; move it elsewhere", fs.opts.Dir, f.Name())
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(fs.opts.Dir)
}

// restore unpacks the code of a function that was read from the store.
func (fs *Functions) restore(c *Code) (dir string, err error) {
	if c.Dir != "" {
		return c.Dir, nil
	}
	dir = fs.codeDir(c.Number)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil // unpacked before: a declared function of the name hid this one
	}
	var text []byte
	it := fs.store.Scan(kv.Prefix(chunkKey(c.Number)))
	for it.Next() {
		text = append(text, it.Value()...)
	}
	if err := it.Close(); err != nil {
		return "", err
	}
	if got := digest(text); got != c.SHA256 {
		return "", fmt.Errorf("%w: code %d has the digest %s, not %s", kv.ErrCorrupt, c.Number, got, c.SHA256)
	}
	if err := fs.unpack(text, dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir)) // or it would be taken for whole
	}
	return dir, nil
}

// unpack makes a folder of a zip file, which whom functions run as can read.
func (fs *Functions) unpack(text []byte, dir string) error {
	err := unpack(text, dir, maxCodeBytes)
	if u := fs.opts.Function.User; err == nil && u != nil {
		return errors.Join(os.Chmod(fs.opts.Dir, 0o711), u.Share(dir))
	}
	return err
}

// sweep removes the zip files that no function refers to, which a crash between
// place and the function's commit leaves.
func (fs *Functions) sweep() error {
	used := map[uint64]bool{}
	for _, e := range fs.byName {
		used[e.fn.Code.Number] = true
	}
	var gone []uint64
	it := fs.store.Scan(kv.Prefix(kv.NewKey('f').Uint64(1)))
	for it.Next() {
		r := kv.ReadKey(it.Key())
		r.Uint64()
		if n := r.Uint64(); !used[n] {
			used[n] = true // once is enough
			gone = append(gone, n)
		}
	}
	if err := it.Close(); err != nil || len(gone) == 0 {
		return err
	}
	b := fs.store.NewBatch()
	b.UseReserve()
	for _, n := range gone {
		dropCode(b, n)
	}
	_, err := fs.store.Commit(b)
	return err
}

// dropCode removes a zip file in the batch.
func dropCode(b *kv.Batch, number uint64) {
	if number > 0 {
		r := kv.Prefix(chunkKey(number))
		b.DeleteRange(r.Lower, r.Upper)
	}
}
