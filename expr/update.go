package expr

import (
	"slices"

	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// An Update is a parsed update expression.
type Update struct {
	sets    []assignment
	removes []Path
	adds    []modification
	deletes []modification
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
	err := p.run(updateField, src, func(q *parse) { q.update(u) })
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (p *parse) update(u *Update) {
	seen := map[string]bool{}
	for p.Peek().Kind != syntax.EOF {
		section := ""
		for _, s := range []string{"SET", "REMOVE", "ADD", "DELETE"} {
			if p.Accept(s) {
				section = s
			}
		}
		if section == "" {
			p.syntaxError()
		}
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

func (p *parse) action(u *Update, section string) {
	path := p.path()
	switch section {
	case "SET":
		p.expect("=")
		u.sets = append(u.sets, assignment{path, p.sum()})
	case "REMOVE":
		u.removes = append(u.removes, path)
	default:
		m := modification{path, p.literal()}
		p.checkModification(section, m.value.Kind())
		p.operator()
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

var (
	errNoPath   = &Error{"The document path provided in the update expression is invalid for update"}
	errType     = &Error{"An operand in the update expression has an incorrect data type"}
	errNoAttr   = &Error{"The provided expression refers to an attribute that does not exist in the item"}
	errItemSize = &Error{"Item size to update has exceeded the maximum allowed size"}
)

// A placement is a value that an update puts at a path.
type placement struct {
	path  Path
	value item.Value
}

// Apply returns the item as the update leaves it; every right side is taken
// from the item as it was. The item itself is not changed. Errors are of type
// *Error or *item.Error (numbers out of range, more than item.MaxDepth levels).
func (u *Update) Apply(it item.Item) (item.Item, error) {
	puts, removes, err := u.eval(it)
	if err != nil {
		return nil, err
	}
	root, err := putAll(item.M(it), puts)
	if err != nil {
		return nil, err
	}
	if root, err = removeAll(root, it, removes); err != nil {
		return nil, err
	}
	out := root.Map()
	if item.Size(out) > item.MaxSize {
		return nil, errItemSize
	}
	// A value that is not too deep by itself may be so where it was put.
	if err := item.Check(out); err != nil {
		return nil, err
	}
	return out, nil
}

// eval returns what the actions put into an item and remove from it.
func (u *Update) eval(it item.Item) (puts []placement, removes []Path, err error) {
	for _, a := range u.sets {
		v, err := a.rhs.eval(it)
		if err != nil {
			return nil, nil, err
		}
		puts = append(puts, placement{a.path, v})
	}
	for _, m := range u.adds {
		v, err := m.sum(it)
		if err != nil {
			return nil, nil, err
		}
		puts = append(puts, placement{m.path, v})
	}
	removes = slices.Clone(u.removes)
	for _, m := range u.deletes {
		left, ok, err := m.difference(it)
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
		case left.IsZero():
			removes = append(removes, m.path)
		default:
			puts = append(puts, placement{m.path, left})
		}
	}
	return puts, removes, nil
}

// putAll returns root with the values at their paths.
func putAll(root item.Value, puts []placement) (item.Value, error) {
	// An index beyond the end of a list appends. The lowest goes first, so that the
	// elements are appended in the order of their indexes, and none is put where
	// another was just appended.
	slices.SortFunc(puts, func(a, b placement) int { return a.path.compare(b.path) })
	var err error
	for _, p := range puts {
		if root, err = put(root, p.path, p.value); err != nil {
			return root, err
		}
	}
	return root, nil
}

// removeAll returns root without what the paths lead to in the item.
func removeAll(root item.Value, it item.Item, paths []Path) (item.Value, error) {
	// Removing an element moves those behind it. The last path in the item goes
	// first, so that each index still means the element that had it in the item.
	slices.SortFunc(paths, func(a, b Path) int { return b.compare(a) })
	for _, path := range paths {
		_, ok := path.Get(it)
		from := root
		if !ok {
			from = item.M(it) // an element that SET appended since is not meant
		}
		rest, err := cut(from, path)
		if err != nil {
			return root, err
		}
		if ok {
			root = rest
		}
	}
	return root, nil
}

// sum returns the value of the action ADD: a sum of numbers, or a union of sets.
func (m modification) sum(it item.Item) (item.Value, error) {
	old, ok := m.path.Get(it)
	switch {
	case !ok:
		return m.value, nil
	case old.Kind() != m.value.Kind():
		return old, errType
	case old.Kind() == item.Number:
		sum, err := old.Num().Add(m.value.Num())
		if err != nil {
			return old, err
		}
		return sum.Value(), nil
	}
	have := membersOf(old)
	members := slices.Clone(old.List())
	for _, e := range m.value.List() {
		if !have[e.Str()] {
			members = append(members, e)
		}
	}
	return item.Set(old.Kind(), members)
}

// difference returns what the action DELETE leaves of a set, which is the zero
// Value if nothing is left. ok is false if there is no set.
func (m modification) difference(it item.Item) (left item.Value, ok bool, err error) {
	old, ok := m.path.Get(it)
	if !ok {
		return left, false, nil
	}
	if old.Kind() != m.value.Kind() {
		return left, true, errType
	}
	unwanted := membersOf(m.value)
	members := slices.DeleteFunc(slices.Clone(old.List()), func(e item.Value) bool { return unwanted[e.Str()] })
	if len(members) == 0 {
		return left, true, nil
	}
	left, err = item.Set(old.Kind(), members)
	return left, true, err
}

// membersOf returns the members of a set by their text, which is the same for
// equal members of one kind.
func membersOf(set item.Value) map[string]bool {
	out := make(map[string]bool, len(set.List()))
	for _, e := range set.List() {
		out[e.Str()] = true
	}
	return out
}

// put returns root with the value at path. All but the last step must exist; a
// list index past the end appends.
func put(root item.Value, path Path, v item.Value) (item.Value, error) {
	if len(path) == 0 {
		return v, nil
	}
	s := path[0]
	old, ok := s.from(root)
	if !ok && len(path) > 1 {
		return root, errNoPath
	}
	v, err := put(old, path[1:], v)
	switch {
	case err != nil:
		return root, err
	case s.name != "" && root.Kind() == item.MapKind:
		return item.M(root.Map().With(s.name, v)), nil
	case s.name == "" && root.Kind() == item.List:
		list := slices.Clone(root.List())
		if s.index < len(list) {
			list[s.index] = v
		} else {
			list = append(list, v)
		}
		return item.L(list...), nil
	default:
		return root, errNoPath
	}
}

// cut returns root without what is at path. What is not there need not be cut,
// but what leads to it must exist.
func cut(root item.Value, path Path) (item.Value, error) {
	s := path[0]
	old, ok := s.from(root)
	switch {
	case !ok && len(path) > 1, (s.name != "") != (root.Kind() == item.MapKind), (s.name == "") != (root.Kind() == item.List):
		return root, errNoPath
	case !ok:
		return root, nil
	}
	if len(path) > 1 {
		inner, err := cut(old, path[1:])
		if err != nil {
			return root, err
		}
		return put(root, path[:1], inner)
	}
	if s.name != "" {
		return item.M(root.Map().Without(s.name)), nil
	}
	return item.L(slices.Delete(slices.Clone(root.List()), s.index, s.index+1)...), nil
}

// OnlyRemoves reports whether the update has no action but REMOVE and DELETE,
// which make no item where there is none.
func (u *Update) OnlyRemoves() bool { return len(u.sets) == 0 && len(u.adds) == 0 }
