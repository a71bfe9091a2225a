package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// Kinds of keys under 'd'.
const (
	kindRow   = 'r'
	kindWait  = 'w'
	kindGroup = 'g'
)

// key is what all keys of one kind and queue begin with.
func (id QueueID) key(kind byte) kv.Key {
	return kv.NewKey('d').Raw([]byte{kind}).String(id.Bus).String(id.Rule).String(id.Target)
}

func (id QueueID) rowKey(seq uint64) kv.Key { return id.key(kindRow).Uint64(seq) }

func (id QueueID) waitKey(due time.Time, seq uint64) kv.Key {
	return id.key(kindWait).Uint64(uint64(due.UnixNano())).Uint64(seq)
}

func (id QueueID) groupKey(group string, seq uint64) kv.Key {
	return id.key(kindGroup).String(group).Uint64(seq)
}

func (id QueueID) countKey() kv.Key {
	return kv.NewKey('n').String(id.Bus).String(id.Rule).String(id.Target)
}

func (id QueueID) deadKey(seq uint64) kv.Key {
	return kv.NewKey('x').String(id.Bus).String(id.Rule).String(id.Target).Uint64(seq)
}

// keySeq is the seq at the end of a key.
func keySeq(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }

// keyDue is the due time before the seq of a 'w' key.
func keyDue(k []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(k[len(k)-16:])))
}

// A row is one event that waits for one target.
type row struct {
	seq        uint64        // in the key
	attempts   int           // that failed
	age        time.Duration // measured up to stamp
	process    uint64        // the process that measured
	measuredAt time.Duration // its monotonic reading
	queuedAt   time.Time     // when the row was written
	due        time.Time     // zero unless attempts > 0
	group      string        // "" unless it has a 'g' key
	code       string        // of the last failure
	msg        string        // of the last failure
	history    History
}

const rowForm = 2

// maxMsg bounds the message of a failure, in bytes.
const maxMsg = 1024

var errRow = errors.New("delivery: corrupt row")

// append appends the stored form: the form number, attempts, age, run, stamp,
// first and due as integers, then group, code and message with their lengths,
// then the history.
func (r *row) append(dst []byte) []byte {
	dst = append(dst, rowForm)
	var due int64
	if !r.due.IsZero() {
		due = r.due.UnixNano()
	}
	dst = binary.AppendUvarint(dst, uint64(r.attempts))
	dst = binary.AppendUvarint(dst, uint64(r.age))
	dst = binary.BigEndian.AppendUint64(dst, r.process)
	dst = binary.AppendUvarint(dst, uint64(r.measuredAt))
	dst = binary.AppendVarint(dst, r.queuedAt.UnixNano())
	dst = binary.AppendVarint(dst, due)
	for _, s := range [...]string{r.group, r.code, r.msg} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return r.history.append(dst)
}

// decodeRow reads what append wrote.
func decodeRow(seq uint64, b []byte) (*row, error) {
	if len(b) == 0 || b[0] != rowForm {
		return nil, fmt.Errorf("%w: seq %d", errRow, seq)
	}
	d := decoder{b: b[1:]}
	r := &row{seq: seq}
	r.attempts = int(d.uvarint())
	r.age = time.Duration(d.uvarint())
	if len(d.b) >= 8 {
		r.process = binary.BigEndian.Uint64(d.b)
		d.b = d.b[8:]
	}
	r.measuredAt = time.Duration(d.uvarint())
	r.queuedAt = time.Unix(0, d.varint())
	if due := d.varint(); due != 0 {
		r.due = time.Unix(0, due)
	}
	r.group, r.code, r.msg = d.string(), d.string(), d.string()
	r.history = d.history()
	if d.bad || len(d.b) > 0 {
		return nil, fmt.Errorf("%w: seq %d", errRow, seq)
	}
	return r, nil
}

// A decoder takes values off b; after a malformed one it is bad.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.drop(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	d.drop(n)
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) drop(n int) {
	if n <= 0 {
		d.bad, n = true, 0
	}
	d.b = d.b[n:]
}
