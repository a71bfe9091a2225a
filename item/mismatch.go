package item

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A form is the type that JSON is expected to have in one place, by the name that
// DynamoDB's error texts have for it.
type form string

const (
	aString  form = "class java.lang.String"
	aBinary  form = "class java.nio.ByteBuffer"
	aBoolean form = "class java.lang.Boolean"
	aValue   form = "class com.amazonaws.dynamodb.v20120810.AttributeValue"
	aMap     form = "java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>"
	aList    form = "list"
)

var tokenNames = map[jsontext.Kind]string{
	'"': "STRING_VALUE", '0': "NUMBER_VALUE", 't': "TRUE_VALUE", 'f': "FALSE_VALUE", 'n': "NULL_VALUE",
}

// mismatch returns the error of a JSON value that is not of the expected form, or
// of one that cannot be read at all.
func mismatch(dec *jsontext.Decoder, want form) error {
	kind := dec.PeekKind()
	switch kind {
	case '{':
		return &SyntaxError{"Start of structure or map found where not expected"}
	case '[':
		return &SyntaxError{"Unrecognized collection type " + string(want)}
	case '"', '0', 't', 'f', 'n':
	default:
		_, err := dec.ReadToken()
		if err == nil {
			err = errors.New("item: unexpected token")
		}
		return err
	}
	switch want {
	case aValue:
		return &SyntaxError{"Unexpected value type in payload"}
	case aMap, aList:
		return &SyntaxError{"Unexpected field type"}
	case aBinary:
		return &SyntaxError{"only base-64-encoded strings are convertible to bytes"}
	case aBoolean:
		if kind == '"' {
			return &SyntaxError{"Unexpected token received from parser"}
		}
	}
	return &SyntaxError{tokenName(dec, kind) + " cannot be converted to " + strings.TrimPrefix(string(want), "class java.lang.")}
}

// tokenName returns the name of the next scalar in DynamoDB's error texts.
func tokenName(dec *jsontext.Decoder, kind jsontext.Kind) string {
	if kind == '0' {
		if v, err := dec.ReadValue(); err == nil && strings.ContainsAny(string(v), ".eE") {
			return "DECIMAL_VALUE"
		}
	}
	return tokenNames[kind]
}
