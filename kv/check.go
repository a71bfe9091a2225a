package kv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"github.com/tablecast/tablecast/internal/fsck"
)

// A checker checks the files of a folder for Inspect.
type checker struct {
	fs         vfs.FS
	dir, store string
	report     *fsck.Report
	view       readFS
	mark       uint64 // the watermark; 0 if it cannot be read
	damaged    map[string]bool
}

// fault reports a fault of a file.
func (c *checker) fault(file string, offset int64, format string, args ...any) {
	if c.damaged == nil {
		c.damaged = map[string]bool{}
	}
	c.damaged[file] = true
	c.report.FileFault(file, offset, format, args...)
}

// known reports whether a fault of the file, or of one that its text begins with,
// was reported.
func (c *checker) known(file string) bool {
	for name := range c.damaged {
		if strings.HasPrefix(file, name) {
			return true
		}
	}
	return false
}

// files checks all files but the tables. Errors: ErrNewerFormat, and those of the
// file system.
func (c *checker) files() error {
	name := c.fs.PathJoin(c.dir, "FORMAT")
	missing, err := readFormat(c.fs, c.dir)
	switch {
	case errors.Is(err, ErrNewerFormat):
		return err
	case err != nil:
		c.fault(name, -1, "%v; write into it: tablecast %d", err, formatNumber)
	case missing:
		c.fault(name, -1, "it is missing; make it with this line: tablecast %d", formatNumber)
	}
	c.watermark()
	names, err := c.fs.List(c.store)
	if err != nil {
		c.fault(c.store, -1, "%v; restore the folder from a backup", err)
		return nil
	}
	c.report.Count("files", uint64(len(names)+3))
	for _, name := range names {
		if info, err := c.fs.Stat(c.fs.PathJoin(c.store, name)); err == nil {
			c.report.Expect(uint64(info.Size()), 0)
		}
	}
	kept := &inventory{fs: c.fs, name: c.fs.PathJoin(c.dir, "INVENTORY"), dir: c.store}
	c.inventory(kept, names)
	manifest := c.markers(names, kept)
	if manifest != "" {
		c.manifest(kept, manifest)
	}
	c.logs()
	return nil
}

// watermark reads the watermark without opening it for writing.
func (c *checker) watermark() {
	name := c.fs.PathJoin(c.dir, "WATERMARK")
	b, err := readSmall(c.fs, name, 2*slotSize)
	if err != nil {
		c.fault(name, -1, "%v; tablecast up --accept-loss makes it anew, from the commits that are there", err)
		return
	}
	valid := false
	for slot := 0; slot+slotUsed <= len(b); slot += slotSize {
		seq, ok := parseSlot(b[slot:])
		valid = valid || ok
		if ok {
			c.mark = max(c.mark, seq)
		}
	}
	if !valid {
		c.fault(name, 0, "neither slot has a good checksum; remove the file, and tablecast up --accept-loss makes it anew, from the commits that are there")
	}
}

// inventory compares the files of the store with the inventory.
func (c *checker) inventory(kept *inventory, names []string) {
	err := kept.load()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return // an earlier version wrote the folder
	case err != nil:
		c.fault(kept.name, -1, "%v; without the file the folder opens, and nobody can tell whether files are missing or exchanged", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(kept.held.Tables)) {
		if err := kept.checkTable(name); err != nil {
			c.fault(kept.path(name), -1, "%v; restore it from a copy", err)
		}
	}
	for _, name := range kept.held.Logs {
		if !slices.Contains(names, name) {
			c.fault(kept.path(name), -1, "it is missing, which %s lists as a log that is in use; restore it from a copy, or tablecast up --accept-loss goes on without its commits", kept.name)
		}
	}
}

// markers returns the current manifest. Where a marker is missing, it reports how
// to make it, and the view has it.
func (c *checker) markers(names []string, kept *inventory) string {
	manifest, err := checkMarkers(c.fs, c.store)
	if err == nil {
		return manifest
	}
	has := func(prefix string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, prefix) })
	}
	if manifest = newestManifest(names); manifest == "" {
		c.fault(c.fs.PathJoin(c.store, "MANIFEST-*"), -1, "no manifest is there, without which nobody knows which files are in use; restore the folder from a backup")
		return ""
	}
	if known := kept.held.Manifest.Name; slices.Contains(names, known) {
		manifest = known
	}
	switch {
	case !has(manifestMarker):
		marker := manifestMarker + "000001." + manifest
		c.view.markers = append(c.view.markers, marker)
		c.fault(c.fs.PathJoin(c.store, manifestMarker+"*"), -1, "it is missing; restore the empty file from a copy, or make it: touch %s", c.fs.PathJoin(c.store, marker))
	case has(formatMarker): // the current manifest is missing
		c.fault(c.fs.PathJoin(c.store, "MANIFEST-*"), -1, "%v; restore it from a copy", err)
		return ""
	}
	if !has(formatMarker) {
		marker := fmt.Sprintf("%s000001.%03d", formatMarker, uint64(pebble.FormatNewest))
		c.view.markers = append(c.view.markers, marker)
		c.fault(c.fs.PathJoin(c.store, formatMarker+"*"), -1, "it is missing; restore the empty file from a copy, or make it: touch %s", c.fs.PathJoin(c.store, marker))
	}
	return manifest
}

// newestManifest returns the manifest with the highest number.
func newestManifest(names []string) string {
	newest := ""
	for _, name := range names {
		if isManifest(name) && (newest == "" || fileNumber(name) > fileNumber(newest)) {
			newest = name
		}
	}
	return newest
}

// manifest checks the current manifest by the inventory. Without one it reads the
// records, whose last one a crash may have torn.
func (c *checker) manifest(kept *inventory, name string) {
	path := kept.path(name)
	c.expectRead(path)
	if err := kept.checkManifest(name); err != nil {
		c.fault(path, -1, "%v; restore it from a copy", err)
	}
	if kept.held.Manifest.Name != "" {
		return
	}
	f, err := c.fs.Open(path)
	if err != nil {
		c.fault(path, -1, "%v", err)
		return
	}
	defer f.Close()
	r := record.NewReader(f, 0)
	for err == nil {
		var one io.Reader
		at := r.Offset()
		if one, err = r.Next(); err == nil {
			_, err = io.Copy(io.Discard, one)
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, record.ErrUnexpectedEOF) {
			c.fault(path, at, "%v; restore it from a copy", err)
		}
	}
}

// expectRead counts a file that was read whole.
func (c *checker) expectRead(path string) {
	if info, err := c.fs.Stat(path); err == nil {
		c.report.Bytes(uint64(info.Size()))
	}
}

// logs reads all logs to their ends. The view ends where the first of them is
// damaged.
func (c *checker) logs() {
	logs, err := wal.Scan(wal.Dir{FS: c.fs, Dirname: c.store})
	if err != nil {
		c.fault(c.store, -1, "the logs cannot be listed: %v", err)
		return
	}
	broken := false
	for _, log := range logs {
		name := log.Num.String() + ".log"
		if broken {
			c.view.ends[name] = 0
			continue
		}
		at, last, err := lastCommit(log)
		c.expectRead(c.fs.PathJoin(c.store, name))
		if err == nil {
			continue
		}
		broken = true
		c.view.ends[name] = at.Physical
		c.fault(at.PhysicalFile, at.Physical, "the record that follows commit %d is damaged: %v; restore the file from a copy, or lose the commits after it", last, err)
		c.report.Note("Commits up to %d can be saved; what is walked below is as they left it.", last)
	}
}

// lastCommit reads a log to its end and returns the number of its last commit
// before an error, and where that is.
func lastCommit(log wal.LogicalLog) (at wal.Offset, last uint64, err error) {
	r := log.OpenForRead()
	defer r.Close()
	for {
		rec, at, err := r.NextRecord()
		if errors.Is(err, io.EOF) || errors.Is(err, record.ErrUnexpectedEOF) {
			return at, last, nil
		}
		var text []byte
		if err == nil {
			text, err = io.ReadAll(rec)
		}
		if errors.Is(err, record.ErrUnexpectedEOF) {
			return at, last, nil
		}
		if err != nil {
			return at, last, err
		}
		last = max(last, commitOf(text))
	}
}

// commitOf returns the number that a batch in the log took; 0 if it took none.
func commitOf(text []byte) uint64 {
	var b pebble.Batch
	if b.SetRepr(text) != nil {
		return 0
	}
	for r := b.Reader(); ; {
		_, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return 0
		}
		if string(key) == string(seqKey) && len(value) == 8 {
			return binary.BigEndian.Uint64(value)
		}
	}
}

// tables checks each block of the tables that db uses, or of all if it is nil or
// lacks some.
func (c *checker) tables(db *pebble.DB) {
	names, err := c.fs.List(c.store)
	if err != nil {
		return
	}
	used := map[string]bool{}
	known := false
	if db != nil {
		levels, err := db.SSTables()
		known = err == nil
		for _, level := range levels {
			for i := range level {
				used[level[i].BackingSSTNum.String()+".sst"] = true
			}
		}
	}
	for _, name := range names {
		path := c.fs.PathJoin(c.store, name)
		if !isTable(name) || known && !used[name] { // a kill left it, half made
			continue
		}
		entries, err := checkTable(c.fs, path)
		if err != nil && !c.known(path) {
			c.fault(path, blockOffset(err), "%v; restore it from a copy", err)
		}
		c.report.Count("tables of the store", 1)
		c.report.Expect(0, entries)
		c.expectRead(path)
	}
}

// checkTable checks each block of a table, and returns how many entries it has.
func checkTable(fs vfs.FS, path string) (entries uint64, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return 0, err
	}
	in, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return 0, errors.Join(err, f.Close())
	}
	filter := bloom.FilterPolicy(10)
	o := sstable.ReaderOptions{Filters: map[string]sstable.FilterPolicy{filter.Name(): filter}}
	r, err := sstable.NewReader(context.Background(), in, o)
	if err != nil {
		return 0, errors.Join(err, in.Close())
	}
	defer r.Close()
	if props, err := r.ReadPropertiesBlock(context.Background(), nil); err == nil {
		entries = props.NumEntries
	}
	if err := r.ValidateBlockChecksums(); err != nil {
		return entries, err
	}
	l, err := r.Layout()
	if err != nil {
		return entries, err
	}
	for _, at := range l.ValueBlock {
		h, err := r.ReadValueBlockExternal(context.Background(), at)
		if err != nil {
			return entries, err
		}
		h.Release()
	}
	return entries, nil
}

var blockPlace = regexp.MustCompile(`block (\d+)/`)

// blockOffset returns the offset of the block that an error of Pebble speaks of; -1
// if it speaks of none.
func blockOffset(err error) int64 {
	if m := blockPlace.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64) // digits
		return n
	}
	return -1
}

// counter compares the number of the last commit with the watermark.
func (c *checker) counter(i *Inspection) {
	seq, err := i.Seq()
	switch {
	case err != nil:
		c.report.Fault("store", seqKey, "the number of the last commit: %v", err)
	case seq < c.mark:
		c.report.FileFault(newestLog(c.fs, c.store), -1, "the folder ends at commit %d, but commit %d was acknowledged: the end of this log, which is the newest, is missing, or an older copy was restored; tablecast up --accept-loss goes on without the missing commits", seq, c.mark)
	}
}

// parseSlot returns the number in a slot of the watermark, if its checksum holds.
func parseSlot(b []byte) (uint64, bool) {
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]) == crc32.Checksum(b[:8], castagnoli)
}
