package transfer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
)

// A column is an attribute in a CSV file.
type column struct {
	name string
	kind item.Kind // String, Number or Binary: what its texts stand for
}

// suffixes are what a name in a header may end with, by what it says of the column.
var suffixes = map[item.Kind]string{item.String: ":S", item.Number: ":N", item.Binary: ":B"}

// heading writes the name of a column, with its kind unless it is that of strings
// and the name does not look as if it had one.
func (c column) heading() string {
	if _, looks := cutSuffix(c.name); c.kind == item.String && !looks {
		return c.name
	}
	return c.name + suffixes[c.kind]
}

// columnOf reads a heading. A column whose heading does not say its kind has that of
// the key attribute, or else has strings.
func columnOf(heading string, kinds map[string]item.Kind) column {
	c, ok := cutSuffix(heading)
	if !ok {
		c.kind = item.String
		if kind, ok := kinds[heading]; ok {
			c.kind = kind
		}
	}
	return c
}

// cutSuffix returns the column that a heading with a kind names; ok is false if it
// has none, and then name is all of it.
func cutSuffix(heading string) (c column, ok bool) {
	for kind, suffix := range suffixes {
		if name, ok := strings.CutSuffix(heading, suffix); ok {
			return column{name, kind}, true
		}
	}
	return column{name: heading}, false
}

// columnsOf reads a header.
func columnsOf(headings []string, kinds map[string]item.Kind) ([]column, error) {
	var out []column
	for i, heading := range headings {
		c := columnOf(heading, kinds)
		switch {
		case c.name == "":
			return nil, fmt.Errorf("column %d of the header has no name", i+1)
		case slices.ContainsFunc(out, func(o column) bool { return o.name == c.name }):
			return nil, fmt.Errorf("the header has attribute %s twice", c.name)
		}
		out = append(out, c)
	}
	return out, nil
}

var errTyped = errors.New(`begins as a value in DynamoDB JSON does, and is none; write a string that begins so as {"S":"…"}`)

// typed is how a text begins that is a value in DynamoDB JSON.
var typed = regexp.MustCompile(`^\{"(?:S|N|B|BOOL|NULL|M|L|SS|NS|BS)":`)

// text writes a value: as it is if that can be read back, else in DynamoDB JSON.
func (c column) text(v item.Value) string {
	text := v.Str()
	if v.Kind() == item.Binary {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	if v.Kind() == c.kind && text != "" && !typed.MatchString(text) {
		return text
	}
	b := item.AppendJSON(nil, item.MapOf(item.Field{Name: "v", Value: v}))
	return string(b[len(`{"v":`) : len(b)-1])
}

// value reads a text that is not empty.
func (c column) value(text string) (item.Value, error) {
	switch {
	case typed.MatchString(text):
		// It is read as an attribute of an item, whose limits hold.
		var m item.Map
		err := json.Unmarshal([]byte(`{"v":`+text+`}`), &m)
		var wrong *item.Error
		switch {
		case errors.As(err, &wrong):
			err = wrong
		case err != nil || len(m) != 1:
			err = errTyped
		}
		v, _ := m.Get("v")
		return v, err
	case c.kind == item.Number:
		return item.N(text)
	case c.kind == item.Binary:
		raw, err := base64.StdEncoding.DecodeString(text)
		return item.B(raw), err
	default:
		return item.S(text), nil
	}
}

// byteOrderMark may stand at the beginning of a text in UTF-8, of which it is no
// part.
const byteOrderMark = "\ufeff"

// appendLine writes a line of CSV.
func appendLine(dst []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		blank := strings.TrimSpace(v) != v
		if !blank && !strings.ContainsAny(v, ",\"\r\n") && !strings.HasPrefix(v, byteOrderMark) {
			dst = append(dst, v...)
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, strings.ReplaceAll(v, `"`, `""`)...)
		dst = append(dst, '"')
	}
	return append(dst, '\n')
}

// Why a line is no CSV.
var (
	errBareQuote = errors.New(`a quote in a value that does not begin with one; put the value in quotes and double its own`)
	errAfter     = errors.New("text after the closing quote of a value")
	errOpen      = errors.New("a quoted value that does not end")
	errUTF8      = errors.New("not text in UTF-8")
)

// splitLine reads the values of a line of CSV without its end. Quoted values are as
// they stand, with line ends as they are.
func splitLine(line string) ([]string, error) {
	if !utf8.ValidString(line) {
		return nil, errUTF8
	}
	var out []string
	for {
		value, rest := line, ""
		if strings.HasPrefix(line, `"`) {
			var ok bool
			if value, rest, ok = unquote(line[1:]); !ok {
				return nil, errOpen
			}
			if rest != "" && rest[0] != ',' {
				return nil, errAfter
			}
		} else {
			if i := strings.IndexByte(line, ','); i >= 0 {
				value, rest = line[:i], line[i:]
			}
			if strings.Contains(value, `"`) {
				return nil, errBareQuote
			}
		}
		out = append(out, value)
		if rest == "" {
			return out, nil
		}
		line = rest[1:]
	}
}

// unquote reads a value up to its closing quote.
func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return "", "", false
		}
		b.WriteString(text[:i])
		if text = text[i+1:]; !strings.HasPrefix(text, `"`) {
			return b.String(), text, true
		}
		b.WriteByte('"')
		text = text[1:]
	}
}

// A csvState is where in a line of CSV its text is.
type csvState int

const (
	valueBegins csvState = iota
	inValue
	inQuotes
	afterQuote // the closing one, or the first of two
)

// after returns the state behind a text that begins in state s.
func (s csvState) after(text []byte) csvState {
	for _, c := range text {
		switch {
		case s == inQuotes && c == '"':
			s = afterQuote
		case s == inQuotes:
		case c == '"' && (s == valueBegins || s == afterQuote):
			s = inQuotes
		case c == ',':
			s = valueBegins
		default:
			s = inValue
		}
	}
	return s
}
