package kv

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// missingTable matches how Pebble speaks of a table that is gone.
var missingTable = regexp.MustCompile(`file (\d+) \(type sstable\)`)

// malformedManifest matches how Pebble speaks of a manifest that it cannot read.
var malformedManifest = regexp.MustCompile(`manifest file "([^"]+)"`)

// damagedFile returns the file for which Pebble cannot open a store, for an error
// message: Pebble names some files and not others.
func damagedFile(fs vfs.FS, dir string, err error) string {
	if m := missingTable.FindStringSubmatch(err.Error()); m != nil {
		return fs.PathJoin(dir, m[1]+".sst")
	}
	if m := malformedManifest.FindStringSubmatch(err.Error()); m != nil {
		return fs.PathJoin(dir, m[1])
	}
	if name := damagedOptions(fs, dir); name != "" {
		return name
	}
	return damagedLog(fs, dir)
}

// damagedOptions returns the file in which Pebble noted the options of the store, if
// the options of every store of ours contradict it or it cannot be read.
func damagedOptions(fs vfs.FS, dir string) string {
	d, err := pebble.Peek(dir, fs)
	if err != nil || d.OptionsFilename == "" {
		return ""
	}
	text, err := readSmall(fs, d.OptionsFilename, 1<<20)
	o := &pebble.Options{}
	o.EnsureDefaults()
	if err != nil || o.CheckCompatibility(dir, string(text)) != nil {
		return d.OptionsFilename
	}
	return ""
}

// damagedLog returns the file and offset of the first damaged record among the
// logs in dir, for an error message: Pebble names neither when it replays a
// log. It returns dir if no log is damaged.
func damagedLog(fs vfs.FS, dir string) string {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil {
		return dir
	}
	for _, log := range logs {
		if at, err := readLog(log); err != nil {
			return fmt.Sprintf("%s, record at offset %d", at.PhysicalFile, at.Physical)
		}
	}
	return dir
}

// readLog reads a log to its end. An error comes with the place of the record
// that could not be read. A log that ends in the middle of a record is whole:
// that record was never synced.
func readLog(log wal.LogicalLog) (wal.Offset, error) {
	r := log.OpenForRead()
	defer r.Close()
	for {
		_, at, err := r.NextRecord()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, record.ErrUnexpectedEOF):
			return wal.Offset{}, nil
		case err != nil:
			return at, err
		}
	}
}

// newestLog returns the log with the highest number in dir, for an error
// message.
func newestLog(fs vfs.FS, dir string) string {
	names, _ := fs.List(dir) // what cannot be listed cannot be opened either
	newest := ""
	for _, name := range names {
		if isLog(name) && name > newest {
			newest = name
		}
	}
	return fs.PathJoin(dir, newest)
}
