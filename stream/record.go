package stream

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// A View says which images of an item its change records hold.
type View string

// The views, by DynamoDB's names.
const (
	KeysOnly        View = "KEYS_ONLY"
	NewImage        View = "NEW_IMAGE"
	OldImage        View = "OLD_IMAGE"
	NewAndOldImages View = "NEW_AND_OLD_IMAGES"
)

// HasNew reports whether records hold the item as it is after the change.
func (v View) HasNew() bool { return v == NewImage || v == NewAndOldImages }

// HasOld reports whether records hold the item as it was before the change.
func (v View) HasOld() bool { return v == OldImage || v == NewAndOldImages }

// An Op is what a change did.
type Op uint8

// The operations.
const (
	Insert Op = iota + 1
	Modify
	Remove
)

// String returns DynamoDB's name of the operation.
func (o Op) String() string { return [...]string{"", "INSERT", "MODIFY", "REMOVE"}[o] }

// A Record is one change of one item. A record that was read from a Stream of
// this node has a Stream and a Seq; one that comes from a stream elsewhere, such
// as DynamoDB Streams, has an Origin instead.
type Record struct {
	Stream  *Stream
	Seq     uint64
	Origin  *Origin
	Op      Op
	Time    time.Time // of the commit, to the millisecond
	Keys    item.Item
	New     item.Item     // nil where the view or the operation has none
	Old     item.Item     // nil where the view or the operation has none
	Expired bool          // removed because its time to live ended
	Size    int           // SizeBytes of DynamoDB
	Trace   trace.Context // of the write
}

// An Origin identifies a record of a stream elsewhere.
type Origin struct {
	ARN, Table string
	View       View
	Sequence   string // decimal digits
	EventID    string // eventID of DynamoDB Streams
}

// ARN returns the name of the record's stream.
func (r *Record) ARN() string {
	if r.Origin != nil {
		return r.Origin.ARN
	}
	return r.Stream.ARN()
}

// Table returns the name of the record's table.
func (r *Record) Table() string {
	if r.Origin != nil {
		return r.Origin.Table
	}
	return r.Stream.Table()
}

// View returns which images the record's stream holds.
func (r *Record) View() View {
	if r.Origin != nil {
		return r.Origin.View
	}
	return r.Stream.View()
}

// Sequence returns the record's sequence number as DynamoDB Streams writes it.
func (r *Record) Sequence() string {
	if r.Origin != nil {
		return r.Origin.Sequence
	}
	return FormatSeq(r.Seq)
}

// EventID returns the record's eventID, which is the same each time the record is
// read: 32 lower-case hexadecimal digits, or that of the Origin.
func (r *Record) EventID() string {
	if r.Origin != nil {
		return r.Origin.EventID
	}
	sum := md5.Sum([]byte(r.Stream.ARN() + "/" + FormatSeq(r.Seq)))
	return hex.EncodeToString(sum[:])
}

// FormatSeq writes a sequence number as DynamoDB Streams has it: 21 digits without
// a leading zero, so that the order of the texts is that of the numbers.
func FormatSeq(seq uint64) string { return fmt.Sprintf("1%020d", seq) }

// ParseSeq is the inverse of FormatSeq.
func ParseSeq(s string) (uint64, error) {
	if len(s) != 21 || s[0] != '1' {
		return 0, fmt.Errorf("stream: %q is not a sequence number", s)
	}
	return strconv.ParseUint(s[1:], 10, 64)
}

// A Change is one changed item, of which Append makes a record. Old is nil for
// an insert, New for a removal.
type Change struct {
	Partition []byte // key form of the partition key
	Old, New  item.Item
	Expired   bool
	Trace     trace.Context // of the write

	// OldBinary and NewBinary are the binary forms of Old and New, if the caller
	// has them. If one is nil, Append encodes the item itself.
	OldBinary, NewBinary []byte
}

func (c *Change) op() Op {
	switch {
	case c.Old == nil:
		return Insert
	case c.New == nil:
		return Remove
	default:
		return Modify
	}
}

const (
	flagExpired = 1 << iota
	flagNew
	flagOld
	flagTrace
)

// encode writes the record of a change as the view has it.
func (c *Change) encode(view View, schema item.KeySchema, at time.Time) []byte {
	source := c.New
	if source == nil {
		source = c.Old
	}
	keys := schema.Project(source)
	var flags byte
	size := item.StreamSize(keys)
	var images [2][]byte
	present := images[:0]
	add := func(flag byte, image item.Item, form []byte) {
		flags |= flag
		size += item.StreamSize(image)
		if form == nil {
			form = item.AppendBinary(nil, image)
		}
		present = append(present, form)
	}
	if view.HasNew() && c.New != nil {
		add(flagNew, c.New, c.NewBinary)
	}
	if view.HasOld() && c.Old != nil {
		add(flagOld, c.Old, c.OldBinary)
	}
	if len(present) == 0 {
		present = append(present, item.AppendBinary(nil, keys))
	}
	if c.Expired {
		flags |= flagExpired
	}
	if c.Trace.Valid() {
		flags |= flagTrace
	}
	dst := make([]byte, 0, recordHeader+trace.Size+3*binary.MaxVarintLen64+len(images[0])+len(images[1]))
	dst = append(dst, byte(c.op()), flags)
	dst = binary.BigEndian.AppendUint64(dst, uint64(at.UnixMilli()))
	if c.Trace.Valid() {
		dst = c.Trace.AppendBinary(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	for _, image := range present {
		dst = binary.AppendUvarint(dst, uint64(len(image)))
		dst = append(dst, image...)
	}
	return dst
}

const recordHeader = 10 // operation, flags, time

// recordTime returns the time of an encoded record.
func recordTime(b []byte) (time.Time, bool) {
	if len(b) < recordHeader {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b[2:]))).UTC(), true
}

// decodeRecord reads what encode wrote. The record does not refer to b. Errors
// are of kind kv.ErrCorrupt.
func decodeRecord(st *Stream, seq uint64, b []byte) (Record, error) {
	r := Record{Stream: st, Seq: seq}
	if err := r.decode(st.d.Schema, b); err != nil {
		return Record{}, fmt.Errorf("stream: %w: record %d of %s: %w", kv.ErrCorrupt, seq, st.ARN(), err)
	}
	return r, nil
}

var errMalformed = errors.New("malformed record")

func (r *Record) decode(schema item.KeySchema, b []byte) error {
	at, ok := recordTime(b)
	if !ok {
		return errMalformed
	}
	flags := b[1]
	r.Op, r.Time, r.Expired = Op(b[0]), at, flags&flagExpired != 0
	b = b[recordHeader:]
	if flags&flagTrace != 0 {
		if len(b) < trace.Size {
			return errMalformed
		}
		r.Trace, b = trace.FromBinary([trace.Size]byte(b[:trace.Size])), b[trace.Size:]
	}
	size, n := binary.Uvarint(b)
	if n <= 0 || r.Op < Insert || r.Op > Remove {
		return errMalformed
	}
	r.Size, b = int(size), b[n:]
	var err error
	if flags&flagNew != 0 {
		if r.New, b, err = cutImage(b); err != nil {
			return err
		}
		r.Keys = schema.Project(r.New)
	}
	if flags&flagOld != 0 {
		if r.Old, b, err = cutImage(b); err != nil {
			return err
		}
		r.Keys = schema.Project(r.Old)
	}
	if flags&(flagNew|flagOld) == 0 {
		r.Keys, _, err = cutImage(b)
	}
	return err
}

// cutImage reads an image and returns what follows it.
func cutImage(b []byte) (image item.Item, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errMalformed
	}
	end := n + int(size)
	image, err = item.DecodeBinary(b[n:end])
	return image, b[end:], err
}
