// Package table holds tables: their catalogue, their items, and the one commit
// that changes items together with the records of the change.
//
// # Keys
//
//	't' 0                            -> next table id (8 bytes)
//	't' 1, name                      -> descriptor (JSON)
//	't' 2, table id                  -> item count and bytes (16 bytes)
//	'i' table id, partition, sort    -> item (binary); partition and sort in
//	                                    the key form of package item
//
// # Invariants
//
//  1. A write is one batch: items, the table's counters, and change records
//     (P1). It is answered after the batch is durable (P2).
//  2. The read, the condition and the apply of a write happen under the locks
//     of its items' keys. The locks are released before the fsync: whoever
//     comes next builds on a commit that becomes durable before its own.
//  3. What a reader was given is durable: a read waits for the last commit
//     that touched its item's stripe of locks, a scan for the last commit
//     before it began (P2).
//  4. A write that changes nothing writes nothing and records nothing.
//
// Every request returns errors of type *ValidationError (the request is wrong,
// in DynamoDB's words), *ConditionError, ErrNotFound, ErrExists or ErrProtected,
// or what package kv reports, kv.ErrDiskFull among it.
//
// Source of the rules: Amazon DynamoDB API reference and developer guide.
package table

import (
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/item"
)

// Errors of this package.
var (
	// ErrNotFound says that there is no table of that name.
	ErrNotFound = errors.New("table: not found")
	// ErrExists says that there is a table of that name.
	ErrExists = errors.New("table: already exists")
	// ErrProtected says that a table's deletion protection is on.
	ErrProtected = errors.New("table: deletion protection is on")
)

// A ValidationError says what is wrong with a request, in DynamoDB's words.
type ValidationError struct{ Msg string }

func (e *ValidationError) Error() string { return e.Msg }

func invalid(format string, args ...any) error {
	return &ValidationError{fmt.Sprintf(format, args...)}
}

// A ConditionError says that an item did not satisfy a write's condition.
type ConditionError struct {
	Item item.Item // the item as it was; nil if there was none
}

func (e *ConditionError) Error() string { return "table: the condition is not satisfied" }
