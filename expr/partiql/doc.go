// Package partiql holds DynamoDB's PartiQL: statements over one table, parsed by
// one lexer and one recursive-descent parser into the trees of package expr, and
// planned against the keys of the table.
//
//	statement = SELECT ( * | path, … ) FROM name [ . name ] [ WHERE condition ]
//	            [ ORDER BY name [ ASC | DESC ], … ]
//	          | INSERT INTO name VALUE ( { 'name' : value, … } | ? )
//	          | UPDATE name { SET path = term, … | REMOVE path, … }
//	            WHERE condition [ RETURNING ( ALL | MODIFIED ) ( OLD | NEW ) * ]
//	          | FROM name WHERE condition { SET path = term, … | REMOVE path, … }
//	            [ RETURNING ( ALL | MODIFIED ) ( OLD | NEW ) * ]
//	          | DELETE FROM name WHERE condition [ RETURNING ALL OLD * ]
//	          | EXISTS ( SELECT … )
//	condition = operand comparator operand
//	          | operand [ NOT ] BETWEEN operand AND operand
//	          | operand [ NOT ] IN [ value, … ]
//	          | path IS [ NOT ] ( MISSING | NULL | BOOL | STRING | … )
//	          | function | ( condition ) | NOT condition
//	          | condition AND condition | condition OR condition
//	function  = attribute_exists(path) | attribute_not_exists(path)
//	          | attribute_type(path, value) | begins_with(path, operand)
//	          | contains(path, operand)
//	operand   = path | value | size(path) | function | ( condition )
//	term      = path | value | term + term | term - term
//	          | list_append(term, term)
//	          | set_add(path, value) | set_delete(path, value)
//	value     = 'text' | number | TRUE | FALSE | NULL | ?
//	          | [ value, … ] | { 'name' : value, … } | << value, … >>
//	path      = name { . name | [index] | ['name'] }
//
// Keywords and functions are read in any case; names are case-sensitive and may
// stand in double quotes. -- and /* */ begin comments. A statement has at most
// MaxLength characters, maxNesting nested parentheses, paths of at most maxPath
// steps and literals of less than 32 levels.
//
// Errors are of type *Error, *KeyError, *expr.Error or *item.Error, in the words of
// DynamoDB. Parsed statements are immutable; goroutines may share them.
//
// Source: Amazon DynamoDB developer guide, "PartiQL - a SQL-compatible query
// language for Amazon DynamoDB", and texts recorded from the service by test
// suites that ran against it.
package partiql

import "fmt"

// Limits of one statement.
const (
	MaxLength  = 8192
	maxNesting = 128
	maxIn      = 100 // values of one IN
	maxReads   = 50  // queries that one SELECT is made of
	maxLevels  = 32
	maxPath    = 32 // steps of one path
)

// An Error says why a statement is not valid, in DynamoDB's words.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

// A KeyError says that a statement does not identify one item by its key, in
// DynamoDB's words.
type KeyError struct{ Msg string }

func (e *KeyError) Error() string { return e.Msg }

func errf(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// malformed is the error of a statement that cannot be read.
func malformed(detail string) *Error {
	return &Error{"Statement wasn't well formed, can't be processed: " + detail}
}
