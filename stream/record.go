package stream

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/item"
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

// A Record is one change of one item. Either it was read from a Stream, and has
// a Seq in it, or it comes from a stream that is kept elsewhere, and has an
// Origin.
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

// An Origin says where in a stream that is kept elsewhere a record stands.
type Origin struct {
	ARN, Table string
	View       View
	Sequence   string // decimal digits
	EventID    string // as the stream gives it
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

// Sequence returns the record's sequence number as the wire has it.
func (r *Record) Sequence() string {
	if r.Origin != nil {
		return r.Origin.Sequence
	}
	return FormatSeq(r.Seq)
}

// EventID returns the record's identity, the same at each reading: 32
// lower-case hexadecimal digits, or what the stream elsewhere gives it.
func (r *Record) EventID() string {
	if r.Origin != nil {
		return r.Origin.EventID
	}
	sum := md5.Sum([]byte(r.Stream.ARN() + "/" + FormatSeq(r.Seq)))
	return hex.EncodeToString(sum[:])
}

// FormatSeq writes a sequence number as the wire has it: 21 digits without a
// leading zero, in the order of the numbers.
func FormatSeq(seq uint64) string { return fmt.Sprintf("1%020d", seq) }

// ParseSeq is the inverse of FormatSeq.
func ParseSeq(s string) (uint64, error) {
	if len(s) != 21 || s[0] != '1' {
		return 0, fmt.Errorf("stream: %q is not a sequence number", s)
	}
	return strconv.ParseUint(s[1:], 10, 64)
}

// A Change is what a table tells of one changed item. Old is nil for an
// insert, New for a removal.
type Change struct {
	Partition []byte // key form of the partition key
	Old, New  item.Item
	Expired   bool
	Trace     trace.Context // of the write
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
	images := []item.Item{}
	if view.HasNew() && c.New != nil {
		flags |= flagNew
		images = append(images, c.New)
	}
	if view.HasOld() && c.Old != nil {
		flags |= flagOld
		images = append(images, c.Old)
	}
	for _, image := range images {
		size += item.StreamSize(image)
	}
	if len(images) == 0 {
		images = append(images, keys)
	}
	if c.Expired {
		flags |= flagExpired
	}
	if c.Trace.Valid() {
		flags |= flagTrace
	}
	dst := []byte{byte(c.op()), flags}
	dst = binary.BigEndian.AppendUint64(dst, uint64(at.UnixMilli()))
	if c.Trace.Valid() {
		dst = c.Trace.AppendBinary(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	for _, image := range images {
		b := item.AppendBinary(nil, image)
		dst = binary.AppendUvarint(dst, uint64(len(b)))
		dst = append(dst, b...)
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

// decodeRecord reads what encode wrote.
func decodeRecord(st *Stream, seq uint64, b []byte) (Record, error) {
	bad := fmt.Errorf("stream: malformed record %d of %s", seq, st.ARN())
	at, ok := recordTime(b)
	if !ok {
		return Record{}, bad
	}
	r := Record{Stream: st, Seq: seq, Op: Op(b[0]), Time: at, Expired: b[1]&flagExpired != 0}
	flags, b := b[1], b[recordHeader:]
	if flags&flagTrace != 0 {
		if len(b) < trace.Size {
			return Record{}, bad
		}
		r.Trace, b = trace.FromBinary([trace.Size]byte(b[:trace.Size])), b[trace.Size:]
	}
	size, n := binary.Uvarint(b)
	if n <= 0 || r.Op < Insert || r.Op > Remove {
		return Record{}, bad
	}
	r.Size = int(size)
	rest := b[n:]
	next := func() (item.Item, error) {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return nil, bad
		}
		image, err := item.DecodeBinary(rest[n : n+int(size)])
		rest = rest[n+int(size):]
		return image, err
	}
	var err error
	if flags&flagNew != 0 {
		r.New, err = next()
		r.Keys = st.d.Schema.Project(r.New)
	}
	if err == nil && flags&flagOld != 0 {
		r.Old, err = next()
		r.Keys = st.d.Schema.Project(r.Old)
	}
	if err == nil && flags&(flagNew|flagOld) == 0 {
		r.Keys, err = next()
	}
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", bad, err)
	}
	return r, nil
}
