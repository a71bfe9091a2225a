package awsjson

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Validator collects the members of a request that break a constraint of the
// service's model, and words them as AWS's framework for services does. The zero
// Validator is ready.
//
// Paths are in lower camel case, with members of lists counted from 1:
// targets.1.member.id.
type Validator struct{ problems []string }

// DecodeValid reads the body of a request into the struct that v points to, as
// Decode does, and returns the constraints that check then finds broken.
func DecodeValid(body []byte, v any, check func(*Validator)) error {
	if err := Decode(body, v); err != nil {
		return err
	}
	var found Validator
	check(&found)
	return found.Err()
}

const (
	maxProblems = 10       // constraints that one answer names
	maxQuoted   = 16 << 10 // bytes of a value that messages print
	maxMessage  = 64 << 10 // bytes of a message
)

// cut returns all of a text, or what of it fits in n bytes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

// Fail adds a problem: value as it is to be printed (null if it is absent, see
// Quote), path, and the constraint that follows "Member must ".
func (v *Validator) Fail(value, path, constraint string) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, "Value "+cut(value, maxQuoted+len("'...'"))+" at '"+path+"' failed to satisfy constraint: "+constraint)
	}
}

// FailAt adds a problem of a member whose value the service does not print.
func (v *Validator) FailAt(path, constraint string) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, "Value at '"+path+"' failed to satisfy constraint: "+constraint)
	}
}

// FailUnnamed adds a problem of a member that the service does not name.
func (v *Validator) FailUnnamed(constraint string) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, "Failed to satisfy constraint: "+constraint)
	}
}

// Null is an absent value as messages print it.
const Null = "null"

// Quote returns a value that is present as messages print it, of a long one the
// beginning.
func Quote(value string) string { return "'" + cut(value, maxQuoted) + "'" }

// Required adds a problem if a member is absent.
func (v *Validator) Required(present bool, path string) {
	if !present {
		v.Fail(Null, path, "Member must not be null")
	}
}

// A Text holds the constraints of a string. A zero field is no constraint.
type Text struct {
	Min, Max int // of its length in characters, as Unicode counts them
	Pattern  string
	Match    func(string) bool // whether it satisfies Pattern
	Enum     []string          // in the order of the framework's message
}

// Text adds a problem for each constraint that a string breaks, the pattern
// first. An absent string (nil) breaks none.
func (v *Validator) Text(value *string, path string, c Text) {
	if value == nil {
		return
	}
	s, quoted := *value, Quote(*value)
	if c.Enum != nil && !slices.Contains(c.Enum, s) {
		v.Fail(quoted, path, "Member must satisfy enum value set: ["+strings.Join(c.Enum, ", ")+"]")
	}
	if c.Match != nil && !c.Match(s) {
		v.Fail(quoted, path, "Member must satisfy regular expression pattern: "+c.Pattern)
	}
	v.Length(utf8.RuneCountInString(s), quoted, path, c.Min, c.Max)
}

// RequiredText is Required and Text in one.
func (v *Validator) RequiredText(value *string, path string, c Text) {
	v.Required(value != nil, path)
	v.Text(value, path, c)
}

// Length adds a problem if n is below low or, unless high is 0, above it.
func (v *Validator) Length(n int, quoted, path string, low, high int) {
	if n < low {
		v.Fail(quoted, path, "Member must have length greater than or equal to "+strconv.Itoa(low))
	}
	if high > 0 && n > high {
		v.Fail(quoted, path, "Member must have length less than or equal to "+strconv.Itoa(high))
	}
}

// Range adds a problem if a number is below low or, unless high is 0, above
// it. An absent number (nil) is in range.
func Range[N int | int64](v *Validator, value *N, path string, low, high N) {
	if value == nil {
		return
	}
	if *value < low {
		v.Fail(Quote(fmt.Sprint(*value)), path, fmt.Sprintf("Member must have value greater than or equal to %d", low))
	}
	if high > 0 && *value > high {
		v.Fail(Quote(fmt.Sprint(*value)), path, fmt.Sprintf("Member must have value less than or equal to %d", high))
	}
}

// Err returns a ValidationException that names all problems, or nil.
func (v *Validator) Err() error {
	switch len(v.problems) {
	case 0:
		return nil
	case 1:
		return Validation("1 validation error detected: " + v.problems[0])
	default:
		return Validation(strconv.Itoa(len(v.problems)) + " validation errors detected: " + strings.Join(v.problems, "; "))
	}
}
