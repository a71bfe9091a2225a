package event

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"
)

// form is the first byte of a stored event.
const form = 1

// forwarded ends a stored event that came from another bus.
const forwarded = 1

// AppendBinary appends the stored form to dst.
func (e *Event) AppendBinary(dst []byte) []byte {
	dst = append(slices.Grow(dst, e.room()), form)
	dst = binary.AppendVarint(dst, e.Time.Unix())
	dst = binary.AppendUvarint(dst, uint64(e.Time.Nanosecond()))
	for _, s := range [...]string{e.ID, e.Source, e.DetailType, e.Account, e.Region, e.ReplayName, e.Group, e.Trace, e.Cause.Table, e.Cause.Sequence, e.Cause.Definition} {
		dst = appendPrefixed(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Resources)))
	for _, r := range e.Resources {
		dst = appendPrefixed(dst, r)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Detail)))
	dst = append(dst, e.Detail...)
	if e.Forwarded {
		dst = append(dst, forwarded)
	}
	return dst
}

func appendPrefixed(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// DecodeBinary reads what AppendBinary wrote, all of b. It fails with
// ErrCorrupt. The event owns its memory; its time is in UTC.
func DecodeBinary(b []byte) (*Event, error) {
	if len(b) == 0 || b[0] != form {
		return nil, ErrCorrupt
	}
	d := decoder{rest: b[1:]}
	e := &Event{Time: d.time()}
	for _, s := range [...]*string{
		&e.ID, &e.Source, &e.DetailType, &e.Account, &e.Region, &e.ReplayName, &e.Group, &e.Trace, &e.Cause.Table, &e.Cause.Sequence, &e.Cause.Definition,
	} {
		*s = string(d.bytes())
	}
	if n := d.uvarint(); n > 0 && n <= uint64(len(d.rest)) {
		e.Resources = make([]string, n)
	} else if n > 0 {
		return nil, ErrCorrupt
	}
	for i := range e.Resources {
		e.Resources[i] = string(d.bytes())
	}
	e.Detail = bytes.Clone(d.bytes())
	if len(d.rest) == 1 && d.rest[0] == forwarded {
		e.Forwarded, d.rest = true, nil
	}
	if d.failed || len(d.rest) > 0 {
		return nil, ErrCorrupt
	}
	return e, nil
}

// A decoder takes values off the front of rest. Once one is missing it has
// failed, and yields zero values.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) time() time.Time {
	sec, nsec := d.varint(), d.uvarint()
	d.failed = d.failed || nsec >= 1e9
	return time.Unix(sec, int64(nsec)).UTC()
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.take(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	d.take(n)
	return v
}

// take drops n bytes that were read; n <= 0 means that nothing could be.
func (d *decoder) take(n int) {
	if n <= 0 {
		d.failed, n = true, len(d.rest)
	}
	d.rest = d.rest[n:]
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
