// Package tuple encodes byte strings so that encoded strings sort as the strings
// do, and so that several may follow one another: each 0x00 becomes 0x00 0xFF, and
// 0x00 0x01 ends the string. Keys of the store and key attributes of items have
// this form.
package tuple

import "bytes"

// Append appends the form of a byte string to dst.
func Append[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return append(dst, 0, 1)
}

// Cut reads the byte string that b begins with, into fresh memory, and returns
// what follows it. ok is false if b does not begin with a whole byte string.
func Cut(b []byte) (s, rest []byte, ok bool) {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0 {
			s = append(s, b[i])
			continue
		}
		i++
		switch b[i] {
		case 0xFF:
			s = append(s, 0)
		case 1:
			return s, b[i+1:], true
		default:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// PrefixEnd returns the first key after all keys that begin with prefix, or nil
// if there is none.
func PrefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
