package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// An Error says that a definition could not make its events. Definition is empty if
// none of them was asked.
type Error struct {
	Definition string
	Err        error
}

func (e *Error) Error() string {
	if e.Definition == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("event %s: %v", e.Definition, e.Err)
}
func (e *Error) Unwrap() error { return e.Err }

// EventName returns the name of the definition, which is that of its event.
func (e *Error) EventName() string { return e.Definition }

func wrap(d *Definition, err error) error {
	if err == nil {
		return nil
	}
	return &Error{d.Name, err}
}

// A placed error is one of a part of a definition, as in detail.total.
type placed struct {
	part string
	err  error
}

func (p *placed) Error() string { return p.part + ": " + p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

// at says where an error happened; parts of parts become one place.
func at(part string, err error) error {
	if err == nil {
		return nil
	}
	if p := (*placed)(nil); errors.As(err, &p) {
		return &placed{part + "." + p.part, p.err}
	}
	return &placed{part, err}
}

// fail tells the expression and what it read.
func (e *Expression) fail(c *change, err error) error {
	var read []string
	absent := false
	for _, r := range e.cel.Refs() {
		text, missing := c.describe(r)
		absent = absent || missing
		if !slices.Contains(read, text) {
			read = append(read, text)
		}
	}
	hint := ""
	if absent {
		hint = "; what may be absent is asked for by ?, as in new.?name"
	}
	if errors.Is(err, errAbsent) {
		return fmt.Errorf("${%s}: %s%s", e.source, strings.Join(read, ", "), hint)
	}
	return fmt.Errorf("${%s}: %w: %s%s", e.source, err, strings.Join(read, ", "), hint)
}

// kinds are the kinds of values in words.
var kinds = map[item.Kind]string{
	item.String: "a string", item.Number: "a number", item.Binary: "binary", item.Bool: "a boolean", item.Null: "null",
	item.List: "a list", item.MapKind: "a map", item.StringSet: "a set of strings", item.NumberSet: "a set of numbers", item.BinarySet: "a set of binaries",
}

// describe says what stands at a path, without the value, which may be secret.
func (c *change) describe(r cel.Ref) (text string, absent bool) {
	image, ok := c.image(root(r.Variable))
	if !ok {
		v, known := c.ResolveName(r.Variable)
		if val, isVal := v.(cel.Value); known && isVal {
			return r.Variable + " is a " + val.Type().TypeName(), false
		}
		return r.Variable + " is absent", true
	}
	if v, ok := pathOf(r).value(image); ok {
		return r.String() + " is " + kinds[v.Kind()], false
	}
	return r.String() + " is absent", true
}
