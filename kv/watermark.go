package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A watermark is the file that holds a durable sequence number apart from the
// log, so that the loss of the log's end is noticed. It has two slots, written in
// turn, so that a torn write damages only one:
//
//	byte 0    {sequence number: 8, CRC-32C of them: 4}
//	byte 4096 {sequence number: 8, CRC-32C of them: 4}
//
// The higher valid slot counts. Both slots are valid from the file's creation
// on, so that a file without a valid slot was damaged.
type watermark struct {
	file vfs.File
	seq  uint64 // highest number in the file
	slot int64  // slot to write next
}

const (
	slotSize = 4096
	slotUsed = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// open reads the file. If it is missing, create says whether it is made or the
// folder refused.
func (w *watermark) open(fs vfs.FS, name string, create bool) error {
	if _, err := fs.Stat(name); errors.Is(err, os.ErrNotExist) {
		if !create {
			return fmt.Errorf("%w: %s is missing, so that nobody can tell whether commits are; tablecast up --accept-loss goes on without it", ErrCorrupt, name)
		}
		if err := createWatermark(fs, name); err != nil {
			return err
		}
	}
	file, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("kv: watermark: %w", err)
	}
	w.file = file
	valid := false
	// The next write goes to the slot with the lower number, or the damaged one: the
	// other stays valid whatever becomes of it.
	for slot := range int64(2) {
		seq, ok, err := w.read(slot)
		if err != nil {
			return fmt.Errorf("kv: watermark: %w", err)
		}
		if ok && seq >= w.seq {
			w.seq, w.slot, valid = seq, 1-slot, true
		}
	}
	if !valid {
		return fmt.Errorf("%w: %s: neither slot (offsets 0 and %d) has a good checksum", ErrCorrupt, name, slotSize)
	}
	return nil
}

// createWatermark makes a file whose slots hold 0.
func createWatermark(fs vfs.FS, name string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("kv: watermark: %w", err)
	}
	var b [slotSize + slotUsed]byte
	putSlot(b[:], 0)
	putSlot(b[slotSize:], 0)
	_, err = f.Write(b[:])
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncDir(fs, fs.PathDir(name))
	}
	if err != nil {
		return fmt.Errorf("kv: watermark: %w", err)
	}
	return nil
}

func putSlot(b []byte, seq uint64) {
	binary.BigEndian.PutUint64(b, seq)
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
}

// read returns the number in a slot, if its checksum holds.
func (w *watermark) read(slot int64) (seq uint64, ok bool, err error) {
	var b [slotUsed]byte
	if _, err := w.file.ReadAt(b[:], slot*slotSize); err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	seq, ok = parseSlot(b[:])
	return seq, ok, nil
}

// write makes seq the number in the file, durably, if it is higher.
func (w *watermark) write(seq uint64) error {
	if w.file == nil || seq <= w.seq {
		return nil
	}
	var b [slotUsed]byte
	putSlot(b[:], seq)
	if _, err := w.file.WriteAt(b[:], w.slot*slotSize); err != nil {
		return err
	}
	// A crash before this sync ends leaves the other slot, whose number is lower. A
	// watermark that is behind is harmless: Open only refuses a store behind it.
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.seq, w.slot = seq, 1-w.slot
	return nil
}

func (w *watermark) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}
