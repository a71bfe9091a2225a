package item

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many levels an attribute value may have: the innermost value
// counts, so that at most MaxDepth-1 maps and lists hold one another.
const MaxDepth = 32

// UnmarshalJSONFrom reads a map in wire JSON. Errors that DynamoDB words are
// of type *Error (the value is not valid) or *SyntaxError (the JSON has another
// shape).
func (m *Map) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	out, err := decodeMap(dec, 0)
	*m = out
	return err
}

// UnmarshalJSONFrom reads one value in wire JSON; see Map.UnmarshalJSONFrom.
func (v *Value) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	out, err := decodeValue(dec, 0)
	*v = out
	return err
}

// MarshalJSONTo writes wire JSON.
func (m Map) MarshalJSONTo(enc *jsontext.Encoder) error { return enc.WriteValue(AppendJSON(nil, m)) }

// MarshalJSONTo writes wire JSON.
func (v Value) MarshalJSONTo(enc *jsontext.Encoder) error { return enc.WriteValue(v.appendJSON(nil)) }

func decodeMap(dec *jsontext.Decoder, depth int) (Map, error) {
	if err := begin(dec, '{', aMap); err != nil {
		return nil, err
	}
	m := Map{}
	sorted := true
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := tok.String()
		v, err := decodeValue(dec, depth)
		if err != nil {
			return nil, err
		}
		sorted = sorted && (len(m) == 0 || m[len(m)-1].Name < name)
		m = append(m, Field{name, v})
	}
	if !sorted {
		slices.SortFunc(m, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	}
	_, err := dec.ReadToken()
	return m, err
}

// decodeValue reads an object with exactly one member that names a kind.
func decodeValue(dec *jsontext.Decoder, depth int) (Value, error) {
	if depth >= MaxDepth {
		return Value{}, errDepth
	}
	if dec.PeekKind() == 'n' {
		return Value{}, skipNull(dec)
	}
	if err := begin(dec, '{', aValue); err != nil {
		return Value{}, err
	}
	var v Value
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return Value{}, err
		}
		kind := ParseKind(tok.String())
		if kind == 0 || dec.PeekKind() == 'n' {
			if err := dec.SkipValue(); err != nil {
				return Value{}, err
			}
			continue
		}
		if v.kind != 0 {
			return Value{}, errTypes
		}
		if v, err = decodeKind(dec, kind, depth); err != nil {
			return Value{}, err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return Value{}, err
	}
	if v.kind == 0 {
		return Value{}, errNoType
	}
	return v, nil
}

func decodeKind(dec *jsontext.Decoder, kind Kind, depth int) (Value, error) {
	switch kind {
	case String, Number, Binary:
		return decodeScalar(dec, kind)
	case Bool, Null:
		b, err := decodeBool(dec)
		if err == nil && kind == Null && !b {
			err = errNull
		}
		return Value{kind: kind, bool: kind == Bool && b}, err
	case MapKind:
		m, err := decodeMap(dec, depth+1)
		return Value{kind: MapKind, m: m}, err
	case List:
		return decodeList(dec, depth+1)
	default:
		return decodeSet(dec, kind)
	}
}

func decodeScalar(dec *jsontext.Decoder, kind Kind) (Value, error) {
	want := aString
	if kind == Binary {
		want = aBinary
	}
	text, err := decodeString(dec, want)
	if err != nil {
		return Value{}, err
	}
	switch kind {
	case Number:
		return N(text)
	case Binary:
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return Value{}, &SyntaxError{"Base64 encoded length is expected a multiple of 4 bytes but found: " + strconv.Itoa(len(text))}
		}
		return Value{kind: Binary, str: string(raw)}, nil
	default:
		return Value{kind: String, str: text}, nil
	}
}

func decodeList(dec *jsontext.Decoder, depth int) (Value, error) {
	if err := begin(dec, '[', aList); err != nil {
		return Value{}, err
	}
	list := []Value{}
	for dec.PeekKind() != ']' {
		v, err := decodeValue(dec, depth)
		if err != nil {
			return Value{}, err
		}
		list = append(list, v)
	}
	_, err := dec.ReadToken()
	return Value{kind: List, list: list}, err
}

func decodeSet(dec *jsontext.Decoder, kind Kind) (Value, error) {
	if err := begin(dec, '[', aList); err != nil {
		return Value{}, err
	}
	var members []Value
	for dec.PeekKind() != ']' {
		v, err := decodeScalar(dec, kind.element())
		if err != nil {
			return Value{}, err
		}
		members = append(members, v)
	}
	if _, err := dec.ReadToken(); err != nil {
		return Value{}, err
	}
	return Set(kind, members)
}

func decodeBool(dec *jsontext.Decoder) (bool, error) {
	switch dec.PeekKind() {
	case 't', 'f':
		tok, err := dec.ReadToken()
		if err != nil {
			return false, err
		}
		return tok.Bool(), nil
	default:
		return false, mismatch(dec, aBoolean)
	}
}

func decodeString(dec *jsontext.Decoder, want form) (string, error) {
	if dec.PeekKind() != '"' {
		return "", mismatch(dec, want)
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return "", err
	}
	return tok.String(), nil
}

// skipNull reads a null that stands for a value: it is as empty as {}.
func skipNull(dec *jsontext.Decoder) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return errNoType
}

// begin reads the start of an object or array.
func begin(dec *jsontext.Decoder, kind jsontext.Kind, want form) error {
	if dec.PeekKind() != kind {
		return mismatch(dec, want)
	}
	_, err := dec.ReadToken()
	return err
}
