// Package attempt notes in a file what the process is working on, so that the next
// process knows at what this one ended: work that ends the process each time, as
// code of others that exits or takes all memory, is set aside and not tried for ever.
//
// # The file
//
// The file has slots of 512 bytes:
//
//	1 byte   'w' for what is worked on, 'e' for what processes ended at; else the slot is free
//	1 byte   of 'e', how many processes ended
//	2 bytes  length of the text
//	4 bytes  CRC-32C of all else
//	text     what the work is
//
// Slots 0 to 63 are of the kind 'e', each slot behind them belongs to a worker.
//
// # Invariants
//
//  1. A slot is written before the work begins and cleared after it, without a sync:
//     the operating system keeps what a process wrote whatever ends the process. A
//     power loss may lose or garble slots, so that work is tried once more than it
//     would have been.
//  2. Only work within the process is noted, never the waiting for others or for the
//     disk. So a process that is killed from outside is seldom taken for one that its
//     work ended, and never twice in a row at the same work but by rare chance.
//  3. Work at which a process ended is done while no other such work is: when the next
//     process ends as well, only one of those that were under way is to blame, and the
//     others are tried again.
//  4. What cannot be read or written counts as if it had not been noted: the file never
//     keeps a node from starting, and no work from being done.
package attempt

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	slotSize = 512
	header   = 8
	maxText  = slotSize - header
	maxEnded = 64 // works that are remembered
	maxSlots = 1 << 16
	maxAlone = 10 * time.Second
)

// Limit is how many processes may end at the same work before it is set aside.
const Limit = 2

// A Log is the file of a node. A nil Log notes nothing. Its methods may be called from
// any goroutine.
type Log struct {
	file  *os.File
	alone chan struct{} // full while work is under way at which a process ended

	mu    sync.Mutex
	ended map[string]*entry // guarded by mu
	free  []int64           // slots of workers that were closed; guarded by mu
	next  int64             // the first slot that no worker ever had; guarded by mu
}

// An entry is work at which processes ended, and its slot.
type entry struct {
	count byte
	slot  int64
}

// Open reads the file that the process before left, and begins it anew; only one
// process may have it open. Errors: the file cannot be read or made.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("attempt: %w", err)
	}
	before, err := io.ReadAll(io.LimitReader(f, maxSlots*slotSize))
	if err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attempt: %w", err), f.Close())
	}
	l := &Log{file: f, alone: make(chan struct{}, 1), ended: map[string]*entry{}, next: maxEnded}
	l.load(before)
	return l, nil
}

// load remembers at what processes ended, first what the last one was working on, and
// of that first what others ended at, too: there may be more than there is room for.
func (l *Log) load(before []byte) {
	earlier := map[string]byte{}
	var last []string
	for ; len(before) >= header; before = before[min(len(before), slotSize):] {
		kind, count, text := decode(before)
		switch kind {
		case 'w':
			last = append(last, text)
		case 'e':
			earlier[text] = count
		}
	}
	slices.SortStableFunc(last, func(a, b string) int { return cmp.Compare(earlier[b], earlier[a]) })
	for _, text := range last {
		earlier[text] = min(earlier[text], 254) + 1
		l.remember(text, earlier[text])
	}
	for text, count := range earlier {
		l.remember(text, count)
	}
}

func (l *Log) remember(text string, count byte) {
	if l.ended[text] == nil && len(l.ended) < maxEnded {
		e := &entry{count, int64(len(l.ended))}
		l.ended[text] = e
		l.write(e.slot, encode('e', count, text))
	}
}

// write writes a slot as far as it can.
func (l *Log) write(slot int64, b []byte) { _, _ = l.file.WriteAt(b, slot*slotSize) }

// Ended reports whether as many processes as Limit ended at the work.
func (l *Log) Ended(what string) bool { return l != nil && l.count(what) >= Limit }

// count returns how many processes ended at the work.
func (l *Log) count(what string) byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.ended[what]; e != nil {
		return e.count
	}
	return 0
}

// Passed forgets the processes that ended at work which is done, or was set aside.
func (l *Log) Passed(what string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.ended[what]; e != nil {
		l.write(e.slot, []byte{0})
		e.count = 0 // it keeps its slot
	}
}

// Remembers reports whether a process ended at any work that has not passed.
func (l *Log) Remembers() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.ended {
		if e.count > 0 {
			return true
		}
	}
	return false
}

// Close closes the file. No worker may work any more.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// A Worker is a goroutine that does one work after the other. A nil Worker notes
// nothing. It belongs to its goroutine.
type Worker struct {
	log   *Log
	slot  int64
	what  string // that is noted; empty for nothing
	alone bool   // it has filled the log's alone
}

// Worker returns a new worker, which must be closed.
func (l *Log) Worker() *Worker {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &Worker{log: l, slot: l.next}
	if n := len(l.free); n > 0 {
		w.slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		l.next++
	}
	return w
}

// Begin notes that work begins, or goes on. Work that was noted before has ended. If a
// process ended at the work, Begin waits for other such work, but not for ever: that
// may hang.
func (w *Worker) Begin(what string) {
	if w == nil || w.what == what {
		return
	}
	if w.alone || w.log.count(what) > 0 {
		w.End() // before it waits: it must be noted for nothing then, and keep nobody
	}
	if w.log.count(what) > 0 {
		late := time.NewTimer(maxAlone)
		defer late.Stop()
		select {
		case w.log.alone <- struct{}{}:
			w.alone = true
		case <-late.C:
		}
	}
	w.what = what
	w.log.write(w.slot, encode('w', 0, what))
}

// End notes that nothing is worked on.
func (w *Worker) End() {
	if w == nil || w.what == "" {
		return
	}
	w.what = ""
	// The slot is free before others begin: they must not be under way together.
	w.log.write(w.slot, []byte{0})
	if w.alone {
		w.alone = false
		<-w.log.alone
	}
}

// Close ends the work and gives the slot back.
func (w *Worker) Close() {
	if w == nil {
		return
	}
	w.End()
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.free = append(w.log.free, w.slot)
}

// Name makes the text of work of its parts, which tell it from all other. A long one
// becomes a digest.
func Name(parts ...string) string {
	text := fmt.Sprintf("%q", parts)
	if len(text) > maxText {
		sum := sha256.Sum256([]byte(text))
		text = hex.EncodeToString(sum[:])
	}
	return text
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(kind, count byte, text string) []byte {
	b := make([]byte, header, header+len(text))
	b[0], b[1] = kind, count
	binary.BigEndian.PutUint16(b[2:], uint16(len(text)))
	b = append(b, text...)
	binary.BigEndian.PutUint32(b[4:], sum(b))
	return b
}

// decode reads a slot; the kind is 0 if it is free or was garbled.
func decode(b []byte) (kind, count byte, text string) {
	n := header + int(binary.BigEndian.Uint16(b[2:]))
	if n > min(len(b), slotSize) || binary.BigEndian.Uint32(b[4:]) != sum(b[:n]) {
		return 0, 0, ""
	}
	return b[0], b[1], string(b[header:n])
}

func sum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[header:])
}
