// Package expr holds DynamoDB's expression language: condition, filter, key
// condition, projection and update expressions, parsed by one lexer and one
// parser and evaluated on items.
//
//	condition = operand comparator operand
//	          | operand BETWEEN operand AND operand
//	          | operand IN ( operand, … )
//	          | function | ( condition ) | NOT condition
//	          | condition AND condition | condition OR condition
//	operand   = path | :value | function | ( operand )
//	function  = name ( operand, … )
//	update    = { SET action, … | REMOVE path, … | ADD path :v, … | DELETE path :v, … }
//	action    = path = value
//	value     = operand | sum
//	sum       = operand + operand | operand - operand | ( sum )
//	path      = name { .name | [index] }
//
// NOT binds tighter than AND, AND tighter than OR. A name begins with a letter, and
// is none of the words of the language; any other name has an alias. Parentheses
// around parentheses are refused. Functions are called anywhere and judged
// afterwards: attribute_exists, attribute_not_exists, attribute_type, begins_with
// and contains are conditions, size is an operand of one, if_not_exists is an operand
// in updates, and list_append stands alone on the right side of SET.
//
// An expression has at most maxLength bytes and maxOperators operators and
// functions, a path at most maxPath steps.
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
	maxPath      = 32
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
