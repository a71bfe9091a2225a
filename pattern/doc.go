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
// of fields, each a path with tests of which one must hold. A Set is a tree of
// names; where a path ends stands an index of the tests that any alternative
// has for it:
//
//	detail ─ state ─ exact:  "shipped" → (alternative 7, field 2), …
//	                 others: prefix "s" → (alternative 9, field 1), …
//
// An event is read once, along the tree; what no pattern asks for is skipped.
// Each scalar that is met looks up its tests and marks the fields they belong
// to. An alternative whose fields are all marked matches, if the marks can be
// chosen so that values out of one array come from one of its elements.
//
// A Set never changes; readers share it without a lock.
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
