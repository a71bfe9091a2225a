package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
	"github.com/tablecast/tablecast/stream"
)

// An Entity is a kind of item of a table that holds several: items whose
// attributes have the given forms.
type Entity struct {
	Name  string
	Forms []Form
}

// A Form is what the text of an attribute must look like: literals, and between
// them parts that have names, as in USER#{userId}.
type Form struct {
	Attribute string
	literals  []string // one more than parts
	parts     []string
}

// ParseForm reads the form of an attribute. Between two parts stands a literal;
// a part is a run of at least one character, as short as the literal behind it
// allows.
func ParseForm(attribute, text string) (Form, error) {
	f := Form{Attribute: attribute}
	rest := text
	for {
		literal, after, open := strings.Cut(rest, "{")
		f.literals = append(f.literals, literal)
		if !open {
			return f, nil
		}
		if len(f.parts) > 0 && literal == "" {
			return Form{}, fmt.Errorf("%q has two parts without a text between them", text)
		}
		name, tail, closed := strings.Cut(after, "}")
		switch {
		case !closed:
			return Form{}, fmt.Errorf("%q has a { without a }", text)
		case !cel.IsName(name):
			return Form{}, fmt.Errorf("%q is no name of a part: write letters, digits and _, as in {userId}", name)
		case slices.Contains(f.parts, name):
			return Form{}, fmt.Errorf("%q has two parts of the name %s", text, name)
		}
		f.parts = append(f.parts, name)
		rest = tail
	}
}

// Parts returns the names of the parts.
func (f Form) Parts() []string { return f.parts }

// match returns the parts of a text that has the form.
func (f *Form) match(text string) (parts []item.Field, ok bool) {
	rest, ok := strings.CutPrefix(text, f.literals[0])
	if !ok || len(f.parts) == 0 {
		return nil, ok && rest == ""
	}
	for i, name := range f.parts {
		literal, value := f.literals[i+1], rest
		if last := i == len(f.parts)-1; last {
			value, ok = strings.CutSuffix(rest, literal)
		} else if len(rest) > 0 { // a part has at least one character
			at := strings.Index(rest[1:], literal)
			if ok = at >= 0; ok {
				value, rest = rest[:at+1], rest[at+1+len(literal):]
			}
		}
		if !ok || value == "" {
			return nil, false
		}
		parts = append(parts, item.Field{Name: name, Value: item.S(value)})
	}
	return parts, true
}

// match returns the parts of the item's attributes if it is of the entity. Key
// attributes are in each record, others in its images.
func (e *Entity) match(r *stream.Record) (parts []item.Field, ok bool) {
	for i := range e.Forms {
		f := &e.Forms[i]
		v, found := r.Keys.Get(f.Attribute)
		if !found {
			v, found = r.New.Get(f.Attribute)
		}
		if !found {
			v, found = r.Old.Get(f.Attribute)
		}
		if !found || v.Kind() != item.String {
			return nil, false
		}
		more, fits := f.match(v.Str())
		if !fits {
			return nil, false
		}
		parts = append(parts, more...)
	}
	return parts, true
}

// NewEntity makes an entity of one or more forms. Each part must have a name of its
// own.
func NewEntity(name string, forms ...Form) (Entity, error) {
	var seen []string
	if len(forms) == 0 {
		return Entity{}, errors.New("an entity has no attribute")
	}
	for _, f := range forms {
		for _, p := range f.parts {
			if slices.Contains(seen, p) {
				return Entity{}, fmt.Errorf("two parts are called %s", p)
			}
			seen = append(seen, p)
		}
	}
	return Entity{name, forms}, nil
}
