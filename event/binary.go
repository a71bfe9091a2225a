package event

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/tablecast/tablecast/internal/wire"
)

// formVersion is the first byte of a stored event.
const formVersion = 1

// forwarded ends a stored event that came from another bus.
const forwarded = 1

// AppendBinary appends the stored form to dst.
func (e *Event) AppendBinary(dst []byte) []byte {
	dst = append(slices.Grow(dst, e.sizeHint()), formVersion)
	dst = binary.AppendVarint(dst, e.Time.Unix())
	dst = binary.AppendUvarint(dst, uint64(e.Time.Nanosecond()))
	for _, s := range [...]string{e.ID, e.Source, e.DetailType, e.Account, e.Region, e.ReplayName, e.Group, e.Trace, e.Cause.Table, e.Cause.Sequence, e.Cause.Definition} {
		dst = wire.AppendString(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Resources)))
	for _, r := range e.Resources {
		dst = wire.AppendString(dst, r)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Detail)))
	dst = append(dst, e.Detail...)
	if e.Forwarded {
		dst = append(dst, forwarded)
	}
	return dst
}

// DecodeBinary reads what AppendBinary wrote, all of b. It fails with
// ErrCorrupt. The event owns its memory; its time is in UTC.
func DecodeBinary(b []byte) (*Event, error) {
	r := wire.NewReader(b)
	if r.Byte() != formVersion {
		return nil, ErrCorrupt
	}
	seconds, nanoseconds := r.Varint(), r.Uvarint()
	if nanoseconds >= 1e9 {
		return nil, ErrCorrupt
	}
	e := &Event{Time: time.Unix(seconds, int64(nanoseconds)).UTC()}
	for _, s := range [...]*string{
		&e.ID, &e.Source, &e.DetailType, &e.Account, &e.Region, &e.ReplayName, &e.Group, &e.Trace, &e.Cause.Table, &e.Cause.Sequence, &e.Cause.Definition,
	} {
		*s = r.String()
	}
	count := r.Uvarint()
	if count > uint64(len(r.Rest())) { // each takes a byte at least
		return nil, ErrCorrupt
	}
	if count > 0 {
		e.Resources = make([]string, count)
	}
	for i := range e.Resources {
		e.Resources[i] = r.String()
	}
	e.Detail = bytes.Clone(r.Bytes())
	if len(r.Rest()) > 0 {
		e.Forwarded = r.Byte() == forwarded
		if !e.Forwarded {
			return nil, ErrCorrupt
		}
	}
	if !r.Done() {
		return nil, ErrCorrupt
	}
	return e, nil
}
