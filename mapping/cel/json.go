package cel

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
)

// ErrSize means that a value has more bytes in JSON than there is room for. What an
// expression makes may hold one large value many times.
var ErrSize = errors.New("cel: the value is too large")

// AppendJSON appends a value as JSON: numbers with all their digits, or as strings
// if quoteNumbers says so, bytes in base64, times in RFC 3339, durations in seconds
// as in "1.5s", maps in the order of their names. Errors: ErrSize, before dst is
// longer than room by more than one item; a float that JSON has no number for; a value that is no data.
func AppendJSON(dst []byte, v ref.Val, room int, quoteNumbers bool) ([]byte, error) {
	if len(dst) > room {
		return nil, ErrSize
	}
	switch v := v.(type) {
	case mapVal:
		return appendItem(dst, item.M(v.m), quoteNumbers), nil
	case types.String:
		return AppendText(dst, string(v), room)
	case types.Bool:
		return strconv.AppendBool(dst, bool(v)), nil
	case types.Null:
		return append(dst, "null"...), nil
	case types.Bytes:
		if base64.StdEncoding.EncodedLen(len(v)) > room-len(dst) {
			return nil, ErrSize
		}
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v), '"'), nil
	case types.Timestamp:
		return AppendText(dst, v.Time.UTC().Format(time.RFC3339Nano), math.MaxInt)
	case types.Duration:
		return AppendText(dst, strconv.FormatFloat(v.Seconds(), 'f', -1, 64)+"s", math.MaxInt)
	case *types.Optional:
		if v.HasValue() {
			return AppendJSON(dst, v.GetValue(), room, quoteNumbers)
		}
		return append(dst, "null"...), nil
	case traits.Mapper:
		return appendMap(dst, v, room, quoteNumbers)
	case traits.Lister:
		return appendList(dst, v, room, quoteNumbers)
	}
	n, ok := toNum(v)
	if !ok {
		return nil, fmt.Errorf("a %s has no form in JSON", v.Type().TypeName())
	}
	return appendItem(dst, n.Value(), quoteNumbers), nil
}

func appendItem(dst []byte, v item.Value, quoteNumbers bool) []byte {
	if quoteNumbers {
		return item.AppendQuotedJSON(dst, v)
	}
	return item.AppendPlainJSON(dst, v)
}

// AppendText appends a text as a JSON string. Errors: ErrSize, before dst is longer
// than room. A character may take six bytes.
func AppendText(dst []byte, s string, room int) ([]byte, error) {
	const escaped = 6
	if left := room - len(dst); len(s) > left || len(s) > left/escaped && quotedLen(s) > left {
		return nil, ErrSize
	}
	dst, _ = jsontext.AppendQuote(dst, s) // what is not UTF-8 becomes U+FFFD
	return dst, nil
}

// quotedLen returns how many bytes a text has as a JSON string, at least.
func quotedLen(s string) int {
	n := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\b', c == '\f', c == '\n', c == '\r', c == '\t':
			n++
		case c < ' ':
			n += len(`\u0000`) - 1
		}
	}
	return n
}

func appendList(dst []byte, l traits.Lister, room int, quoteNumbers bool) ([]byte, error) {
	dst = append(dst, '[')
	first := true
	for it := l.Iterator(); it.HasNext() == types.True; {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var err error
		if dst, err = AppendJSON(dst, it.Next(), room, quoteNumbers); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendMap appends a map that an expression made; its keys become texts.
func appendMap(dst []byte, m traits.Mapper, room int, quoteNumbers bool) ([]byte, error) {
	values := map[string]ref.Val{}
	var names []string
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.ConvertToType(types.StringType).(types.String)
		if !ok {
			return nil, fmt.Errorf("a %s is no name of a JSON member", key.Type().TypeName())
		}
		names = append(names, string(name))
		values[string(name)] = m.Get(key)
	}
	slices.Sort(names)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = AppendText(dst, name, room); err != nil {
			return nil, err
		}
		if dst, err = AppendJSON(append(dst, ':'), values[name], room, quoteNumbers); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
