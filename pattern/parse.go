package pattern

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxAlternatives is how many combinations of $or branches a pattern may have.
const maxAlternatives = 1000

// A Pattern is a compiled event pattern. It never changes.
type Pattern struct {
	alternatives []alternative
	set          *Set // of this pattern alone
}

// An alternative is fields that must all match.
type alternative []field

// A field is a path with the tests of which one must hold.
type field struct {
	path  []string
	tests []test
}

// A Dialect says which operators a pattern may use; what they mean is the same.
type Dialect int

const (
	// EventBridge is the language of rules and archives: all operators.
	EventBridge Dialect = iota

	// Filter is the language of filter criteria of Lambda event source mappings
	// and Pipes: no wildcard, and no operator nested in anything-but.
	Filter
)

// Compile parses a pattern in the dialect EventBridge. Errors are of type
// *Error.
func Compile(src []byte) (*Pattern, error) { return EventBridge.Compile(src) }

// Compile parses a pattern in the dialect. Errors are of type *Error.
func (d Dialect) Compile(src []byte) (*Pattern, error) {
	c := &compiler{dialect: d, src: string(src), dec: jsontext.NewDecoder(bytes.NewReader(src), jsontext.AllowDuplicateNames(true))}
	alternatives, err := c.pattern()
	if err != nil {
		return nil, err
	}
	p := &Pattern{alternatives: alternatives}
	p.set = NewSet([]*Pattern{p})
	return p, nil
}

// A compiler reads one pattern.
type compiler struct {
	dialect Dialect
	src     string
	dec     *jsontext.Decoder
}

// fail returns an error whose text has the place after the last token.
func (c *compiler) fail(msg string) error {
	e := c.at(msg)
	e.located = true
	return e
}

// failPlain returns an error whose text has no place, as EventBridge has it.
func (c *compiler) failPlain(msg string) error { return c.at(msg) }

func (c *compiler) at(msg string) *Error {
	e := &Error{Msg: msg, Pointer: string(c.dec.StackPointer()), source: c.src}
	e.Line, e.Column = position(c.src, int(c.dec.InputOffset()))
	return e
}

// syntax reports JSON that cannot be read.
func (c *compiler) syntax(err error) error {
	offset := int(c.dec.InputOffset())
	offset = strings.LastIndexAny(c.src[:min(offset, len(c.src))], " \t\r\n,:{}[]\"") + 1 // the start of the word
	rest := strings.TrimLeft(c.src[offset:], " \t\r\n,:")
	if rest == "" {
		return c.fail("Unexpected end-of-input")
	}
	if end := strings.IndexAny(rest+" ", " \t\r\n,:{}[]\""); end > 0 {
		return c.fail("Unrecognized token '" + rest[:end] + "': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
	}
	return c.fail("Unexpected character: " + err.Error())
}

// next reads a token.
func (c *compiler) next() (jsontext.Token, error) {
	tok, err := c.dec.ReadToken()
	if err != nil {
		return tok, c.syntax(err)
	}
	return tok.Clone(), nil
}

func (c *compiler) pattern() ([]alternative, error) {
	tok, err := c.next()
	if err != nil {
		return nil, err
	}
	if tok.Kind() != '{' {
		return nil, c.fail("Filter is not an object")
	}
	return c.object([]alternative{nil}, nil)
}

// object reads the members of an object whose '{' was read, at path, and
// returns the alternatives so far with the object's fields in them.
func (c *compiler) object(alts []alternative, path []string) ([]alternative, error) {
	empty := true
	for c.dec.PeekKind() != '}' {
		empty = false
		name, err := c.next()
		if err != nil {
			return nil, err
		}
		if name.String() == "$or" {
			alts, err = c.or(alts, path)
		} else {
			below := append(slices.Clone(path), strings.Split(name.String(), ".")...)
			alts, err = c.member(alts, below, name.String())
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := c.next(); err != nil {
		return nil, err
	}
	if empty {
		return nil, c.fail("Empty objects are not allowed")
	}
	return alts, nil
}

// member reads the value of one member.
func (c *compiler) member(alts []alternative, path []string, name string) ([]alternative, error) {
	tok, err := c.next()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '{':
		return c.object(alts, path)
	case '[':
		tests, err := c.leaf()
		if err != nil {
			return nil, err
		}
		out := make([]alternative, len(alts))
		for i, alt := range alts {
			out[i] = alt.with(field{path, tests})
		}
		return out, nil
	default:
		return nil, c.fail(`"` + name + `" must be an object or an array`)
	}
}

// with returns the alternative with the field in it; a field of the same path
// is replaced: what comes later in the pattern counts.
func (a alternative) with(f field) alternative {
	out := slices.DeleteFunc(slices.Clone(a), func(g field) bool { return slices.Equal(f.path, g.path) })
	return append(out, f)
}

// reservedInOr are the names that a branch of $or may not use.
var reservedInOr = strings.Fields(`exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >= regex
	not-wildcard not-equals-ignore-case date-after date-after-or-equals date-before date-before-or-equals in-date-range
	ip-address-in-range ip-address-not-in-range`)

// or reads the branches of $or: each continues each alternative so far.
func (c *compiler) or(alts []alternative, path []string) ([]alternative, error) {
	tok, err := c.next()
	if err != nil {
		return nil, err
	}
	if tok.Kind() != '[' {
		return nil, c.fail("It must be an Array followed with $or.")
	}
	var out []alternative
	branches := 0
	for c.dec.PeekKind() != ']' {
		tok, err := c.next()
		if err != nil {
			return nil, err
		}
		if tok.Kind() != '{' {
			return nil, c.fail("Only JSON object is allowed in array of $or relationship.")
		}
		branch, err := c.object(slices.Clone(alts), path)
		if err != nil {
			return nil, err
		}
		if err := c.checkBranch(branch, path); err != nil {
			return nil, err
		}
		out = append(out, branch...)
		branches++
		if len(out) > maxAlternatives {
			return nil, c.failPlain("Rule is too complex - the number of $or combinations exceeds 1000")
		}
	}
	if _, err := c.next(); err != nil {
		return nil, err
	}
	if branches < 2 {
		return nil, c.fail("There must have at least 2 Objects in $or relationship.")
	}
	return out, nil
}

// checkBranch refuses reserved names in a branch of $or.
func (c *compiler) checkBranch(branch []alternative, path []string) error {
	for _, alt := range branch {
		for _, f := range alt {
			if len(f.path) <= len(path) || !slices.Equal(f.path[:len(path)], path) {
				continue
			}
			if name := f.path[len(path)]; slices.Contains(reservedInOr, name) {
				return c.fail(name + " is Ruler reserved fieldName which cannot be used inside $or.")
			}
		}
	}
	return nil
}

// leaf reads the tests of an array whose '[' was read.
func (c *compiler) leaf() ([]test, error) {
	var tests []test
	for c.dec.PeekKind() != ']' {
		tok, err := c.next()
		if err != nil {
			return nil, err
		}
		switch tok.Kind() {
		case '{':
			t, err := c.operator()
			if err != nil {
				return nil, err
			}
			tests = append(tests, t)
		case '[':
			return nil, c.fail("Match value must be String, number, true, false, or null")
		default:
			tests = append(tests, test{op: opExact, value: scalarOf(tok)})
		}
	}
	if _, err := c.next(); err != nil {
		return nil, err
	}
	if len(tests) == 0 {
		return nil, c.fail("Empty arrays are not allowed")
	}
	return tests, nil
}
