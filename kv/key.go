package kv

import (
	"encoding/binary"
	"errors"

	"github.com/tablecast/tablecast/internal/tuple"
)

// A Key is a tuple written as bytes whose order is the tuple's order: integers
// by value, strings and byte strings bytewise with a prefix before what it
// begins. Build it with NewKey and its methods, each of which returns the
// longer key.
type Key []byte

// NewKey starts a key in the keyspace named by prefix. Package docs and
// docs/formats.md list the prefixes.
func NewKey(prefix byte) Key { return append(make(Key, 0, 48), prefix) }

// Uint64 appends an integer: eight bytes, most significant first.
func (k Key) Uint64(v uint64) Key { return binary.BigEndian.AppendUint64(k, v) }

// String appends a string, see Bytes.
func (k Key) String(s string) Key { return tuple.Append(k, s) }

// Bytes appends a byte string in the form of package internal/tuple.
func (k Key) Bytes(b []byte) Key { return tuple.Append(k, b) }

// Raw appends bytes that are already in the form of further tuple elements.
func (k Key) Raw(b []byte) Key { return append(k, b...) }

var errKey = errors.New("kv: malformed key")

// A KeyReader takes a key apart, element by element. After a malformed element
// every method returns zero values and Err tells.
type KeyReader struct {
	rest []byte
	err  error
}

// ReadKey starts to read the key after its prefix byte.
func ReadKey(k []byte) *KeyReader {
	if len(k) == 0 {
		return &KeyReader{err: errKey}
	}
	return &KeyReader{rest: k[1:]}
}

// Uint64 reads an integer.
func (r *KeyReader) Uint64() uint64 {
	if r.err != nil || len(r.rest) < 8 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

// String reads a string.
func (r *KeyReader) String() string { return string(r.Bytes()) }

// Bytes reads a byte string into fresh memory.
func (r *KeyReader) Bytes() []byte {
	out, rest, ok := tuple.Cut(r.rest)
	if !ok {
		r.fail()
		return nil
	}
	r.rest = rest
	return out
}

// Err reports whether an element was malformed.
func (r *KeyReader) Err() error { return r.err }

func (r *KeyReader) fail() {
	r.err, r.rest = errKey, nil
}
