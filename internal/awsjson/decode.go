package awsjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

func lengthText(n int64) string { return strconv.FormatInt(n, 10) }

// Decode reads a request's body into v: member names in their exact case,
// duplicate names refused, unknown members ignored. An error that the value's
// own decoding returned comes back as it is; others as *Error.
func Decode(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONKind != 0 {
		if semantic.Err != nil {
			return semantic.Err
		}
		return Serialization(mismatch(semantic))
	}
	if errors.As(err, &semantic) && semantic.Err != nil {
		return semantic.Err
	}
	return Serialization("the body is not valid JSON: " + err.Error())
}

// mismatch words a JSON value of the wrong kind.
func mismatch(e *json.SemanticError) string {
	switch e.JSONKind {
	case '{', '[':
		return "Start of structure or map found where not expected."
	}
	names := map[byte]string{'"': "STRING_VALUE", '0': "NUMBER_VALUE", 't': "TRUE_VALUE", 'f': "FALSE_VALUE", 'n': "NULL_VALUE"}
	kind := "String"
	if e.GoType != nil {
		switch t := e.GoType.String(); {
		case strings.Contains(t, "int"):
			kind = "Integer"
		case strings.Contains(t, "bool"):
			kind = "Boolean"
		case strings.Contains(t, "string") && !strings.ContainsAny(t, "[{"):
		default:
			return "Unexpected value type in payload"
		}
	}
	return names[byte(e.JSONKind)] + " cannot be converted to " + kind
}

// A Check collects what is wrong with the members of a request, in the words
// that AWS's services share.
type Check struct{ faults []string }

// That notes a fault unless ok: the value, the member's path in lower camel
// case, and what the value must do.
func (c *Check) That(ok bool, value, path, must string, args ...any) {
	if !ok {
		c.faults = append(c.faults, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must %s", value, path, fmt.Sprintf(must, args...)))
	}
}

// Text is the usual form of a value in a fault: 'value', or null.
func Text(s *string) string {
	if s == nil {
		return "null"
	}
	return "'" + *s + "'"
}

// Message returns the faults as one text, or nothing.
func (c *Check) Message() string {
	switch len(c.faults) {
	case 0:
		return ""
	case 1:
		return "1 validation error detected: " + c.faults[0]
	default:
		return fmt.Sprintf("%d validation errors detected: %s", len(c.faults), strings.Join(c.faults, "; "))
	}
}
