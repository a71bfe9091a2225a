package kv

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
)

// An inventory is the side file INVENTORY, which remembers the files of the
// store. Pebble trusts its folder: it takes a manifest that was cut or exchanged
// for a shorter history, a log that is gone for one that was never there, and a
// table in the place of another for that one. The inventory tells at Open.
//
//	{CRC-32C of the rest, in hex}\n
//	{"manifest": {"name": NAME, "size": SYNCED BYTES, "crc": OF THEM},
//	 "tables": {NAME: {"size": BYTES, "crc": OF THE LAST 4 KiB}},
//	 "logs": [NAME]}
//
// What it says must hold after a crash at any moment, when it may be older than
// the files. So a log is listed before it is used and no longer listed before it
// is removed, each durably; a manifest only grows, and a newer one replaces it;
// a table never changes, and one that is not there may have been merged into
// others, which Pebble knows. The names of tables and logs and the bytes of tables
// are made durable before they are listed, also those that a killed process left
// behind: otherwise a power loss could take a name that is listed, or give the
// number of a listed table to another one. A folder without the file was written by
// an earlier version, or the file was lost, which loses no commit: it opens.
type inventory struct {
	fs   vfs.FS
	name string // of the side file
	dir  string // of the store

	saving sync.Mutex // held by save

	mu    sync.Mutex
	held  inventoryFile // guarded by mu
	next  sum           // the newest manifest, while it may not be current yet; guarded by mu
	fresh []string      // tables that are closed and not listed; guarded by mu
	dirty bool          // held is not what the file says; guarded by mu
}

// inventoryFile is what the side file holds.
type inventoryFile struct {
	Manifest sum            `json:"manifest"`
	Tables   map[string]sum `json:"tables"`
	Logs     []string       `json:"logs"`
}

// A sum is the size and the checksum of a file or a part of it.
type sum struct {
	Name string `json:"name,omitempty"`
	Size int64  `json:"size"`
	CRC  uint32 `json:"crc"`
}

// tailSize is how much of the end of a table is summed: its footer, its
// properties and its index, which no two tables have in common.
const tailSize = 4096

// check reads the side file and compares the files of the store with it, before
// Pebble opens, and so may change, any of them. manifest is the name of the one
// that is current.
//
// acceptLoss goes on without logs that are missing.
func (v *inventory) check(manifest string, acceptLoss bool) error {
	names, err := v.fs.List(v.dir)
	if err == nil {
		// A process that was killed may have made a log a moment ago.
		err = syncDir(v.fs, v.dir)
	}
	if err != nil {
		return fmt.Errorf("kv: inventory: %w", err)
	}
	// Pebble uses these files, or removes them while it opens; none is still being made.
	defer func() { v.add(names) }()
	if err := v.load(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(v.held.Tables)) {
		if err := v.checkTable(name); err != nil {
			return err
		}
	}
	for _, name := range v.held.Logs {
		if !slices.Contains(names, name) && !acceptLoss {
			return fmt.Errorf("%w: %s is missing, which %s lists as a log that is in use; tablecast up --accept-loss goes on without its commits", ErrCorrupt, v.path(name), v.name)
		}
	}
	v.held.Logs = slices.DeleteFunc(v.held.Logs, func(name string) bool { return !slices.Contains(names, name) })
	return v.checkManifest(manifest)
}

// load reads the side file. Errors: os.ErrNotExist, ErrCorrupt.
func (v *inventory) load() error {
	text, err := readSmall(v.fs, v.name, 64<<20)
	if err != nil {
		return fmt.Errorf("kv: inventory: %w", err)
	}
	head, body, _ := bytes.Cut(text, []byte("\n"))
	if string(head) != fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)) {
		return fmt.Errorf("%w: %s has a bad checksum", ErrCorrupt, v.name)
	}
	if err := json.Unmarshal(body, &v.held); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, v.name, err)
	}
	return nil
}

func (v *inventory) path(name string) string { return v.fs.PathJoin(v.dir, name) }

// checkTable compares a table with its sum, and forgets one that is gone.
func (v *inventory) checkTable(name string) error {
	have, err := sumTail(v.fs, v.path(name), false)
	switch {
	case errors.Is(err, os.ErrNotExist):
		delete(v.held.Tables, name)
		return nil
	case err != nil:
		return fmt.Errorf("kv: inventory: %w", err)
	case have != v.held.Tables[name]:
		return fmt.Errorf("%w: %s is not the table that was written under this name, as %s knows", ErrCorrupt, v.path(name), v.name)
	}
	return nil
}

// checkManifest checks that the current manifest still begins with what was synced,
// and is none that an older copy of the folder had.
func (v *inventory) checkManifest(current string) error {
	known := v.held.Manifest
	switch {
	case known.Name == "" || fileNumber(current) > fileNumber(known.Name):
		return nil // rotated since
	case current != known.Name:
		return fmt.Errorf("%w: %s is current, which is older than %s, as %s knows", ErrCorrupt, v.path(current), known.Name, v.name)
	}
	f, err := v.fs.Open(v.path(current))
	if err != nil {
		return fmt.Errorf("kv: inventory: %w", err)
	}
	defer f.Close()
	crc := crc32.New(castagnoli)
	n, err := io.Copy(crc, io.LimitReader(f, known.Size))
	if err != nil {
		return fmt.Errorf("kv: inventory: %w", err)
	}
	if n != known.Size || crc.Sum32() != known.CRC {
		return fmt.Errorf("%w: the first %d bytes of %s are not those that were synced, as %s knows", ErrCorrupt, known.Size, v.path(current), v.name)
	}
	return nil
}

// add notes the logs and tables among names that are not listed yet.
func (v *inventory) add(names []string) {
	v.change(func(f *inventoryFile) {
		for _, name := range names {
			if isLog(name) && !slices.Contains(f.Logs, name) {
				f.Logs = append(f.Logs, name)
			}
			if _, ok := f.Tables[name]; !ok && isTable(name) {
				v.fresh = append(v.fresh, name)
			}
		}
	})
}

// begin writes the side file once Pebble has opened the store: the manifest that
// it has begun is current.
func (v *inventory) begin() error {
	v.manifestCurrent()
	return v.save()
}

// end writes the side file once Pebble has closed the store, so that all files
// are whole.
func (v *inventory) end() error {
	names, err := v.fs.List(v.dir)
	if err != nil {
		return fmt.Errorf("kv: inventory: %w", err)
	}
	v.add(names)
	return v.save()
}

// save makes the side file say what is known, if it does not.
func (v *inventory) save() error {
	v.saving.Lock()
	defer v.saving.Unlock()
	v.mu.Lock()
	fresh := v.fresh
	v.fresh = nil
	v.mu.Unlock()
	sums, later := v.sumTables(fresh)
	v.mu.Lock()
	v.fresh = append(v.fresh, later...)
	if v.held.Tables == nil {
		v.held.Tables = map[string]sum{}
	}
	maps.Copy(v.held.Tables, sums)
	if !v.dirty && len(sums) == 0 {
		v.mu.Unlock()
		return nil
	}
	body, err := json.Marshal(&v.held, json.Deterministic(true))
	v.dirty = false
	v.mu.Unlock()
	if err != nil {
		panic(fmt.Sprintf("kv: inventory: %v", err)) // plain data always marshals
	}
	text := append(fmt.Appendf(nil, "%08x\n", crc32.Checksum(body, castagnoli)), body...)
	if err := replaceFile(v.fs, v.name, text); err != nil {
		v.mu.Lock()
		v.dirty = true
		v.mu.Unlock()
		return fmt.Errorf("kv: inventory: %w", err)
	}
	return nil
}

// sumTables makes the names and the bytes of tables durable and sums them. Pebble
// has synced the tables that it uses; one that it gave up, for want of space or by
// a kill, may be closed without that. later are those that cannot be synced or read
// now: they must not keep a log, which commits wait for, from being listed.
func (v *inventory) sumTables(names []string) (sums map[string]sum, later []string) {
	if len(names) == 0 {
		return nil, nil
	}
	if err := syncDir(v.fs, v.dir); err != nil {
		return nil, names
	}
	sums = map[string]sum{}
	for _, name := range names {
		s, err := sumTail(v.fs, v.path(name), true)
		switch {
		case err == nil:
			sums[name] = s
		case !errors.Is(err, os.ErrNotExist): // otherwise it was merged into others, or given up
			later = append(later, name)
		}
	}
	return sums, later
}

// change lets do change what is known of the files.
func (v *inventory) change(do func(*inventoryFile)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	do(&v.held)
	v.dirty = true
}

// logAdded lists a log that was made, durably, before anything is written to it.
func (v *inventory) logAdded(name string) error {
	// A crash must not leave the list with a name that the folder does not have.
	if err := syncDir(v.fs, v.dir); err != nil {
		return err
	}
	v.change(func(f *inventoryFile) { f.Logs = append(f.Logs, name) })
	return v.save()
}

// logGone takes a log from the list, durably, before it is removed.
func (v *inventory) logGone(name string) error {
	v.change(func(f *inventoryFile) {
		f.Logs = slices.DeleteFunc(f.Logs, func(x string) bool { return x == name })
	})
	return v.save()
}

// manifestSynced notes how much of a manifest is durable. A crash may still leave
// the one before it current.
func (v *inventory) manifestSynced(m sum) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held.Manifest.Name == m.Name {
		v.held.Manifest, v.dirty = m, true
		return
	}
	v.next = m
}

// manifestCurrent notes that the newest manifest is current for good.
func (v *inventory) manifestCurrent() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.next.Name != "" {
		v.held.Manifest, v.next, v.dirty = v.next, sum{}, true
	}
}

// tableWritten notes a table that was closed.
func (v *inventory) tableWritten(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fresh = append(v.fresh, name)
}

// tableGone forgets a table.
func (v *inventory) tableGone(name string) {
	v.change(func(f *inventoryFile) { delete(f.Tables, name) })
}

// sumTail sums the end of a file, which it syncs before if sync says so.
func sumTail(fs vfs.FS, name string, sync bool) (sum, error) {
	f, err := fs.Open(name)
	if err != nil {
		return sum{}, err
	}
	defer f.Close()
	if sync {
		if err := f.Sync(); err != nil {
			return sum{}, err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return sum{}, err
	}
	b := make([]byte, min(info.Size(), tailSize))
	if _, err := f.ReadAt(b, info.Size()-int64(len(b))); err != nil && !errors.Is(err, io.EOF) {
		return sum{}, err
	}
	return sum{Size: info.Size(), CRC: crc32.Checksum(b, castagnoli)}, nil
}
