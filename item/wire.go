package item

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many levels an attribute value may have: the innermost value
// counts, so that at most MaxDepth-1 maps and lists hold one another.
const MaxDepth = 32

// maxValueSize is the largest size of one value by itself: DynamoDB takes 2 MiB of
// values beside an expression.
const maxValueSize = 2 << 20

// UnmarshalJSONFrom reads a map of at most MaxSize in wire JSON. Errors that
// DynamoDB words are of type *Error (the value is not valid) or *SyntaxError (the
// JSON has another shape). What is too large is refused before the rest of it is
// read.
func (m *Map) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	w := wire{dec, MaxSize}
	out, err := w.decodeMap(0)
	*m = out
	return err
}

// UnmarshalJSONFrom reads one value of at most 2 MiB in wire JSON; see
// Map.UnmarshalJSONFrom.
func (v *Value) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	w := wire{dec, maxValueSize}
	out, err := w.decodeValue(0)
	*v = out
	return err
}

// A wire reads wire JSON.
type wire struct {
	*jsontext.Decoder
	left int // how much larger the value may become, as Size counts
}

// take counts n bytes of the value.
func (w *wire) take(n int) error {
	if w.left -= n; w.left < 0 {
		return errSize
	}
	return nil
}

// MarshalJSONTo writes wire JSON.
func (m Map) MarshalJSONTo(enc *jsontext.Encoder) error { return enc.WriteValue(AppendJSON(nil, m)) }

// MarshalJSONTo writes wire JSON.
func (v Value) MarshalJSONTo(enc *jsontext.Encoder) error { return enc.WriteValue(v.appendJSON(nil)) }

func (w *wire) decodeMap(depth int) (Map, error) {
	if err := w.begin('{', aMap); err != nil {
		return nil, err
	}
	m := Map{}
	sorted := true
	for w.PeekKind() != '}' {
		tok, err := w.ReadToken()
		if err != nil {
			return nil, err
		}
		name := tok.String()
		if err := CheckName(name); err != nil {
			return nil, err
		}
		if err := w.take(len(name) + min(depth, 1)); err != nil {
			return nil, err
		}
		v, err := w.decodeValue(depth)
		if err != nil {
			return nil, err
		}
		sorted = sorted && (len(m) == 0 || m[len(m)-1].Name < name)
		m = append(m, Field{name, v})
	}
	if !sorted {
		slices.SortFunc(m, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	}
	_, err := w.ReadToken()
	return m, err
}

// decodeValue reads an object with exactly one member that names a kind.
func (w *wire) decodeValue(depth int) (Value, error) {
	if depth >= MaxDepth {
		return Value{}, errDepth
	}
	if w.PeekKind() == 'n' {
		return Value{}, w.skipNull()
	}
	if err := w.begin('{', aValue); err != nil {
		return Value{}, err
	}
	var v Value
	for w.PeekKind() != '}' {
		tok, err := w.ReadToken()
		if err != nil {
			return Value{}, err
		}
		kind := ParseKind(tok.String())
		if kind == 0 || w.PeekKind() == 'n' {
			if err := w.SkipValue(); err != nil {
				return Value{}, err
			}
			continue
		}
		if v.kind != 0 {
			return Value{}, errTypes
		}
		if v, err = w.decodeKind(kind, depth); err != nil {
			return Value{}, err
		}
	}
	if _, err := w.ReadToken(); err != nil {
		return Value{}, err
	}
	if v.kind == 0 {
		return Value{}, errNoType
	}
	return v, nil
}

func (w *wire) decodeKind(kind Kind, depth int) (Value, error) {
	switch kind {
	case String, Number, Binary:
		return w.decodeScalar(kind)
	case Bool, Null:
		b, err := w.decodeBool()
		if err == nil && kind == Null && !b {
			err = errNull
		}
		return Value{kind: kind, bool: kind == Bool && b}, cmp.Or(err, w.take(1))
	case MapKind:
		if err := w.take(3); err != nil {
			return Value{}, err
		}
		m, err := w.decodeMap(depth + 1)
		return Value{kind: MapKind, m: m}, err
	case List:
		return w.decodeList(depth + 1)
	default:
		return w.decodeSet(kind)
	}
}

func (w *wire) decodeScalar(kind Kind) (Value, error) {
	want := aString
	if kind == Binary {
		want = aBinary
	}
	text, err := w.decodeString(want)
	if err != nil {
		return Value{}, err
	}
	v := S(text)
	switch kind {
	case Number:
		v, err = N(text)
	case Binary:
		v, err = base64Value(text)
	}
	return v, cmp.Or(err, w.take(v.Size()))
}

// base64Value decodes the one text that bytes have in base64: with padding, and with
// zeros in the bits that no byte takes.
func base64Value(text string) (Value, error) {
	if len(text)%4 != 0 {
		return Value{}, &SyntaxError{"Base64 encoded length is expected a multiple of 4 bytes but found: " + strconv.Itoa(len(text))}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	// The decoder passes over line ends.
	if err == nil && strings.IndexByte(text, '\r') < 0 && strings.IndexByte(text, '\n') < 0 {
		return B(raw), nil
	}
	if i := strings.IndexFunc(text, notBase64); i >= 0 {
		bad, _ := utf8.DecodeRuneInString(text[i:])
		return Value{}, &SyntaxError{"Invalid Base64 character: '" + string(bad) + "'"}
	}
	return Value{}, &SyntaxError{"Invalid last non-pad Base64 character dectected"}
}

func notBase64(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '/' && r != '='
}

func (w *wire) decodeList(depth int) (Value, error) {
	if err := w.begin('[', aList); err != nil {
		return Value{}, err
	}
	if err := w.take(3); err != nil {
		return Value{}, err
	}
	list := []Value{}
	for w.PeekKind() != ']' {
		if err := w.take(1); err != nil {
			return Value{}, err
		}
		v, err := w.decodeValue(depth)
		if err != nil {
			return Value{}, err
		}
		list = append(list, v)
	}
	_, err := w.ReadToken()
	return Value{kind: List, list: list}, err
}

func (w *wire) decodeSet(kind Kind) (Value, error) {
	if err := w.begin('[', aList); err != nil {
		return Value{}, err
	}
	var members []Value
	for w.PeekKind() != ']' {
		v, err := w.decodeScalar(kind.element())
		if err != nil {
			return Value{}, err
		}
		members = append(members, v)
	}
	if _, err := w.ReadToken(); err != nil {
		return Value{}, err
	}
	return Set(kind, members)
}

func (w *wire) decodeBool() (bool, error) {
	switch w.PeekKind() {
	case 't', 'f':
		tok, err := w.ReadToken()
		if err != nil {
			return false, err
		}
		return tok.Bool(), nil
	default:
		return false, mismatch(w.Decoder, aBoolean)
	}
}

func (w *wire) decodeString(want form) (string, error) {
	if w.PeekKind() != '"' {
		return "", mismatch(w.Decoder, want)
	}
	tok, err := w.ReadToken()
	if err != nil {
		return "", err
	}
	return tok.String(), nil
}

// skipNull reads a null that stands for a value: it is as empty as {}.
func (w *wire) skipNull() error {
	if err := w.SkipValue(); err != nil {
		return err
	}
	return errNoType
}

// begin reads the start of an object or array.
func (w *wire) begin(kind jsontext.Kind, want form) error {
	if w.PeekKind() != kind {
		return mismatch(w.Decoder, want)
	}
	_, err := w.ReadToken()
	return err
}
