package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/internal/wire"
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

// A row is one event that is pending in one queue.
type row struct {
	seq        uint64        // in the key
	attempts   int           // that failed
	age        time.Duration // time pending, up to when it was measured
	process    uint64        // the process that measured age
	measuredAt time.Duration // elapsed of that process then
	queuedAt   time.Time     // when the row was written
	due        time.Time     // of the retry; zero if the row was never attempted or redriven
	group      string        // "" unless the row has a 'g' key
	code       string        // of the last failure
	msg        string        // of the last failure
	history    History
}

const rowForm = 2

// maxMsg bounds the message of a failure, in bytes.
const maxMsg = 1024

var errRow = errors.New("delivery: corrupt row")

// stored returns the stored form: the version of the form, attempts, age, process,
// measuredAt, queuedAt and due as integers, then group, code and message as
// strings, then the history.
func (r *row) stored() []byte {
	dst := []byte{rowForm}
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
		dst = wire.AppendString(dst, s)
	}
	return r.history.append(dst)
}

// decodeRow reads what stored returned.
func decodeRow(seq uint64, b []byte) (*row, error) {
	in := wire.NewReader(b)
	if in.Byte() != rowForm {
		return nil, fmt.Errorf("%w: seq %d", errRow, seq)
	}
	r := &row{seq: seq}
	r.attempts = int(in.Uvarint())
	r.age = time.Duration(in.Uvarint())
	r.process = in.Uint64()
	r.measuredAt = time.Duration(in.Uvarint())
	r.queuedAt = time.Unix(0, in.Varint())
	if due := in.Varint(); due != 0 {
		r.due = time.Unix(0, due)
	}
	r.group, r.code, r.msg = in.String(), in.String(), in.String()
	var ok bool
	if r.history, ok = readHistory(&in); !ok || !in.Done() {
		return nil, fmt.Errorf("%w: seq %d", errRow, seq)
	}
	return r, nil
}
