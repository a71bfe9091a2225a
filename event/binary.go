package event

import (
	"encoding/binary"
	"errors"
	"time"
)

// binaryForm is the first byte of the binary form.
const binaryForm = 1

// ErrBinary says that bytes are not the binary form of an event.
var ErrBinary = errors.New("event: malformed binary form")

// AppendBinary appends the event's binary form to dst.
func (e *Event) AppendBinary(dst []byte) []byte {
	dst = append(dst, binaryForm)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Time.UnixNano()))
	for _, s := range []string{e.ID, e.Source, e.DetailType, e.Account, e.Region, e.ReplayName, e.Group, e.Trace} {
		dst = appendText(dst, s)
	}
	dst = appendText(dst, e.Detail)
	dst = binary.AppendUvarint(dst, uint64(len(e.Resources)))
	for _, r := range e.Resources {
		dst = appendText(dst, r)
	}
	return dst
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// BinaryTime returns the time of an event in binary form.
func BinaryTime(b []byte) (time.Time, error) {
	if len(b) < 9 || b[0] != binaryForm {
		return time.Time{}, ErrBinary
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b[1:]))), nil
}

// DecodeBinary reads an event in binary form. The event does not refer to b.
func DecodeBinary(b []byte) (*Event, error) {
	at, err := BinaryTime(b)
	if err != nil {
		return nil, err
	}
	rest, bad := b[9:], false
	count := func() int {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			bad, rest = true, nil
			return 0
		}
		rest = rest[size:]
		return int(n)
	}
	text := func() string {
		n := count()
		s := string(rest[:n])
		rest = rest[n:]
		return s
	}
	e := &Event{Time: at}
	for _, field := range []*string{&e.ID, &e.Source, &e.DetailType, &e.Account, &e.Region, &e.ReplayName, &e.Group, &e.Trace} {
		*field = text()
	}
	e.Detail = []byte(text())
	for range count() {
		e.Resources = append(e.Resources, text())
	}
	if bad || len(rest) > 0 {
		return nil, ErrBinary
	}
	return e, nil
}
