// Package expr holds DynamoDB's expression language: condition, filter, key
// condition, projection and update expressions, parsed by one lexer and one
// parser and evaluated on items.
//
//	condition  = operand comparator operand
//	           | operand BETWEEN operand AND operand
//	           | operand IN ( operand, … )
//	           | function | ( condition ) | NOT condition
//	           | condition AND condition | condition OR condition
//	function   = attribute_exists(path) | attribute_not_exists(path)
//	           | attribute_type(path, :t) | begins_with(path, operand)
//	           | contains(path, operand)
//	operand    = path | :value | size(path)
//	update     = { SET action, … | REMOVE path, … | ADD path :v, … | DELETE path :v, … }
//	action     = path = value | path = value + value | path = value - value
//	value      = operand | if_not_exists(path, value) | list_append(value, value)
//	path       = name { .name | [index] }
//
// NOT binds tighter than AND, AND tighter than OR. An expression has at most
// maxLength bytes, maxOperators operators and functions, and maxNesting nested
// parentheses.
//
// Other languages build the same trees without text: see Compare, NewUpdate,
// NewProjection and NewKeyCondition.
//
// Errors of the parser are of type *Error, in the words of DynamoDB. Parsed
// expressions are immutable; goroutines may share them.
//
// Source: Amazon DynamoDB developer guide, "Condition and filter expressions,
// operators, and functions", "Update expressions", "Constraints".
package expr

import "fmt"

// Limits of one expression.
const (
	maxLength    = 4096
	maxOperators = 300
	maxNesting   = 128
	maxIn        = 100
)

// An Error says why an expression is not valid or cannot be applied to an item,
// in DynamoDB's words.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

// errf makes an Error about the expression that a request calls field; what is
// built without text has no field.
func errf(field, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	if field != "" {
		msg = "Invalid " + field + ": " + msg
	}
	return &Error{msg}
}
