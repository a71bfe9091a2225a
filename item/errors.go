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
)

var (
	errNoType = &Error{Msg: "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
	errTypes  = &Error{Msg: "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	errNull   = &Error{Msg: detected + invalidOnes + "Null attribute value types must have the value of true"}
	errDepth  = &Error{Msg: "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"}

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

func errDuplicate(members []Value) *Error {
	texts := make([]string, len(members))
	for i, m := range members {
		texts[i] = m.str
		if m.kind == Binary {
			texts[i] = string(appendBase64(nil, m.str))
		}
	}
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
