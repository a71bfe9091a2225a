package mapping

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// A Template makes JSON out of a change: objects, arrays and literals as they
// are, and strings in which ${expression} stands for a value. A string that is
// one expression keeps the value's type, and its member or element is left out
// where an optional value is absent. A Template never changes.
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

// A member is one of an object: its name, also as JSON with a colon, and its
// value.
type member struct {
	name   string
	quoted []byte
	value  *Template
}

// A segment of a text is literal, or an expression.
type segment struct {
	literal    string
	expression *Expression
}

// Object makes a template of an object: the names of its members, each once,
// and their values, in the order in which they are written.
func Object(names []string, values []*Template) *Template {
	t := &Template{kind: objectKind}
	for i, n := range names {
		t.members = append(t.members, member{n, append(quote(nil, n), ':'), values[i]})
	}
	return t
}

// Array makes a template of an array.
func Array(values []*Template) *Template { return &Template{kind: arrayKind, list: values} }

// Literal makes a template of JSON that stays as it is.
func Literal(json []byte) *Template { return &Template{kind: literalKind, literal: json} }

// Text makes a template of a string that may hold expressions; $${ stands for
// ${ itself. Errors name what is wrong and what to write instead.
func (s Scope) Text(text string) (*Template, error) {
	t := &Template{kind: textKind}
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			t.text = append(t.text, segment{literal: plain.String()})
			plain.Reset()
		}
	}
	for {
		before, after, found := strings.Cut(text, "${")
		if escaped, ok := strings.CutSuffix(before, "$"); ok && found {
			plain.WriteString(escaped + "${")
			text = after
			continue
		}
		plain.WriteString(before)
		if !found {
			break
		}
		source, rest, closed := expressionIn(after)
		if !closed {
			return nil, fmt.Errorf("%q is not an expression: it is not closed by }; ${ itself is written $${", strings.TrimSpace(source))
		}
		e, err := s.compile(source, cel.Any)
		if err != nil {
			return nil, err
		}
		flush()
		t.text = append(t.text, segment{expression: e})
		text = rest
	}
	if len(t.text) == 0 {
		return Literal(quote(nil, plain.String())), nil
	}
	flush()
	return t, nil
}

// expressionIn returns what stands before the } that closes an expression:
// braces inside it are in pairs, or in strings.
func expressionIn(s string) (source, rest string, closed bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return s[:i], s[i+1:], true
			}
			depth--
		case '"', '\'':
			i = endOfString(s, i)
		}
	}
	return s, "", false
}

// endOfString returns the index of the quote that ends the string that begins
// at i, or the last index.
func endOfString(s string, i int) int {
	quote := s[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[i:], triple) {
		quote = triple
	}
	raw := i > 0 && (s[i-1] == 'r' || s[i-1] == 'R')
	for j := i + len(quote); j < len(s); j++ {
		if s[j] == '\\' && !raw {
			j++
		} else if strings.HasPrefix(s[j:], quote) {
			return j + len(quote) - 1
		}
	}
	return len(s) - 1
}

// Expressions calls fn for each expression of the template.
func (t *Template) Expressions(fn func(*Expression)) {
	for _, m := range t.members {
		m.value.Expressions(fn)
	}
	for _, e := range t.list {
		e.Expressions(fn)
	}
	for _, s := range t.text {
		if s.expression != nil {
			fn(s.expression)
		}
	}
}

var (
	errNoObject = errors.New("it is not an object")
	errTooLarge = fmt.Errorf("the change raises more than %d MiB; leave large attributes out of its events, or raise fewer of them", MaxBytes>>20)
)

// A writer renders templates for one change. No part of an event is made that has
// no room among those that the change has raised so far.
type writer struct {
	c            *change
	quoteNumbers bool
	used         int // bytes of the event under way
}

// room returns how many bytes one more part of the event may have.
func (w *writer) room() int { return w.c.room - w.used }

// object renders a template that must give an object.
func (w *writer) object(t *Template) ([]byte, error) {
	out, ok, err := w.append(nil, t)
	if err == nil && (!ok || out[0] != '{') {
		err = errNoObject
	}
	return out, err
}

// append appends the value; ok is false if there is none.
func (w *writer) append(dst []byte, t *Template) (out []byte, ok bool, err error) {
	if len(dst) > w.room() {
		return dst, false, errTooLarge
	}
	switch t.kind {
	case objectKind:
		out, err = w.appendObject(dst, t)
		return out, true, err
	case arrayKind:
		out, err = w.appendArray(dst, t)
		return out, true, err
	case textKind:
		return w.appendText(dst, t)
	}
	return append(dst, t.literal...), true, nil
}

func (w *writer) appendObject(dst []byte, t *Template) ([]byte, error) {
	dst = append(dst, '{')
	empty := len(dst)
	for i := range t.members {
		m := &t.members[i]
		before := len(dst)
		if before > empty {
			dst = append(dst, ',')
		}
		dst = append(dst, m.quoted...)
		var ok bool
		var err error
		if dst, ok, err = w.append(dst, m.value); err != nil {
			return dst, at(m.name, err)
		} else if !ok {
			dst = dst[:before]
		}
	}
	return append(dst, '}'), nil
}

func (w *writer) appendArray(dst []byte, t *Template) ([]byte, error) {
	dst = append(dst, '[')
	empty := len(dst)
	for i, e := range t.list {
		before := len(dst)
		if before > empty {
			dst = append(dst, ',')
		}
		var ok bool
		var err error
		if dst, ok, err = w.append(dst, e); err != nil {
			return dst, at(fmt.Sprint(i), err)
		} else if !ok {
			dst = dst[:before]
		}
	}
	return append(dst, ']'), nil
}

func (w *writer) appendText(dst []byte, t *Template) (out []byte, ok bool, err error) {
	if len(t.text) == 1 {
		v, err := t.text[0].expression.value(w.c)
		if err != nil || v.absent() {
			return dst, false, err
		}
		dst, err = w.appendValue(dst, v)
		return dst, true, err
	}
	text, err := w.splice(t, w.room()-len(dst))
	if err != nil {
		return dst, true, err
	}
	out, err = cel.AppendText(dst, string(text), w.room())
	return out, true, large(err)
}

// splice returns a text with the values of its expressions: strings and numbers
// as they are, binaries in base64, all else as JSON, nothing for what is absent.
func (w *writer) splice(t *Template, room int) (text []byte, err error) {
	for _, s := range t.text {
		if s.expression == nil {
			text = append(text, s.literal...)
			continue
		}
		v, err := s.expression.value(w.c)
		if err != nil {
			return nil, err
		}
		if v.absent() {
			continue
		}
		if text, err = appendSpliced(text, v, room); err != nil {
			return nil, err
		}
	}
	return text, nil
}

func (w *writer) appendValue(dst []byte, v value) ([]byte, error) {
	if v.cel != nil {
		return appendCEL(dst, v.cel, w.room(), w.quoteNumbers)
	}
	if len(dst) > w.room() {
		return dst, errTooLarge
	}
	if w.quoteNumbers {
		return item.AppendQuotedJSON(dst, v.item), nil
	}
	return item.AppendPlainJSON(dst, v.item), nil
}

// appendCEL appends a value of CEL as JSON.
func appendCEL(dst []byte, v cel.Value, room int, quoteNumbers bool) ([]byte, error) {
	dst, err := cel.AppendJSON(dst, v, room, quoteNumbers)
	return dst, large(err)
}

// large returns the error of what has no room as that of the change.
func large(err error) error {
	if errors.Is(err, cel.ErrSize) {
		return errTooLarge
	}
	return err
}

// appendSpliced appends a value as it stands inside a text, which may have room
// bytes.
func appendSpliced(dst []byte, v value, room int) ([]byte, error) {
	s, isText := v.cel.(types.String)
	if v.cel == nil && v.item.Kind() == item.String {
		s, isText = types.String(v.item.Str()), true
	}
	if isText {
		if len(dst)+len(s) > room {
			return dst, errTooLarge
		}
		return append(dst, s...), nil
	}
	before := len(dst)
	dst, err := appendCEL(dst, v.toCEL(), room, false)
	if err == nil && dst[before] == '"' { // bytes, a time or a duration
		dst = append(dst[:before], dst[before+1:len(dst)-1]...)
	}
	return dst, err
}

func (v value) toCEL() cel.Value {
	if v.cel != nil {
		return v.cel
	}
	return cel.Of(v.item)
}

// plain renders a template that must give a text: what a string holds, or the
// JSON of any other value. ok is false if there is nothing.
func (w *writer) plain(t *Template) (text string, ok bool, err error) {
	if t.kind == textKind && len(t.text) > 1 {
		out, err := w.splice(t, w.room())
		return string(out), true, err
	}
	if t.kind == textKind {
		v, err := t.text[0].expression.value(w.c)
		if err != nil || v.absent() {
			return "", false, err
		}
		out, err := appendSpliced(nil, v, w.room())
		return string(out), true, err
	}
	out, ok, err := w.append(nil, t)
	if err == nil && len(out) > 1 && out[0] == '"' {
		return unquote(out), ok, nil
	}
	return string(out), ok, err
}
