package item

import (
	"strings"
)

// An Error says why a value is not valid, in DynamoDB's words.
type Error struct{ Msg string }

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
	errNoType = &Error{"Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"}
	errTypes  = &Error{"Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"}
	errNull   = &Error{detected + invalidOnes + "Null attribute value types must have the value of true"}
	errDepth  = &Error{"Nesting Levels have exceeded supported limits: Attributes can not have more than 32 nesting levels"}

	errNumberEmpty  = &Error{"The parameter cannot be converted to a numeric value"}
	errNumberDigits = &Error{"Attempting to store more than 38 significant digits in a Number"}
	errNumberLarge  = &Error{"Number overflow. Attempting to store a number with magnitude larger than supported range"}
	errNumberSmall  = &Error{"Number underflow. Attempting to store a number with magnitude smaller than supported range"}
)

func errEmptySet(kind Kind) *Error {
	switch kind {
	case StringSet:
		return &Error{detected + invalidOnes + "An string set  may not be empty"}
	case NumberSet:
		return &Error{detected + invalidOnes + "An number set  may not be empty"}
	default:
		return &Error{detected + invalidOnes + "Binary sets should not be empty"}
	}
}

func errDuplicate(members []Value) *Error {
	if members[0].kind == Number {
		return &Error{"Input collection contains duplicates"}
	}
	texts := make([]string, len(members))
	for i, m := range members {
		texts[i] = m.str
		if m.kind == Binary {
			texts[i] = string(appendBase64(nil, m.str))
		}
	}
	return &Error{detected + invalidOnes + "Input collection [" + strings.Join(texts, ", ") + "] contains duplicates."}
}
