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
	errTooLarge = fmt.Errorf("the change raises more than %d MiB", MaxBytes>>20)
)

// A writer renders templates for one change.
type writer struct {
	c            *change
	quoteNumbers bool
	room         int // bytes that may still be written
}

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
	if len(dst) > w.room {
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
	text, err := w.splice(t)
	return quote(dst, text), true, err
}

// splice returns a text with the values of its expressions: strings and numbers
// as they are, binaries in base64, all else as JSON, nothing for what is absent.
func (w *writer) splice(t *Template) (string, error) {
	var text []byte
	for _, s := range t.text {
		if s.expression == nil {
			text = append(text, s.literal...)
			continue
		}
		v, err := s.expression.value(w.c)
		if err != nil {
			return "", err
		}
		if v.absent() {
			continue
		}
		if text, err = w.appendSpliced(text, v); err != nil {
			return "", err
		}
		if len(text) > w.room {
			return "", errTooLarge
		}
	}
	return string(text), nil
}

func (w *writer) appendValue(dst []byte, v value) ([]byte, error) {
	if v.cel != nil {
		return w.appendCEL(dst, v.cel, w.quoteNumbers)
	}
	if w.quoteNumbers {
		return item.AppendQuotedJSON(dst, v.item), nil
	}
	return item.AppendPlainJSON(dst, v.item), nil
}

// appendCEL appends a value of CEL as JSON.
func (w *writer) appendCEL(dst []byte, v cel.Value, quoteNumbers bool) ([]byte, error) {
	dst, err := cel.AppendJSON(dst, v, w.room, quoteNumbers)
	if errors.Is(err, cel.ErrSize) {
		err = errTooLarge
	}
	return dst, err
}

func (w *writer) appendSpliced(dst []byte, v value) ([]byte, error) {
	if s, ok := v.cel.(types.String); ok {
		return append(dst, s...), nil
	}
	if v.cel == nil && v.item.Kind() == item.String {
		return append(dst, v.item.Str()...), nil
	}
	before := len(dst)
	dst, err := w.appendCEL(dst, v.toCEL(), false)
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

// text renders a template that must give a text: what a string holds, or the
// JSON of any other value. ok is false if there is nothing.
func (w *writer) plain(t *Template) (text string, ok bool, err error) {
	if t.kind == textKind && len(t.text) > 1 {
		text, err = w.splice(t)
		return text, true, err
	}
	if t.kind == textKind {
		v, err := t.text[0].expression.value(w.c)
		if err != nil || v.absent() {
			return "", false, err
		}
		out, err := w.appendSpliced(nil, v)
		return string(out), true, err
	}
	out, ok, err := w.append(nil, t)
	if err == nil && len(out) > 1 && out[0] == '"' {
		return unquote(out), ok, nil
	}
	return string(out), ok, err
}
