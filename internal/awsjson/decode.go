package awsjson

import (
	"cmp"
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
// where the JSON has another type than the member. They name a struct as the service's
// model does: by the tag "model" of the member that holds it, or holds a list or map of
// it; without the tag by the Go type's name, or by the member's if the type has none.
// An error of a type's own UnmarshalJSONFrom is returned as it is.
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
	return mismatch(body, sem, find(reflect.TypeOf(v), sem.JSONPointer))
}

// A place is where in a request a value stands.
type place struct {
	field   reflect.StructField // the member that holds it, or the list or map around it
	element bool                // it is an element of a list or map
}

// find returns the place that a pointer leads to, seen from the type t.
func find(t reflect.Type, pointer jsontext.Pointer) place {
	var p place
	for token := range pointer.Tokens() {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Slice, reflect.Map:
			t, p.element = t.Elem(), true
		case reflect.Struct:
			f, ok := t.FieldByName(token)
			if !ok {
				return place{}
			}
			t, p = f.Type, place{field: f}
		default:
			return place{}
		}
	}
	return p
}

// class returns the model's name of a struct at the place.
func (p place) class(t reflect.Type) string {
	name := cmp.Or(p.field.Tag.Get("model"), t.Name(), p.field.Name)
	return strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
}

// mismatch returns, in the framework's words, the error that a JSON value has another
// type than its member.
func mismatch(body []byte, e *json.SemanticError, at place) *Error {
	t := e.GoType
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return errSerialization("")
	}
	if e.JSONKind == '[' {
		return unrecognized(t, at)
	}
	return errSerialization(unexpected(body, e, t, at.element))
}

// unrecognized returns the error of a list where the type t is expected.
func unrecognized(t reflect.Type, at place) *Error {
	const text = "Unrecognized collection type "
	before, name, after := javaType(t, at)
	if before == "" {
		before = "class "
	}
	err := errSerialization(text + before + name + after)
	if !strings.HasPrefix(name, "java.") {
		err.class = len(text + before)
	}
	return err
}

// unexpected returns the text for any JSON but a list where the type t is expected.
func unexpected(body []byte, e *json.SemanticError, t reflect.Type, element bool) string {
	if e.JSONKind == '{' {
		return "Start of structure or map found where not expected"
	}
	switch t.Kind() {
	case reflect.Struct:
		if element {
			return "Unexpected value type in payload"
		}
		return "Unexpected field type"
	case reflect.Slice, reflect.Map:
		switch {
		case t.Elem().Kind() == reflect.Uint8:
			return "only base-64-encoded strings are convertible to bytes"
		case element:
			return noClass
		}
		return "Unexpected field type"
	case reflect.Bool:
		if e.JSONKind == '"' {
			return "Unexpected token received from parser"
		}
	}
	return valueName(body, e) + " cannot be converted to " + simpleType(t)
}

// noClass is the framework's text for a scalar where an element of a list or map is
// itself a list or map.
const noClass = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class " +
	"(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')"

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

// javaType returns the framework's long name of a type in three parts: the class, which
// is the service's own unless it begins with "java.", and the lists and maps around it.
func javaType(t reflect.Type, at place) (before, name, after string) {
	switch t.Kind() {
	case reflect.Pointer:
		return javaType(t.Elem(), at)
	case reflect.Struct:
		return "", at.class(t), ""
	case reflect.Map:
		before, name, after = javaType(t.Elem(), at)
		return "java.util.Map<java.lang.String, " + before, name, after + ">"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "", "java.nio.ByteBuffer", ""
		}
		before, name, after = javaType(t.Elem(), at)
		return "java.util.List<" + before, name, after + ">"
	default:
		return "", "java.lang." + simpleType(t), ""
	}
}
