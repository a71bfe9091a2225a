package item

import "strings"

// An Error says why a value is not valid, in DynamoDB's words. Enveloped, unless
// it is empty, is the text of those operations that add a prefix to the errors of
// values.
type Error struct{ Msg, Enveloped string }

func (e *Error) Error() string { return e.Msg }

// A SyntaxError says that JSON does not have the shape of an attribute value,
// in DynamoDB's words.
type SyntaxError struct{ Msg string }

func (e *SyntaxError) Error() string { return e.Msg }

const (
	detected    = "1 validation error detected: "
	invalidOnes = "One or more parameter values were invalid: "
	longName    = "Attribute name is too large, must be less than 65536 bytes"
)

var (
	errNoType = &Error{Msg: "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
	errTypes  = &Error{Msg: "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	errNull   = &Error{Msg: detected + invalidOnes + "Null attribute value types must have the value of true"}
	errDepth  = &Error{Msg: "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"}

	errNoName   = &Error{Msg: "Empty attribute name", Enveloped: detected + "Empty attribute name"}
	errLongName = &Error{Msg: longName, Enveloped: detected + longName}

	errSize = &Error{Msg: "Item size has exceeded the maximum allowed size"}

	errNumberEmpty  = &Error{Msg: "The parameter cannot be converted to a numeric value"}
	errNumberDigits = &Error{Msg: "Attempting to store more than 38 significant digits in a Number"}
	errNumberLarge  = &Error{Msg: "Number overflow. Attempting to store a number with magnitude larger than supported range"}
	errNumberSmall  = &Error{Msg: "Number underflow. Attempting to store a number with magnitude smaller than supported range"}
)

func errEmptySet(kind Kind) *Error {
	switch kind {
	case StringSet:
		return &Error{Msg: detected + invalidOnes + "An string set  may not be empty"}
	case NumberSet:
		return &Error{Msg: detected + invalidOnes + "An number set  may not be empty"}
	default:
		return &Error{Msg: detected + invalidOnes + "Binary sets should not be empty"}
	}
}

// maxShown is how many bytes of a request's values an error repeats.
const maxShown = 1024

// shown returns the texts of a set's members for an error, as far as maxShown goes.
func shown(members []Value) []string {
	var texts []string
	for room := maxShown; len(members) > 0 && room > 0; members = members[1:] {
		text := members[0].str
		if members[0].kind == Binary {
			text = string(appendBase64(nil, cut(text, room)))
		}
		texts = append(texts, cut(text, room))
		room -= len(text)
	}
	if len(members) > 0 {
		texts = append(texts, "...")
	}
	return texts
}

// cut returns a text for an error: all of it, or what of it fits in n bytes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

func errDuplicate(members []Value) *Error {
	texts := shown(members)
	const begin, end = detected + invalidOnes + "Input collection [", " contains duplicates."
	switch members[0].kind {
	case Number:
		return &Error{Msg: "Input collection contains duplicates"}
	case Binary:
		return &Error{Msg: begin + strings.Join(texts, ", ") + "]of type BS" + end}
	default:
		return &Error{
			Msg:       begin + strings.Join(texts, ", ") + "]" + end,
			Enveloped: begin + `"` + strings.Join(texts, `", "`) + `"]` + end,
		}
	}
}
