// Package table holds tables: their catalogue, their items, their secondary
// indexes, and the one commit that changes items together with their index
// entries and change records.
//
// # Keys
//
//	't' 0                            -> next id of a table or index (8 bytes)
//	't' 1, name                      -> descriptor (JSON)
//	't' 2, id                        -> number and bytes of the items of a table
//	                                    or the entries of an index (16 bytes)
//	't' 3, table id, partition       -> bytes of an item collection, in tables
//	                                    with local indexes
//	't' 4, index id                  -> key of the last item that the backfill of
//	                                    the index has added
//	't' 5, token                     -> time of its use, hash of the transaction
//	't' 6, time, token               -> empty: the order in which client tokens
//	                                    are removed
//	'i' table id, partition, sort    -> item (binary); partition and sort in
//	                                    the key form of package item
//	'i' index id, partition, sort, partition and sort of the item
//	                                 -> projected item (binary)
//	'i' index id, time to live, partition and sort of the item
//	                                 -> empty: entry of an expiry index
//
// The partition and the sort of a global index are up to four attributes each, one
// after another.
//
// # Invariants
//
//  1. A write is one batch: items, index entries, counters, and change records
//     (P1). It is answered after the batch is durable (P2). So reads of an index
//     are as fresh as those of its table.
//  2. A write reads the item, checks its condition and applies its batch under
//     the locks of its items' keys. The locks are released before the fsync: the
//     next writer builds on a commit that becomes durable before its own.
//  3. What a reader is given is durable: a read waits for the last commit that
//     touched its item's lock stripe, a scan for the last commit before it
//     began (P2).
//  4. A write that changes nothing writes nothing and records nothing.
//  5. An index whose backfill is done holds exactly the entries of the table's
//     items.
//  6. All writers take locks in one order, so that there is no deadlock: control,
//     then the tables by id, then the stripes by number.
//
// Every request returns errors of type *ValidationError (the request is wrong,
// in DynamoDB's words), *ConditionError, *CanceledError, one of the sentinels
// of this package, or an error of package kv, such as kv.ErrDiskFull.
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
	// ErrIndexNotFound says that a table has no global index of that name.
	ErrIndexNotFound = errors.New("table: no such index")
	// ErrTooManyIndexes says that a table has all the global indexes that it may have.
	ErrTooManyIndexes = errors.New("table: too many global indexes")
	// ErrProtected says that a table's deletion protection is on.
	ErrProtected = errors.New("table: deletion protection is on")
)

// A ValidationError says what is wrong with a request, in DynamoDB's words.
type ValidationError struct {
	Msg string
	// empty says that a key attribute is empty, which is the error of a whole
	// transaction and no reason to cancel it.
	empty bool
}

func (e *ValidationError) Error() string { return e.Msg }

func invalid(format string, args ...any) error {
	return &ValidationError{Msg: fmt.Sprintf(format, args...)}
}

// emptyKey is invalid for a key attribute that is an empty string or binary.
func emptyKey(format string, args ...any) *ValidationError {
	return &ValidationError{Msg: fmt.Sprintf(format, args...), empty: true}
}

// isEmptyKey reports whether the error is one of emptyKey.
func isEmptyKey(err error) bool {
	var bad *ValidationError
	return errors.As(err, &bad) && bad.empty
}

// A ConditionError says that an item did not satisfy a write's condition.
type ConditionError struct {
	Item item.Item // the item as it was; nil if there was none
}

func (e *ConditionError) Error() string { return "table: the condition is not satisfied" }
