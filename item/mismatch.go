package item

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A form is what JSON is expected to hold at a place, by the name that
// DynamoDB's framework has for it.
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

// mismatch says that the next JSON value is not of the form that was expected,
// or returns the syntax error that hides there.
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

// tokenName returns the framework's name of the scalar that is next.
func tokenName(dec *jsontext.Decoder, kind jsontext.Kind) string {
	if kind == '0' {
		if v, err := dec.ReadValue(); err == nil && strings.ContainsAny(string(v), ".eE") {
			return "DECIMAL_VALUE"
		}
	}
	return tokenNames[kind]
}
