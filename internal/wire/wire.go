// Package wire reads stored forms that are written with the append functions of
// encoding/binary: integers, and strings that follow their length.
package wire

import (
	"encoding/binary"
)

// AppendString appends the length of s as uvarint, and s.
func AppendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// A Reader takes values off the front of a stored form. After the first value
// that is missing or malformed every method returns zero, so that a decoder
// asks Done once, at its end.
type Reader struct {
	rest      []byte
	malformed bool
}

// NewReader reads b, which must not change while values of Bytes are in use.
func NewReader(b []byte) Reader { return Reader{rest: b} }

// Done reports whether all of the form was read and all of it was well-formed.
func (r *Reader) Done() bool { return !r.malformed && len(r.rest) == 0 }

// Malformed reports whether a value was missing or malformed.
func (r *Reader) Malformed() bool { return r.malformed }

// Rest returns what was not read so far.
func (r *Reader) Rest() []byte { return r.rest }

// Uvarint reads an unsigned integer.
func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if !r.skip(n) {
		return 0
	}
	return v
}

// Varint reads a signed integer.
func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.rest)
	if !r.skip(n) {
		return 0
	}
	return v
}

// Uint64 reads eight bytes, the highest first.
func (r *Reader) Uint64() uint64 {
	b := r.next(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	b := r.next(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// Bytes reads a string in the memory that the reader was given.
func (r *Reader) Bytes() []byte {
	return r.next(r.Uvarint())
}

// String reads a string.
func (r *Reader) String() string { return string(r.Bytes()) }

// next takes n bytes; nil if there are fewer.
func (r *Reader) next(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.skip(0)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// skip passes over the n bytes of an integer; n <= 0 means that there was none.
func (r *Reader) skip(n int) bool {
	if n <= 0 {
		r.malformed, r.rest = true, nil
		return false
	}
	r.rest = r.rest[n:]
	return true
}
