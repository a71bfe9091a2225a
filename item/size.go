package item

import "strings"

// MaxSize is the largest size of an item in bytes, as Size counts it.
const MaxSize = 400 << 10

// Size returns the size of an item by DynamoDB's arithmetic: the UTF-8 bytes
// of names, and for values the bytes of S and B, about one byte for two digits
// of an N and one more, one byte for BOOL and NULL, and for M and L three bytes
// and one for each element.
func Size(m Map) int {
	n := 0
	for _, f := range m {
		n += len(f.Name) + f.Value.Size()
	}
	return n
}

// Size returns the size of one value, see the function Size.
func (v Value) Size() int {
	switch v.kind {
	case String, Binary:
		return len(v.str)
	case Number:
		return numberSize(v.str)
	case MapKind:
		return 3 + len(v.m) + Size(v.m)
	case List:
		n := 3 + len(v.list)
		for _, e := range v.list {
			n += e.Size()
		}
		return n
	case StringSet, NumberSet, BinarySet:
		n := 0
		for _, e := range v.list {
			n += e.Size()
		}
		return n
	default:
		return 1
	}
}

// numberSize counts a number's significant digits in pairs, one byte more, and
// one for a minus sign.
func numberSize(text string) int {
	neg := 0
	if strings.HasPrefix(text, "-") {
		neg, text = 1, text[1:]
	}
	digits := strings.Trim(strings.Replace(text, ".", "", 1), "0")
	return (len(digits)+1)/2 + 1 + neg
}

// StreamSize returns the size of an item by the arithmetic of DynamoDB Streams:
// like Size, but a number takes one byte for each character of its text.
func StreamSize(m Map) int {
	n := 0
	for _, f := range m {
		n += len(f.Name) + f.Value.streamSize()
	}
	return n
}

func (v Value) streamSize() int {
	switch v.kind {
	case String, Number, Binary:
		return len(v.str)
	case MapKind:
		return 3 + len(v.m) + StreamSize(v.m)
	case List, StringSet, NumberSet, BinarySet:
		n := 0
		if v.kind == List {
			n = 3 + len(v.list)
		}
		for _, e := range v.list {
			n += e.streamSize()
		}
		return n
	default:
		return 1
	}
}
