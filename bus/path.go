package bus

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A path is a JSONPath of the subset that EventBridge takes: $ for the whole
// value, then .name or ['name'] for a member, [n] for an element, .* or [*] for
// all of them.
type path []step

// A step is one level of a path: a member if name is not nil, each member or
// element if index is every, else an element.
type step struct {
	name  *string
	index int
}

const every = -1

var errPath = errors.New("write $ followed by .name, [n], [*] or .*")

// parsePath reads a path.
func parsePath(src string) (path, error) {
	rest, ok := strings.CutPrefix(src, "$")
	if !ok {
		return nil, errPath
	}
	var p path
	for rest != "" {
		s, n, err := parseStep(rest)
		if err != nil {
			return nil, err
		}
		p, rest = append(p, s), rest[n:]
	}
	return p, nil
}

// parseStep reads the first step of a text and returns its length.
func parseStep(src string) (step, int, error) {
	if src[0] == '.' {
		end := 1 + strings.IndexAny(src[1:]+".", ".[")
		name := src[1:end]
		if name == "*" {
			return step{index: every}, end, nil
		}
		if name == "" || strings.ContainsAny(name, "*\"'()?@,: ]") {
			return step{}, 0, errPath
		}
		return step{name: &name}, end, nil
	}
	if src[0] != '[' {
		return step{}, 0, errPath
	}
	if len(src) > 1 && (src[1] == '\'' || src[1] == '"') {
		return parseQuoted(src)
	}
	inside, _, ok := strings.Cut(src[1:], "]")
	if ok && inside == "*" {
		return step{index: every}, 3, nil
	}
	n, err := strconv.ParseUint(inside, 10, 31)
	if !ok || err != nil {
		return step{}, 0, errPath
	}
	return step{index: int(n)}, len(inside) + 2, nil
}

// parseQuoted reads ['name'] or ["name"].
func parseQuoted(src string) (step, int, error) {
	name, _, ok := strings.Cut(src[2:], src[1:2]+"]")
	if !ok || name == "" || strings.ContainsAny(name, "\\'\"") {
		return step{}, 0, errPath
	}
	return step{name: &name}, len(name) + 4, nil
}

// find returns the value at the path in a JSON document; for a path with * an
// array of the values. ok is false if there is nothing at the path.
func (p path) find(doc []byte) (v jsontext.Value, ok bool) {
	found := []jsontext.Value{doc}
	many := false
	for _, s := range p {
		many = many || s.name == nil && s.index == every
		var next []jsontext.Value
		for _, v := range found {
			next = append(next, s.from(v)...)
		}
		found = next
	}
	if !many {
		if len(found) == 0 {
			return nil, false
		}
		return found[0], true
	}
	list := jsontext.Value("[")
	for i, v := range found {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, v...)
	}
	return append(list, ']'), true
}

// from returns the values one step below v. Of members with the same name the
// last counts.
func (s step) from(v jsontext.Value) (found []jsontext.Value) {
	kind := v.Kind()
	if kind != '{' && (kind != '[' || s.name != nil) || kind == '{' && s.name == nil && s.index != every {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	for i := 0; dec.PeekKind() != '}' && dec.PeekKind() != ']'; i++ {
		name := ""
		if kind == '{' {
			tok, err := dec.ReadToken()
			if err != nil {
				return nil
			}
			name = tok.String()
		}
		value, err := dec.ReadValue()
		if err != nil {
			return nil
		}
		end := int(dec.InputOffset())
		switch at := v[end-len(value) : end : end]; { // of v, since the decoder uses its buffer again
		case s.name != nil && *s.name == name:
			found = []jsontext.Value{at}
		case s.name == nil && (s.index == every || s.index == i):
			found = append(found, at)
		}
	}
	return found
}
