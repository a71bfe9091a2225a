package mapping

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A Template makes JSON out of a record: objects, arrays and literals as they
// are, and strings in which ${expression} stands for a value of the record. A
// string that is one expression keeps the value's type, and its member or
// element is left out where there is no value. A Template never changes.
type Template struct {
	kind    templateKind
	literal []byte      // JSON
	members []member    // of an object
	list    []*Template // of an array
	text    []segment   // of a string with expressions
}

type templateKind uint8

const (
	literalKind templateKind = iota
	objectKind
	arrayKind
	textKind
)

// A member is one of an object: its name as JSON with a colon, and its value.
type member struct {
	name  []byte
	value *Template
}

// A segment of a text is literal, or an expression.
type segment struct {
	literal    string
	expression *expression
}

// Object makes a template of an object: the names of its members, each once,
// and their values, in the order in which they are written.
func Object(names []string, values []*Template) *Template {
	t := &Template{kind: objectKind}
	for i, n := range names {
		t.members = append(t.members, member{append(quote(nil, n), ':'), values[i]})
	}
	return t
}

// Array makes a template of an array.
func Array(values []*Template) *Template { return &Template{kind: arrayKind, list: values} }

// Literal makes a template of JSON that stays as it is.
func Literal(json []byte) *Template { return &Template{kind: literalKind, literal: json} }

// Text makes a template of a string that may hold expressions:
// ${new.a["b-c"]}, ${old.tags[0]}, ${keys.id}, ${op} or ${table}; $${ stands
// for ${ itself. Errors name what is wrong and what to write instead.
func Text(s string) (*Template, error) {
	t := &Template{kind: textKind}
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			t.text = append(t.text, segment{literal: plain.String()})
			plain.Reset()
		}
	}
	for {
		before, after, found := strings.Cut(s, "${")
		if escaped, ok := strings.CutSuffix(before, "$"); ok && found {
			plain.WriteString(escaped + "${")
			s = after
			continue
		}
		plain.WriteString(before)
		if !found {
			break
		}
		e, rest, err := parseExpression(after)
		if err != nil {
			return nil, err
		}
		flush()
		t.text = append(t.text, segment{expression: &e})
		s = rest
	}
	if len(t.text) == 0 {
		return Literal(quote(nil, plain.String())), nil
	}
	flush()
	return t, nil
}

// Images reports whether the template reads the item after and the item before
// the change.
func (t *Template) Images() (after, before bool) {
	for _, m := range t.members {
		a, b := m.value.Images()
		after, before = after || a, before || b
	}
	for _, e := range t.list {
		a, b := e.Images()
		after, before = after || a, before || b
	}
	for _, s := range t.text {
		if s.expression != nil {
			after = after || s.expression.root == rootNew
			before = before || s.expression.root == rootOld
		}
	}
	return after, before
}

// render returns the JSON for a record, which is an object.
func (t *Template) render(r *stream.Record) ([]byte, error) {
	out, ok := t.append(nil, r)
	if !ok {
		return nil, errors.New("the detail has no value")
	}
	if out[0] != '{' {
		return nil, errors.New("the detail is not an object")
	}
	return out, nil
}

// append appends the value; ok is false if there is none.
func (t *Template) append(dst []byte, r *stream.Record) (out []byte, ok bool) {
	switch t.kind {
	case objectKind:
		return t.appendObject(dst, r), true
	case arrayKind:
		return t.appendArray(dst, r), true
	case textKind:
		return t.appendText(dst, r)
	}
	return append(dst, t.literal...), true
}

func (t *Template) appendObject(dst []byte, r *stream.Record) []byte {
	dst = append(dst, '{')
	empty := len(dst)
	for i := range t.members {
		before := len(dst)
		if before > empty {
			dst = append(dst, ',')
		}
		dst = append(dst, t.members[i].name...)
		var ok bool
		if dst, ok = t.members[i].value.append(dst, r); !ok {
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}

func (t *Template) appendArray(dst []byte, r *stream.Record) []byte {
	dst = append(dst, '[')
	empty := len(dst)
	for _, e := range t.list {
		before := len(dst)
		if before > empty {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = e.append(dst, r); !ok {
			dst = dst[:before]
		}
	}
	return append(dst, ']')
}

func (t *Template) appendText(dst []byte, r *stream.Record) ([]byte, bool) {
	if len(t.text) == 1 {
		v, ok := t.text[0].expression.value(r)
		if !ok {
			return dst, false
		}
		return item.AppendPlainJSON(dst, v), true
	}
	var text []byte
	for _, s := range t.text {
		if s.expression == nil {
			text = append(text, s.literal...)
		} else if v, ok := s.expression.value(r); ok {
			text = appendSpliced(text, v)
		}
	}
	return quote(dst, string(text)), true
}

// appendSpliced appends a value as part of a text: strings as they are,
// binaries in base64, all else as JSON.
func appendSpliced(dst []byte, v item.Value) []byte {
	switch v.Kind() {
	case item.String, item.Number:
		return append(dst, v.Str()...)
	case item.Binary:
		return append(dst, bytes.Trim(item.AppendPlainJSON(nil, v), `"`)...)
	}
	return item.AppendPlainJSON(dst, v)
}

// quote appends a string as JSON. Bytes that are not UTF-8 become U+FFFD.
func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // it fails for invalid UTF-8 alone, and then has replaced it
	return dst
}
