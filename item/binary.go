package item

import (
	"encoding/binary"
	"errors"
)

// AppendBinary appends an item in binary form to dst.
func AppendBinary(dst []byte, m Item) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(m)))
	for _, f := range m {
		dst = appendText(dst, f.Name)
		dst = f.Value.appendBinary(dst)
	}
	return dst
}

func (v Value) appendBinary(dst []byte) []byte {
	return v.appendBody(append(dst, byte(v.kind)))
}

func (v Value) appendBody(dst []byte) []byte {
	switch v.kind {
	case String, Number, Binary:
		return appendText(dst, v.str)
	case Bool:
		if v.bool {
			return append(dst, 1)
		}
		return append(dst, 0)
	case MapKind:
		return AppendBinary(dst, v.m)
	case List, StringSet, NumberSet, BinarySet:
		dst = binary.AppendUvarint(dst, uint64(len(v.list)))
		for _, e := range v.list {
			if v.kind == List {
				dst = append(dst, byte(e.kind))
			}
			dst = e.appendBody(dst)
		}
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// ErrBinary says that bytes are not the binary form of an item.
var ErrBinary = errors.New("item: malformed binary form")

// DecodeBinary reads an item in binary form that takes all of b. The item does
// not refer to b.
func DecodeBinary(b []byte) (Item, error) {
	d := decoder{rest: string(b)}
	m := d.decodeMap(0)
	if d.bad || d.rest != "" {
		return nil, ErrBinary
	}
	return m, nil
}

// maxStoredDepth is how many levels a stored value may have. It is far beyond
// MaxDepth: whatever was stored can be read.
const maxStoredDepth = 1024

// A decoder takes values from the front of rest; all strings share its memory.
type decoder struct {
	rest string
	bad  bool
}

func (d *decoder) uvarint() int {
	var n uint64
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		c := d.rest[i]
		n |= uint64(c&0x7F) << (7 * i)
		if c < 0x80 {
			d.rest = d.rest[i+1:]
			if n > uint64(len(d.rest)) { // each counted thing takes a byte or more
				break
			}
			return int(n)
		}
	}
	d.bad, d.rest = true, ""
	return 0
}

func (d *decoder) text() string {
	n := d.uvarint()
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) byte() byte {
	if d.rest == "" {
		d.bad = true
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

func (d *decoder) decodeMap(depth int) Map {
	n := d.uvarint()
	m := make(Map, 0, n)
	for range n {
		name := d.text()
		m = append(m, Field{name, d.value(Kind(d.byte()), depth)})
		if d.bad {
			return nil
		}
	}
	return m
}

func (d *decoder) value(kind Kind, depth int) Value {
	if depth > maxStoredDepth { // or damaged bytes could exhaust the stack
		d.bad = true
	}
	if d.bad {
		return Value{}
	}
	v := Value{kind: kind}
	switch kind {
	case String, Binary, Number:
		v.str = d.text()
	case Bool:
		v.bool = d.byte() == 1
	case Null:
	case MapKind:
		v.m = d.decodeMap(depth + 1)
	case List, StringSet, NumberSet, BinarySet:
		n := d.uvarint()
		v.list = make([]Value, 0, n)
		for range n {
			element := kind.element()
			if kind == List {
				element = Kind(d.byte())
			}
			v.list = append(v.list, d.value(element, depth+1))
			if d.bad {
				return Value{}
			}
		}
	default:
		d.bad = true
	}
	return v
}
