// Package pattern holds event patterns: the JSON by which a rule says which
// events it wants. It parses a pattern, compiles many of them into one index,
// matches an event against all at once, and explains why one did not match. It
// knows no event but as JSON.
//
// docs/patterns.md is the language's specification.
//
// # How a set matches
//
// A pattern is a list of alternatives ($or expands into several), each a list
// of fields, each a path with tests of which one must hold. A Set is an
// automaton: a state stands for fields that hold, an edge for one field more.
//
//	start ─ source: "shop" → 1 ─ detail.state: "shipped" → 2 accepts 7
//	                           └ detail.total: > 100     → 3 accepts 9
//
// Alternatives that begin with the same fields share states; each puts those
// first that few values pass. An edge looks its value up, so that the number of
// rules hardly counts.
//
//  1. An event is read once, along the tree of the names that fields ask for;
//     what no field asks for is skipped. Values keep the array elements in which
//     they stand.
//  2. The event enters each state at most once. So there is no product of
//     values, and a wildcard is tried once a value, in linear time.
//  3. An alternative that is reached matches if values for its fields can be
//     chosen so that those out of one array come from one of its elements. That
//     takes one pass over the elements. Only events that repeat names around
//     arrays need trials, whose number is limited (ErrAmbiguous).
//
// A Set never changes; readers share it without a lock. Set.With makes another
// that shares all but what a further pattern changes.
//
// Source of the language: Amazon EventBridge user guide, "Event patterns", and
// the behaviour of the open source library aws/event-ruler.
package pattern

import (
	"fmt"
	"strings"
)

// An Error says why a pattern is not valid: Msg in EventBridge's words, and
// where in the source.
type Error struct {
	Msg     string
	Pointer string // JSON pointer to the faulty member
	Line    int    // from 1
	Column  int    // from 1, after the offending token
	located bool
	source  string
}

// Error returns the message as EventBridge has it, with the place where it
// gives one.
func (e *Error) Error() string {
	if !e.located {
		return e.Msg
	}
	return fmt.Sprintf("%s\n at [Source: (String)\"%s\"; line: %d, column: %d]", e.Msg, e.source, e.Line, e.Column)
}

// position returns the line and column of an offset, both from 1.
func position(src string, offset int) (line, column int) {
	before := src[:min(offset, len(src))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndex(before, "\n")
}
