package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A Template makes JSON out of a record: objects, arrays and literals as they
// are, and strings in which ${path} stands for a value of the record. A string
// that is one ${path} keeps the value's type, and its member or element is left
// out where there is no value.
type Template struct {
	literal []byte      // JSON
	members []member    // of an object
	list    []*Template // of an array
	text    []segment   // of a string with ${…}
	kind    byte        // 'l', 'o', 'a', 's'
}

type member struct {
	name  string
	value *Template
}

// A segment is literal text, or a path if root is set.
type segment struct {
	text string
	root string
	path []string // names, or indexes in digits after "["
}

// Object makes a template of an object's members.
func Object(names []string, values []*Template) *Template {
	t := &Template{kind: 'o'}
	for i, n := range names {
		t.members = append(t.members, member{n, values[i]})
	}
	return t
}

// Array makes a template of an array.
func Array(values []*Template) *Template { return &Template{kind: 'a', list: values} }

// Literal makes a template of JSON that stays as it is.
func Literal(json []byte) *Template { return &Template{kind: 'l', literal: json} }

// Text parses a string: ${new.a.b}, ${old.tags[0]}, ${keys.id}, ${op} or
// ${table}; $${ stands for ${ itself.
func Text(s string) (*Template, error) {
	t := &Template{kind: 's'}
	var plain strings.Builder
	for s != "" {
		switch {
		case strings.HasPrefix(s, "$${"):
			plain.WriteString("${")
			s = s[3:]
		case strings.HasPrefix(s, "${"):
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return nil, errors.New("${ is not closed by }")
			}
			seg, err := parsePath(strings.TrimSpace(s[2:end]))
			if err != nil {
				return nil, err
			}
			if plain.Len() > 0 {
				t.text = append(t.text, segment{text: plain.String()})
				plain.Reset()
			}
			t.text = append(t.text, seg)
			s = s[end+1:]
		default:
			plain.WriteByte(s[0])
			s = s[1:]
		}
	}
	if len(t.text) == 0 {
		b, _ := jsontext.AppendQuote(nil, plain.String())
		return Literal(b), nil
	}
	if plain.Len() > 0 {
		t.text = append(t.text, segment{text: plain.String()})
	}
	return t, nil
}

// parsePath reads new.a.b[0].
func parsePath(s string) (segment, error) {
	bad := fmt.Errorf("%q is not a path: write new., old. or keys. and attribute names, with [n] for list elements, or op or table", s)
	root, rest, _ := strings.Cut(strings.ReplaceAll(s, "[", ".["), ".")
	seg := segment{root: root}
	switch root {
	case "op", "table":
		if rest != "" {
			return seg, bad
		}
		return seg, nil
	case "new", "old", "keys":
	default:
		return seg, bad
	}
	if rest == "" {
		return seg, nil
	}
	for part := range strings.SplitSeq(rest, ".") {
		if index, ok := strings.CutPrefix(part, "["); ok {
			digits, closed := strings.CutSuffix(index, "]")
			if _, err := strconv.ParseUint(digits, 10, 31); err != nil || !closed {
				return seg, bad
			}
			part = "[" + digits
		} else if part == "" || strings.ContainsAny(part, " ]()+*?:\"'") {
			return seg, bad
		}
		seg.path = append(seg.path, part)
	}
	return seg, nil
}

// Roots calls fn with new or old for each path of the template that begins so.
func (t *Template) Roots(fn func(root string)) {
	for _, m := range t.members {
		m.value.Roots(fn)
	}
	for _, e := range t.list {
		e.Roots(fn)
	}
	for _, s := range t.text {
		if s.root != "" {
			fn(s.root)
		}
	}
}

// render returns the JSON for a record.
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
	case 'l':
		return append(dst, t.literal...), true
	case 'o':
		dst = append(dst, '{')
		first := true
		for _, m := range t.members {
			before := len(dst)
			if !first {
				dst = append(dst, ',')
			}
			dst, _ = jsontext.AppendQuote(dst, m.name)
			dst = append(dst, ':')
			if dst, ok = m.value.append(dst, r); !ok {
				dst = dst[:before]
				continue
			}
			first = false
		}
		return append(dst, '}'), true
	case 'a':
		dst = append(dst, '[')
		first := true
		for _, e := range t.list {
			before := len(dst)
			if !first {
				dst = append(dst, ',')
			}
			if dst, ok = e.append(dst, r); !ok {
				dst = dst[:before]
				continue
			}
			first = false
		}
		return append(dst, ']'), true
	}
	return t.appendText(dst, r)
}

func (t *Template) appendText(dst []byte, r *stream.Record) ([]byte, bool) {
	if len(t.text) == 1 {
		v, ok := t.text[0].value(r)
		if !ok {
			return dst, false
		}
		return item.AppendPlainJSON(dst, v), true
	}
	var b strings.Builder
	for _, s := range t.text {
		if s.root == "" {
			b.WriteString(s.text)
			continue
		}
		v, ok := s.value(r)
		switch {
		case !ok:
		case v.Kind() == item.String || v.Kind() == item.Number:
			b.WriteString(v.Str())
		default:
			b.Write(item.AppendPlainJSON(nil, v))
		}
	}
	dst, _ = jsontext.AppendQuote(dst, b.String())
	return dst, true
}

// value returns what the path leads to in a record.
func (s segment) value(r *stream.Record) (item.Value, bool) {
	var image item.Item
	switch s.root {
	case "op":
		return item.S(string(KindOf(r))), true
	case "table":
		return item.S(r.Stream.Table()), true
	case "new":
		image = r.New
	case "old":
		image = r.Old
	default:
		image = r.Keys
	}
	if image == nil {
		return item.Value{}, false
	}
	v, ok := item.M(image), true
	for _, step := range s.path {
		if index, isIndex := strings.CutPrefix(step, "["); isIndex {
			n, _ := strconv.Atoi(index)
			if v.Kind() != item.List || n >= len(v.List()) {
				return item.Value{}, false
			}
			v = v.List()[n]
		} else if v, ok = v.Map().Get(step); !ok {
			return item.Value{}, false
		}
	}
	return v, ok
}
