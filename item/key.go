package item

import (
	"errors"

	"github.com/tablecast/tablecast/internal/tuple"
)

// AppendKey appends the key form of an S, N or B to dst. The key forms of one
// kind have the order of Compare, and none is a prefix of another.
func AppendKey(dst []byte, v Value) []byte {
	if v.kind == Number {
		return appendNumberKey(dst, v.Num())
	}
	return tuple.Append(dst, v.str)
}

// Sign bytes of a number's key form.
const (
	keyNegative = 0x40
	keyZero     = 0x80
	keyPositive = 0xC0
)

// appendNumberKey writes sign, biased exponent (2 bytes) and digits in pairs
// (each pair plus one, then 0x00); for negative numbers all bytes after the
// sign are inverted.
func appendNumberKey(dst []byte, n Num) []byte {
	switch n.sign() {
	case 0:
		return append(dst, keyZero)
	case 1:
		dst = append(dst, keyPositive)
	default:
		dst = append(dst, keyNegative)
	}
	start := len(dst)
	exp := uint16(n.point + 0x4000)
	dst = append(dst, byte(exp>>8), byte(exp))
	for i := 0; i < len(n.digits); i += 2 {
		pair := (n.digits[i] - '0') * 10
		if i+1 < len(n.digits) {
			pair += n.digits[i+1] - '0'
		}
		dst = append(dst, pair+1)
	}
	dst = append(dst, 0)
	if n.neg {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

var errKey = errors.New("item: malformed key")

// DecodeKey reads one key form of the given kind and returns what follows it.
func DecodeKey(b []byte, kind Kind) (v Value, rest []byte, err error) {
	if kind == Number {
		return decodeNumberKey(b)
	}
	s, rest, ok := tuple.Cut(b)
	if !ok {
		return Value{}, nil, errKey
	}
	return Value{kind: kind, str: string(s)}, rest, nil
}

func decodeNumberKey(b []byte) (Value, []byte, error) {
	if len(b) > 0 && b[0] == keyZero {
		return Num{}.Value(), b[1:], nil
	}
	if len(b) < 4 || b[0] != keyNegative && b[0] != keyPositive {
		return Value{}, nil, errKey
	}
	var flip byte
	if b[0] == keyNegative {
		flip = 0xFF
	}
	point := int(uint16(b[1]^flip)<<8|uint16(b[2]^flip)) - 0x4000
	var digits []byte
	for i := 3; i < len(b); i++ {
		c := b[i] ^ flip
		if c == 0 {
			n, err := makeNum(flip != 0, string(digits), point)
			return n.Value(), b[i+1:], err
		}
		if c > 100 {
			break
		}
		digits = append(digits, '0'+(c-1)/10, '0'+(c-1)%10)
	}
	return Value{}, nil, errKey
}
