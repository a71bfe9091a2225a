package awsjson

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads the body of a request into the struct that v points to. Names of
// members match in exact case; a name given twice is an error; members that the
// struct lacks are ignored, and null is as if the member were absent.
//
// Errors are of type *Error (SerializationException), in the framework's words
// where the JSON has another type than the member. An error of a type's own
// UnmarshalJSONFrom is returned as it is.
func Decode(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return errSerialization("")
	}
	var sem *json.SemanticError
	if !errors.As(err, &sem) {
		return errSerialization("")
	}
	if sem.JSONPointer == "" && sem.JSONKind == '[' && jsontext.Value(body).IsValid() {
		return nil // as the service takes it: a request without members
	}
	var binary base64.CorruptInputError
	if sem.Err != nil && !errors.Is(sem.Err, strconv.ErrRange) && !errors.Is(sem.Err, strconv.ErrSyntax) && !errors.As(sem.Err, &binary) {
		return sem.Err
	}
	return errSerialization(mismatch(body, sem, element(reflect.TypeOf(v), sem.JSONPointer)))
}

// element reports whether a pointer leads to an element of a list or map,
// seen from the type t.
func element(t reflect.Type, pointer jsontext.Pointer) bool {
	in := false
	for token := range pointer.Tokens() {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Slice, reflect.Map:
			t, in = t.Elem(), true
		case reflect.Struct:
			f, ok := t.FieldByName(token)
			if !ok {
				return false
			}
			t, in = f.Type, false
		default:
			return false
		}
	}
	return in
}

// mismatch returns, in the framework's words, that a JSON value has another type than
// its member.
func mismatch(body []byte, e *json.SemanticError, element bool) string {
	t := e.GoType
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	switch e.JSONKind {
	case '[':
		return "Unrecognized collection type " + javaType(t)
	case '{':
		return "Start of structure or map found where not expected"
	}
	switch t.Kind() {
	case reflect.Struct:
		if element {
			return "Unexpected value type in payload"
		}
		return "Unexpected field type"
	case reflect.Slice, reflect.Map:
		if t.Elem().Kind() == reflect.Uint8 {
			return "only base-64-encoded strings are convertible to bytes"
		}
		return "Unexpected field type"
	case reflect.Bool:
		if e.JSONKind == '"' {
			return "Unexpected token received from parser"
		}
	}
	return valueName(body, e) + " cannot be converted to " + simpleType(t)
}

// valueName returns the framework's name of the kind of a scalar.
func valueName(body []byte, e *json.SemanticError) string {
	switch e.JSONKind {
	case '"':
		return "STRING_VALUE"
	case 't':
		return "TRUE_VALUE"
	case 'f':
		return "FALSE_VALUE"
	default:
		if isDecimal(body, e) {
			return "DECIMAL_VALUE"
		}
		return "NUMBER_VALUE"
	}
}

// isDecimal reports whether the number at which decoding stopped has a
// fraction or an exponent.
func isDecimal(body []byte, e *json.SemanticError) bool {
	text := string(e.JSONValue)
	if text == "" && e.ByteOffset < int64(len(body)) {
		text = strings.TrimLeft(string(body[e.ByteOffset:min(int64(len(body)), e.ByteOffset+64)]), " \t\r\n:,")
		if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("+-.eE0123456789", r) }); i >= 0 {
			text = text[:i]
		}
	}
	return strings.ContainsAny(text, ".eE")
}

// simpleType returns the framework's short name of a scalar type.
func simpleType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "String"
	case reflect.Bool:
		return "Boolean"
	case reflect.Int64:
		return "Long"
	case reflect.Float64:
		return "Double"
	default:
		return "Integer"
	}
}

// javaType returns the framework's long name of a type.
func javaType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "class " + strings.ToUpper(t.Name()[:min(1, len(t.Name()))]) + t.Name()[min(1, len(t.Name())):]
	case reflect.Map:
		return "java.util.Map<java.lang.String, " + strings.TrimPrefix(javaType(t.Elem()), "class ") + ">"
	case reflect.Slice:
		return "class java.nio.ByteBuffer"
	default:
		return "class java.lang." + simpleType(t)
	}
}
