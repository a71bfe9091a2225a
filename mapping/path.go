package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// A Path leads from an item to a value inside it, as address.city, tags[0] and
// ["user-id"].name do. The zero Path leads nowhere.
type Path struct{ steps []step }

// A step goes to the attribute of that name, or, if name is empty, to the
// element of a list. Attribute names are never empty. From an optional step on
// a path may lead nowhere.
type step struct {
	name     string
	index    int
	optional bool
}

// ParsePath reads a path of attribute names.
func ParsePath(s string) (Path, error) {
	p := &pathParser{src: s}
	var path Path
	var err error
	if strings.HasPrefix(s, "[") {
		path, err = p.steps()
	} else {
		var first string
		if first, err = p.name(); err == nil {
			path, err = p.steps()
			path.steps = slices.Insert(path.steps, 0, step{name: first})
		}
	}
	if err == nil && p.rest() != "" {
		err = p.unexpected()
	}
	if err == nil && path.steps[0].name == "" {
		err = errors.New("a path begins with the name of an attribute")
	}
	if err == nil && path.optional() {
		err = errors.New("a ? has no meaning here: the path may lead nowhere")
	}
	if err != nil {
		return Path{}, fmt.Errorf("%q is not a path: %w; write attribute names as in address.city, tags[0] or [\"user-id\"]", s, err)
	}
	return path, nil
}

// String writes the path as ParsePath reads it.
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p.steps {
		text := cel.Step{Name: s.name, Index: s.index, Optional: s.optional}.String()
		if i == 0 {
			text = strings.TrimPrefix(text, ".")
		}
		b.WriteString(text)
	}
	return b.String()
}

// root returns the attribute that the path begins with.
func (p Path) root() string { return p.steps[0].name }

// optional reports whether the path says itself that it may lead nowhere.
func (p Path) optional() bool { return p.mayLack(len(p.steps) - 1) }

// mayLack reports whether the path says that it may lead nowhere at a step.
func (p Path) mayLack(at int) bool {
	return slices.ContainsFunc(p.steps[:at+1], func(s step) bool { return s.optional })
}

// value returns what the path leads to, if there is something.
func (p Path) value(image item.Item) (item.Value, bool) {
	v, missing, _ := p.walk(image)
	return v, missing < 0
}

// walk returns what the path leads to, or the step that leads nowhere, else -1;
// unfit says that it is the name of an element of a list, which CEL calls an error
// even if the step is optional.
func (p Path) walk(image item.Item) (v item.Value, missing int, unfit bool) {
	v = item.M(image)
	for i, s := range p.steps {
		if s.name == "" {
			if !isList(v) || s.index >= len(v.List()) {
				return item.Value{}, i, false
			}
			v = v.List()[s.index]
			continue
		}
		next, ok := v.Map().Get(s.name)
		if !ok {
			return item.Value{}, i, isList(v)
		}
		v = next
	}
	return v, -1, false
}

func isList(v item.Value) bool { return v.Kind() == item.List || v.Kind().IsSet() }

// A pathParser reads the paths of CEL: names, .name, [n] and ["name"].
type pathParser struct {
	src string
	at  int
}

func (p *pathParser) rest() string { return p.src[p.at:] }

// unexpected says where the path ends and the trouble begins.
func (p *pathParser) unexpected() error {
	text, _, _ := strings.Cut(p.rest(), "}")
	if text = strings.TrimSpace(text); text == "" {
		return errors.New("it ends too early")
	}
	return fmt.Errorf("%q is not supported", text)
}

// steps reads any number of .name, [n] and ["name"].
func (p *pathParser) steps() (Path, error) {
	var path Path
	for p.rest() != "" {
		var s step
		var err error
		switch p.src[p.at] {
		case '.':
			p.at++
			optional := p.optional()
			s.name, err = p.name()
			s.optional = optional
		case '[':
			p.at++
			optional := p.optional()
			s, err = p.bracket()
			s.optional = optional
		default:
			return path, nil
		}
		if err != nil {
			return path, err
		}
		path.steps = append(path.steps, s)
	}
	return path, nil
}

// optional reads a ?, if there is one.
func (p *pathParser) optional() bool {
	found := strings.HasPrefix(p.rest(), "?")
	if found {
		p.at++
	}
	return found
}

// keywords are no names in CEL.
var keywords = []string{"false", "in", "null", "true"}

// name reads an identifier.
func (p *pathParser) name() (string, error) {
	end := p.at
	for end < len(p.src) && (p.src[end] == '_' || isLetter(p.src[end]) || end > p.at && isDigit(p.src[end])) {
		end++
	}
	name := p.src[p.at:end]
	if name == "" {
		return "", p.unexpected()
	}
	if slices.Contains(keywords, name) {
		return "", fmt.Errorf("%s is a word of the language: write [%q]", name, name)
	}
	p.at = end
	if strings.HasPrefix(p.rest(), "-") {
		return "", fmt.Errorf("%w: a name with a dash is written [\"%s-…\"]", p.unexpected(), name)
	}
	return name, nil
}

// bracket reads what follows a [.
func (p *pathParser) bracket() (s step, err error) {
	switch c := p.rest(); {
	case c == "":
		return s, p.unexpected()
	case c[0] == '"' || c[0] == '\'':
		s.name, err = p.quoted(c[0])
	default:
		s.index, err = p.number()
	}
	if err != nil {
		return s, err
	}
	if !strings.HasPrefix(p.rest(), "]") {
		return s, p.unexpected()
	}
	p.at++
	return s, nil
}

func (p *pathParser) number() (int, error) {
	end := p.at
	for end < len(p.src) && isDigit(p.src[end]) {
		end++
	}
	n, err := strconv.ParseInt(p.src[p.at:end], 10, 32)
	if err != nil {
		return 0, p.unexpected()
	}
	p.at = end
	return int(n), nil
}

// quoted reads a name in quotes, in which a backslash stands before a quote or
// another backslash.
func (p *pathParser) quoted(quote byte) (string, error) {
	var name strings.Builder
	for i := p.at + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == quote:
			if name.Len() == 0 {
				return "", errors.New("a name in brackets is empty")
			}
			p.at = i + 1
			return name.String(), nil
		case c == '\\' && i+1 < len(p.src) && strings.IndexByte(`\"'`, p.src[i+1]) >= 0:
			i++
			name.WriteByte(p.src[i])
		case c == '\\':
			return "", fmt.Errorf("%q is not supported", p.src[i:min(i+2, len(p.src))])
		default:
			name.WriteByte(c)
		}
	}
	return "", errors.New("a quote is not closed")
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// AttributePath is the path of one attribute, whatever its name.
func AttributePath(name string) Path { return Path{[]step{{name: name}}} }

// Names returns the names of the path joined by dots, without its indexes: what
// lines.sku and lines[0].sku have in common.
func (p Path) Names() string {
	var names []string
	for _, s := range p.steps {
		if s.name != "" {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ".")
}

// Within reports whether one of two paths begins with the names of the other, so
// that what one leads to holds what the other leads to.
func (p Path) Within(other Path) bool {
	a, b := p.Names()+".", other.Names()+"."
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// In reports whether the path leads to a value in an item.
func (p Path) In(it item.Item) bool {
	_, ok := p.value(it)
	return ok
}
