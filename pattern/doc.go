// Package pattern holds EventBridge's event patterns: the JSON by which a rule
// selects events. It parses a pattern, compiles many of them into one index,
// matches an event against all of them at once, and explains why one did not
// match. An event is any JSON object.
//
// It is public API: programs use it without a node. docs/patterns.md specifies
// the language.
//
// # How a set matches
//
// A pattern is a list of alternatives ($or expands into several), each a list of
// fields, each a path with tests of which one must hold. A Set is an automaton:
// being in a state means that some fields hold, and an edge is one more field.
//
//	start ─ source: "shop" → 1 ─ detail.state: "shipped" → 2 accepts 7
//	                           └ detail.total: > 100     → 3 accepts 9
//
// Alternatives that begin with the same fields share states; each begins with the
// most selective fields. An edge looks its value up in an index, so that the time
// hardly depends on the number of rules.
//
//  1. An event is read once, along the tree of the names in the patterns; other
//     members are skipped. Each value keeps the array elements that contain it.
//  2. The event enters each state at most once. So there is no combinatorial
//     growth, and a wildcard is tried once for each value, in linear time.
//  3. An alternative that is reached matches if values for its fields can be
//     chosen so that those from one array are from the same element. That takes
//     one pass over the elements. Only events that repeat member names around
//     arrays need a search, whose steps are limited (ErrAmbiguous).
//
// A Set is immutable; readers share it without a lock. Set.With returns another
// one that shares all but what the additional pattern changes.
//
// Source of the language: Amazon EventBridge user guide, "Event patterns", and
// the behaviour of the open source library aws/event-ruler.
package pattern

import (
	"fmt"
	"strings"
)

// An Error says why a pattern is not valid, with EventBridge's message, and where
// in the source.
type Error struct {
	Msg     string
	Pointer string // JSON pointer to the faulty member
	Line    int    // from 1
	Column  int    // from 1, after the offending token
	located bool
	source  string
}

// Error returns the message as EventBridge has it, with the place if EventBridge
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
