package item

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// FromPlainJSON reads plain JSON as a value: strings, numbers, booleans, null,
// lists and maps. It has no binaries and no sets. Errors: text that is not
// JSON, numbers beyond DynamoDB's limits, more than 32 levels.
func FromPlainJSON(text []byte) (Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := plainValue(dec, 0)
	if err != nil {
		return Value{}, err
	}
	if _, err := dec.ReadToken(); err == nil {
		return Value{}, fmt.Errorf("item: more than one JSON value")
	}
	return v, nil
}

func plainValue(dec *jsontext.Decoder, depth int) (Value, error) {
	if depth > MaxDepth {
		return Value{}, errDepth
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return Value{}, err
	}
	switch tok.Kind() {
	case 'n':
		return NullValue(), nil
	case 't', 'f':
		return BoolOf(tok.Bool()), nil
	case '"':
		return S(tok.String()), nil
	case '0':
		return N(tok.String())
	case '[':
		return plainList(dec, depth)
	}
	return plainMap(dec, depth)
}

func plainList(dec *jsontext.Decoder, depth int) (Value, error) {
	out := []Value{}
	for dec.PeekKind() != ']' {
		v, err := plainValue(dec, depth+1)
		if err != nil {
			return Value{}, err
		}
		out = append(out, v)
	}
	_, err := dec.ReadToken()
	return L(out...), err
}

func plainMap(dec *jsontext.Decoder, depth int) (Value, error) {
	out := []Field{}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return Value{}, err
		}
		text := name.String()
		v, err := plainValue(dec, depth+1)
		if err != nil {
			return Value{}, err
		}
		out = append(out, Field{text, v})
	}
	_, err := dec.ReadToken()
	return M(MapOf(out...)), err
}
