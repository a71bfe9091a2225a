package item

import (
	"encoding/base64"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends an item in wire JSON to dst.
func AppendJSON(dst []byte, m Item) []byte {
	dst = append(dst, '{')
	for i, f := range m {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, f.Name)
		dst = append(dst, ':')
		dst = f.Value.appendJSON(dst)
	}
	return append(dst, '}')
}

// appendJSON appends the value as an object with one member.
func (v Value) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, v.kind.String()...)
	dst = append(dst, `":`...)
	switch v.kind {
	case String:
		dst = appendQuoted(dst, v.str)
	case Number:
		dst = append(append(append(dst, '"'), v.str...), '"')
	case Binary:
		dst = append(appendBase64(append(dst, '"'), v.str), '"')
	case Bool:
		dst = strconv.AppendBool(dst, v.bool)
	case MapKind:
		dst = AppendJSON(dst, v.m)
	case List:
		dst = append(dst, '[')
		for i, e := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.appendJSON(dst)
		}
		dst = append(dst, ']')
	case StringSet, NumberSet, BinarySet:
		dst = v.appendSet(dst, true)
	default:
		dst = append(dst, "true"...)
	}
	return append(dst, '}')
}

// appendSet appends the members in order, numbers quoted or bare.
func (v Value) appendSet(dst []byte, quoteNumbers bool) []byte {
	dst = append(dst, '[')
	for i, e := range v.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case e.kind == String:
			dst = appendQuoted(dst, e.str)
		case e.kind == Binary:
			dst = append(appendBase64(append(dst, '"'), e.str), '"')
		case quoteNumbers:
			dst = append(append(append(dst, '"'), e.str...), '"')
		default:
			dst = append(dst, e.str...)
		}
	}
	return append(dst, ']')
}

// AppendPlainJSON appends the value in plain JSON to dst: numbers with all
// their digits, binaries in base64, sets as arrays in order.
func AppendPlainJSON(dst []byte, v Value) []byte { return v.appendPlain(dst, false) }

// AppendPlainItem appends an item in plain JSON to dst.
func AppendPlainItem(dst []byte, m Item) []byte { return M(m).appendPlain(dst, false) }

// AppendQuotedJSON appends the value as AppendPlainJSON does, but with numbers as
// strings, for readers that would lose digits by reading them as floats.
func AppendQuotedJSON(dst []byte, v Value) []byte { return v.appendPlain(dst, true) }

func (v Value) appendPlain(dst []byte, quoteNumbers bool) []byte {
	switch v.kind {
	case String:
		return appendQuoted(dst, v.str)
	case Number:
		if quoteNumbers {
			return append(append(append(dst, '"'), v.str...), '"')
		}
		return append(dst, v.str...)
	case Binary:
		return append(appendBase64(append(dst, '"'), v.str), '"')
	case Bool:
		return strconv.AppendBool(dst, v.bool)
	case MapKind:
		dst = append(dst, '{')
		for i, f := range v.m {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = f.Value.appendPlain(append(appendQuoted(dst, f.Name), ':'), quoteNumbers)
		}
		return append(dst, '}')
	case List:
		dst = append(dst, '[')
		for i, e := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.appendPlain(dst, quoteNumbers)
		}
		return append(dst, ']')
	case StringSet, NumberSet, BinarySet:
		return v.appendSet(dst, quoteNumbers)
	default:
		return append(dst, "null"...)
	}
}

// appendQuoted appends s as a JSON string; bytes that are not UTF-8 become the
// replacement character.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func appendBase64(dst []byte, s string) []byte {
	return base64.StdEncoding.AppendEncode(dst, []byte(s))
}
