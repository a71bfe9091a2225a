// Package fsck collects what the checks of a data folder find: faults, what can
// be saved, and how much was walked. The packages that own files or keys check
// them; see tablecast.Fsck.
package fsck

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// maxFaults is how many faults a report holds; further ones are only counted.
const maxFaults = 1000

// A Fault is one thing that is not as it must be.
type Fault struct {
	// Part names what is concerned: "table users", "bus default", "store".
	Part string `json:"part"`
	// File and Offset name the place in a file, if the fault is of one. Offset is
	// -1 where the whole file is concerned or the place is not known.
	File   string `json:"file,omitzero"`
	Offset int64  `json:"offset"`
	// Key is the key in the store, in hexadecimal digits, if the fault is of one.
	Key string `json:"key,omitzero"`
	// Text says what is wrong.
	Text string `json:"fault"`
}

// String returns the fault as one line.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Part)
	if f.File != "" {
		b.WriteString(": " + f.File)
	}
	if f.File != "" && f.Offset >= 0 {
		fmt.Fprintf(&b, " at offset %d", f.Offset)
	}
	if f.Key != "" {
		b.WriteString(": key " + f.Key)
	}
	return b.String() + ": " + f.Text
}

// A Progress tells how far a check has come.
type Progress struct {
	Bytes, AllBytes uint64 // of files, read and in all
	Keys, AllKeys   uint64 // of the store, walked and in all; AllKeys is an estimate
}

// A Report is what checks found. Its methods are for one goroutine.
type Report struct {
	// OnProgress is called now and then while checks run. The default is none.
	OnProgress func(Progress)

	faults   []Fault
	total    int
	notes    []string
	order    []string // what was walked, in the order of the first
	walked   map[string]uint64
	progress Progress
}

// Fault adds a fault of a key of the store; key may be nil.
func (r *Report) Fault(part string, key []byte, format string, args ...any) {
	r.add(Fault{Part: part, Offset: -1, Key: hex.EncodeToString(key), Text: fmt.Sprintf(format, args...)})
}

// FileFault adds a fault of a file; an offset of -1 is none.
func (r *Report) FileFault(file string, offset int64, format string, args ...any) {
	r.add(Fault{Part: "store", File: file, Offset: offset, Text: fmt.Sprintf(format, args...)})
}

func (r *Report) add(f Fault) {
	r.total++
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, f)
	}
}

// Note adds a sentence about what can be saved, or what was repaired.
func (r *Report) Note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// Expect adds to the bytes and the keys that are to be walked in all.
func (r *Report) Expect(bytes, keys uint64) {
	r.progress.AllBytes += bytes
	r.progress.AllKeys += keys
}

// Bytes counts bytes of files that were checked.
func (r *Report) Bytes(n uint64) {
	r.progress.Bytes += n
	r.tell()
}

// progressKeys is how many keys are walked between two calls of OnProgress.
const progressKeys = 4096

// Walked counts n things of a kind, which a name in the plural tells, as
// "items"; each is a key of the store.
func (r *Report) Walked(kind string, n uint64) {
	r.Count(kind, n)
	before := r.progress.Keys
	r.progress.Keys += n
	if before/progressKeys != r.progress.Keys/progressKeys {
		r.tell()
	}
}

// Count counts n things of a kind that are no keys of the store, as "files".
func (r *Report) Count(kind string, n uint64) {
	if r.walked == nil {
		r.walked = map[string]uint64{}
	}
	if _, ok := r.walked[kind]; !ok {
		r.order = append(r.order, kind)
	}
	r.walked[kind] += n
}

func (r *Report) tell() {
	if r.OnProgress != nil {
		r.OnProgress(r.progress)
	}
}

// Faults returns the faults in the order in which they were found, at most a
// thousand of them, and how many there are in all.
func (r *Report) Faults() (some []Fault, total int) { return r.faults, r.total }

// Notes returns what can be saved, and what was repaired.
func (r *Report) Notes() []string { return r.notes }

// Counts returns how much of each kind was walked.
func (r *Report) Counts() map[string]uint64 { return r.walked }

// Summary says in one line what was walked and how many faults there are.
func (r *Report) Summary() string {
	var parts []string
	for _, kind := range r.order {
		parts = append(parts, fmt.Sprintf("%d %s", r.walked[kind], kind))
	}
	walked := strings.Join(parts, ", ")
	switch r.total {
	case 0:
		return walked + ": no faults"
	case 1:
		return walked + ": 1 fault"
	default:
		return fmt.Sprintf("%s: %d faults", walked, r.total)
	}
}
