package expr

import (
	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// An Update is a parsed update expression.
type Update struct {
	sets    []assignment
	removes []Path
	adds    []modification
	deletes []modification
	nested  []Path // see Nested
}

// An assignment is one action of SET.
type assignment struct {
	path Path
	rhs  expression
}

// A modification is one action of ADD or DELETE.
type modification struct {
	path  Path
	value item.Value
}

const updateField = "UpdateExpression"

// Update parses an update expression.
func (p *Parser) Update(src string) (*Update, error) {
	u := &Update{}
	err := p.run(updateField, src, func(q *parse) { q.update(u); u.nested = q.nested })
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (p *parse) update(u *Update) {
	seen := map[string]bool{}
	for p.Peek().Kind != syntax.EOF {
		section := p.section()
		if seen[section] {
			p.report(gradeSection, `The "%s" section can only be used once in an update expression;`, section)
		}
		seen[section] = true
		p.action(u, section)
		for p.Accept(",") {
			p.action(u, section)
		}
	}
	p.checkPaths(u.Paths())
}

// section reads the word that begins a section.
func (p *parse) section() string {
	for _, s := range []string{"SET", "REMOVE", "ADD", "DELETE"} {
		if p.Accept(s) {
			return s
		}
	}
	p.syntaxError()
	return ""
}

func (p *parse) action(u *Update, section string) {
	path := p.path()
	switch section {
	case "SET":
		p.expect("=")
		u.sets = append(u.sets, assignment{path, p.sum().e})
	case "REMOVE":
		u.removes = append(u.removes, path)
	default:
		m := modification{path, p.literal()}
		p.checkModification(section, m.value.Kind())
		if section == "ADD" {
			u.adds = append(u.adds, m)
		} else {
			u.deletes = append(u.deletes, m)
		}
	}
}

// checkModification refuses values that ADD or DELETE cannot use.
func (p *parse) checkModification(section string, k item.Kind) {
	if !k.IsSet() && (section == "DELETE" || k != item.Number) {
		p.report(gradeOperand, "Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND", section, typeNames[k], section)
	}
}

// typeNames are the names of kinds in error texts about ADD and DELETE.
var typeNames = map[item.Kind]string{
	item.String: "STRING", item.Number: "NUMBER", item.Binary: "BINARY", item.Bool: "BOOLEAN", item.Null: "NULL", item.MapKind: "MAP",
	item.List: "LIST", item.StringSet: "STRING_SET", item.NumberSet: "NUMBER_SET", item.BinarySet: "BINARY_SET",
}

// literal reads a value; ADD and DELETE take nothing else.
func (p *parse) literal() item.Value {
	if p.Peek().Kind != tokenValue {
		p.syntaxError()
	}
	return p.value()
}

// checkPaths refuses two actions on one place.
func (p *parse) checkPaths(paths []Path) {
	if len(paths) < 2 {
		return
	}
	earlier := make(map[string][]Path, len(paths)) // by root: others have nothing in common
	for _, a := range paths {
		for _, b := range earlier[a.Root()] {
			if a.overlaps(b) {
				p.report(gradePath, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", b, a)
			}
			if a.conflicts(b) {
				p.report(gradePath, "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", b, a)
			}
		}
		earlier[a.Root()] = append(earlier[a.Root()], a)
	}
}

// Paths returns the paths that the update writes, in the order of its actions.
func (u *Update) Paths() []Path {
	var out []Path
	for _, a := range u.sets {
		out = append(out, a.path)
	}
	out = append(out, u.removes...)
	for _, m := range u.adds {
		out = append(out, m.path)
	}
	for _, m := range u.deletes {
		out = append(out, m.path)
	}
	return out
}

// Nested returns the paths that lead into top-level attributes, of those that the
// update writes and of those that it reads.
func (u *Update) Nested() []Path { return u.nested }

// KindOf returns the kind of the value that an action stores in a top-level
// attribute, or takes from it, if the update says the kind itself: 0 if it depends
// on the item, or if no action is about the whole attribute.
func (u *Update) KindOf(name string) item.Kind {
	is := func(p Path) bool { return len(p) == 1 && p.Root() == name }
	for _, a := range u.sets {
		if is(a.path) {
			return a.rhs.kind()
		}
	}
	for _, modifications := range [...][]modification{u.adds, u.deletes} {
		for _, m := range modifications {
			if is(m.path) {
				return m.value.Kind()
			}
		}
	}
	return 0
}

// OnlyRemoves reports whether the update has no action but REMOVE and DELETE,
// which make no item where there is none.
func (u *Update) OnlyRemoves() bool { return len(u.sets) == 0 && len(u.adds) == 0 }
