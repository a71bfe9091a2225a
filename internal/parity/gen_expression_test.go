package parity

import (
	"fmt"
	"strings"
)

// An expressions collects the names and values that the expressions of one
// request use.
type expressions struct {
	*gen
	schema schema
	names  object
	values object
	done   map[string]bool // attributes that an update has changed
}

func (g *gen) expressions(s schema) *expressions {
	return &expressions{gen: g, schema: s, names: object{}, values: object{}, done: map[string]bool{}}
}

// into adds the names and values to a request.
func (e *expressions) into(body object) {
	if len(e.names) > 0 {
		body["ExpressionAttributeNames"] = e.names
	}
	if len(e.values) > 0 {
		body["ExpressionAttributeValues"] = e.values
	}
}

// name writes the name of an attribute, by an alias where it needs one.
func (e *expressions) name(name string) string {
	if name != "st-at" && name != "value" && name != "nil" && e.chance(80) {
		return name
	}
	alias := "#" + strings.ReplaceAll(name, "-", "_")
	e.names[alias] = name
	return alias
}

// given writes a value by an alias.
func (e *expressions) given(v object) string {
	alias := fmt.Sprintf(":v%d", len(e.values))
	e.values[alias] = v
	return alias
}

// attributeName returns an attribute of items, rarely one of the key or one
// that no item has.
func (e *expressions) attributeName() string {
	switch n := e.IntN(20); n {
	case 0:
		return "nothing"
	case 1:
		if e.clean {
			return "s"
		}
		return e.schema.keys[e.IntN(len(e.schema.keys))].name
	default:
		return pick(e.gen, attributeOrder...)
	}
}

// target writes the path of something to update. Rarely two of them are in each
// other's way.
func (e *expressions) target(choices ...string) string {
	name := pick(e.gen, choices...)
	for range 20 {
		if !e.done[name] {
			break
		}
		name = pick(e.gen, choices...)
	}
	if e.clean && (e.done[name] || name == "pk") {
		name = fmt.Sprint("new", len(e.done))
	}
	e.done[name] = true
	return e.pathOf(name)
}

// path writes a document path.
func (e *expressions) path() string { return e.pathOf(e.attributeName()) }

func (e *expressions) pathOf(name string) string {
	out := e.name(name)
	switch {
	case name == "m" && e.chance(60):
		out += "." + e.name(pick(e.gen, "x", "y", "l"))
		if e.chance(20) {
			out += pick(e.gen, "[0]", ".z")
		}
	case name == "l" && e.chance(60):
		out += pick(e.gen, "[0]", "[1]", "[2]", "[9]")
		if e.chance(20) {
			out += pick(e.gen, "[0]", ".x")
		}
	}
	return out
}

// operand writes a path, a value or a size.
func (e *expressions) operand() string {
	switch e.IntN(8) {
	case 0, 1, 2:
		return e.path()
	case 3:
		return "size(" + e.path() + ")"
	default:
		return e.given(e.value(pick(e.gen, "S", "N", "N", "B", "SS", "L", "BOOL", "NULL", "M"), 1))
	}
}

// condition writes a condition or filter.
func (e *expressions) condition(depth int) string {
	if depth < 3 && e.chance(35) {
		switch e.IntN(4) {
		case 0:
			return e.condition(depth+1) + pick(e.gen, " AND ", " and ") + e.condition(depth+1)
		case 1:
			return e.condition(depth+1) + " OR " + e.condition(depth+1)
		case 2:
			return "NOT " + e.condition(depth+1)
		default:
			if e.clean {
				return "(" + e.comparison() + ")"
			}
			return "(" + e.condition(depth+1) + ")"
		}
	}
	switch e.IntN(7) {
	case 0:
		return pick(e.gen, "attribute_exists(", "attribute_not_exists(") + e.path() + ")"
	case 1:
		return "attribute_type(" + e.path() + ", " + e.given(object{"S": pick(e.gen, kinds...)}) + ")"
	case 2:
		return "begins_with(" + e.path() + ", " + e.given(e.value(pick(e.gen, "S", "S", "B"), 1)) + ")"
	case 3:
		return "contains(" + e.path() + ", " + e.given(e.value(pick(e.gen, "S", "N", "B", "L"), 1)) + ")"
	case 4:
		low, high := e.bounds(pick(e.gen, "S", "N", "B"))
		return e.path() + " BETWEEN " + low + " AND " + high
	case 5:
		if e.clean {
			return e.path() + " IN (" + e.given(e.value("S", 1)) + ", " + e.given(e.value("N", 1)) + ")"
		}
		return e.path() + " IN (" + e.operand() + ", " + e.operand() + ")"
	default:
		return e.comparison()
	}
}

// bounds writes two values of the kind, rarely the larger one first.
func (e *expressions) bounds(kind string) (low, high string) {
	lows := map[string][]string{"S": {"", "a"}, "N": {"-1", "0"}, "B": {"", "YQ=="}}[kind]
	highs := map[string][]string{"S": {"a", "b"}, "N": {"0", "100"}, "B": {"YQ==", "YWJj"}}[kind]
	if e.chance(3) && !e.clean {
		lows, highs = highs[1:], lows[:1]
	}
	return e.given(object{kind: pick(e.gen, lows...)}), e.given(object{kind: pick(e.gen, highs...)})
}

// comparison compares an attribute with a value of its kind, or what comes.
func (e *expressions) comparison() string {
	op := pick(e.gen, " = ", " <> ", "=")
	name := e.attributeName()
	if kind := attributeNames[name]; e.chance(5) && !e.clean || kind == "S" || kind == "N" || kind == "B" {
		op = pick(e.gen, " = ", " <> ", " < ", " <= ", " > ", " >= ", "<")
	}
	if e.chance(15) && !e.clean {
		return e.operand() + " = " + e.operand()
	}
	return e.name(name) + op + e.given(e.attribute(name))
}

// projection writes a projection of one to three paths.
func (e *expressions) projection() string {
	if e.clean {
		return e.target(attributeOrder...)
	}
	paths := []string{e.path()}
	for range e.IntN(3) {
		paths = append(paths, e.path())
	}
	return strings.Join(paths, ", ")
}

// update writes an update of one to three sections.
func (e *expressions) update() string {
	var sections []string
	for _, i := range e.Perm(4)[:1+e.IntN(2)] {
		action := []func() string{e.setAction, e.removeAction, e.addAction, e.deleteAction}[i]
		actions := []string{action()}
		for range e.IntN(3) {
			actions = append(actions, action())
		}
		sections = append(sections, []string{"SET ", "REMOVE ", "ADD ", "DELETE "}[i]+strings.Join(actions, ", "))
	}
	return strings.Join(sections, " ")
}

func (e *expressions) removeAction() string {
	return e.target(append(attributeOrder, "nothing", "pk")...)
}

func (e *expressions) setAction() string {
	path := e.target(attributeOrder...)
	switch e.IntN(6) {
	case 0:
		return path + " = " + e.number() + pick(e.gen, " + ", " - ") + e.number()
	case 1:
		return path + " = if_not_exists(" + e.path() + ", " + e.operandOfSet() + ")"
	case 2:
		return path + " = list_append(" + e.list() + ", " + e.list() + ")"
	case 3:
		return path + " = if_not_exists(" + e.name("n") + ", " + e.given(object{"N": "0"}) + ") + " + e.number()
	default:
		return path + " = " + e.operandOfSet()
	}
}

// operandOfSet writes a path or a value.
func (e *expressions) operandOfSet() string {
	if e.chance(25) {
		return e.path()
	}
	return e.given(e.value(pick(e.gen, kinds...), 1))
}

func (e *expressions) number() string {
	if e.chance(50) {
		return e.name(pick(e.gen, "n", "n2", "value"))
	}
	return e.given(e.value("N", 1))
}

func (e *expressions) list() string {
	if e.chance(40) {
		return e.name("l")
	}
	return e.given(e.value("L", 1))
}

func (e *expressions) addAction() string {
	path := e.target("n", "n2", "ss", "ns", "bs", "value")
	if e.clean && strings.HasPrefix(path, "new") {
		return path + " " + e.given(number(1))
	}
	return path + " " + e.given(e.attribute(attributeBehind(path)))
}

func (e *expressions) deleteAction() string {
	path := e.target("ss", "ns", "bs")
	if e.clean && strings.HasPrefix(path, "new") {
		return path + " " + e.given(e.value("SS", 1))
	}
	return path + " " + e.given(e.attribute(attributeBehind(path)))
}

// attributeBehind returns the attribute that a path of one step means.
func attributeBehind(path string) string { return strings.TrimPrefix(path, "#") }

// keyCondition writes a key condition of the table.
func (e *expressions) keyCondition() string {
	hash := e.schema.keys[0]
	out := e.name(hash.name) + " = " + e.given(e.keyValue(hash.kind))
	if len(e.schema.keys) == 1 || e.chance(35) {
		return out
	}
	sort := e.schema.keys[1]
	term := ""
	switch n := e.IntN(5); {
	case n == 0:
		low, high := e.bounds(sort.kind)
		term = e.name(sort.name) + " BETWEEN " + low + " AND " + high
	case n == 1 && (sort.kind != "N" || !e.clean && e.chance(10)):
		term = "begins_with(" + e.name(sort.name) + ", " + e.given(e.keyValue(sort.kind)) + ")"
	default:
		term = e.name(sort.name) + pick(e.gen, " = ", " < ", " <= ", " > ", " >= ") + e.given(e.keyValue(sort.kind))
	}
	if e.chance(20) {
		return term + " AND " + out
	}
	return out + pick(e.gen, " AND ", " and ") + term
}
