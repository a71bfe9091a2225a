package expr

import (
	"fmt"

	"github.com/tablecast/tablecast/item"
)

// A KeyCondition says which items of a table or an index a query reads: those
// of which all terms hold. Each term is about another attribute.
type KeyCondition struct {
	terms []KeyTerm
	err   *Error // what no key condition may hold
}

// A KeyTerm compares the key attribute of that name with one value, or, if Op is
// BETWEEN, with two. Op is =, <, <=, >, >=, BETWEEN or begins_with; Resolve
// refuses all others.
type KeyTerm struct {
	Name      string
	Op        string
	Low, High item.Value // High is the zero Value unless Op is BETWEEN
}

// A KeyRange is a key condition resolved against a key schema. Equal has the values
// of all partition attributes, then those of the sort attributes before the last one
// that has a term. Op, Low and High are the term of that one: Op is empty (none), "=",
// "<", "<=", ">", ">=", "BETWEEN" (Low to High) or "begins_with".
type KeyRange struct {
	Equal     []item.Value
	Op        string
	Low, High item.Value
}

const keyField = "KeyConditionExpression"

// KeyCondition parses a key condition. Err of the result says whether a query may
// have it.
func (p *Parser) KeyCondition(src string) (*KeyCondition, error) {
	k := &KeyCondition{terms: make([]KeyTerm, 0, 2)}
	var root node
	if err := p.run(keyField, src, func(q *parse) { root = q.condition(q.or()) }); err != nil {
		return nil, err
	}
	k.err = k.addAll(root)
	return k, nil
}

// NewKeyCondition returns the key condition that holds if all terms hold, which
// are about different attributes.
func NewKeyCondition(terms ...KeyTerm) *KeyCondition { return &KeyCondition{terms: terms} }

// Err returns an *Error if the condition holds what no key condition may hold,
// whatever the key schema, or nil. Resolve returns the same error.
func (k *KeyCondition) Err() error {
	if k == nil || k.err == nil {
		return nil
	}
	return k.err
}

// addAll adds the terms that AND joins, up to the first that is none.
func (k *KeyCondition) addAll(n node) *Error {
	if n, ok := n.(and); ok {
		if err := k.addAll(n.a); err != nil {
			return err
		}
		return k.addAll(n.b)
	}
	op, operands, count := operation(n)
	t := KeyTerm{Op: op}
	if !t.indexable() {
		return &Error{"Invalid operator used in KeyConditionExpression: " + op}
	}
	for _, o := range operands[:count] {
		if err := t.add(o); err != nil {
			return err
		}
	}
	switch {
	case t.Name == "":
		return badTerm("No key attribute specified")
	case k.on(t.Name) != nil:
		return errf(keyField, "KeyConditionExpressions must only contain one condition per key")
	}
	k.terms = append(k.terms, t)
	return nil
}

func badTerm(why string) *Error { return &Error{"Invalid condition in KeyConditionExpression: " + why} }

// operation returns the operator of a condition as error texts have it and, if it
// is one of a key condition, the first count of operands, which are its own.
func operation(n node) (op string, operands [3]Operand, count int) {
	switch n := n.(type) {
	case compare:
		return n.op, [3]Operand{n.a, n.b}, 2
	case between:
		return "BETWEEN", [3]Operand{n.v, n.low, n.high}, 3
	case call:
		count = copy(operands[:], n.args)
		return n.name, operands, count
	case in:
		return "IN", operands, 0
	case not:
		return "NOT", operands, 0
	default:
		return "OR", operands, 0
	}
}

// indexable reports whether a query can follow the operator.
func (t *KeyTerm) indexable() bool {
	switch t.Op {
	case "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with":
		return true
	default:
		return false
	}
}

// add adds the next operand of the condition that the term is.
func (t *KeyTerm) add(o Operand) *Error {
	switch {
	case o.sizeOf:
		return &Error{"KeyConditionExpressions cannot contain nested operations"}
	case o.path != nil && t.Name != "":
		return badTerm("Multiple attribute names used in one condition")
	case len(o.path) > 1:
		return errf(keyField, "KeyConditionExpressions cannot have conditions on nested attributes")
	case o.path != nil:
		t.Name = o.path.Root()
		return nil
	case t.Name == "" && (t.Op == "BETWEEN" || t.Op == "begins_with"):
		return badTerm(t.Op + " operator must have the key attribute as its first operand")
	case t.Name == "":
		t.Op = flipped[t.Op]
	}
	if t.Low.IsZero() {
		t.Low = o.value
	} else {
		t.High = o.value
	}
	return nil
}

var flipped = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// on returns the term about the attribute, or nil.
func (k *KeyCondition) on(name string) *KeyTerm {
	for i := range k.terms {
		if k.terms[i].Name == name {
			return &k.terms[i]
		}
	}
	return nil
}

// Resolve judges the terms by a key schema: each partition attribute must have one, by
// equality, and the sort attributes may have some from the first on, of which all but
// the last are equalities. There may be no other term. Errors are of type *Error.
func (k *KeyCondition) Resolve(schema item.KeySchema) (KeyRange, error) {
	var out KeyRange
	if err := k.Err(); err != nil {
		return out, err
	}
	attrs := schema.Attrs()
	switch n := len(k.terms); {
	case n > max(2, len(attrs)):
		return out, &Error{fmt.Sprintf("The number of query conditions (%d) exceeds the number of key attributes defined in the schema (%d)", n, len(attrs))}
	case n > len(attrs):
		return out, errNotSupported
	case schema.Multi():
		return k.resolveMulti(schema, attrs)
	}
	for i, a := range attrs {
		t := k.on(a.Name)
		if i == 1 && t == nil && len(k.terms) == 1 {
			break
		}
		if err := t.check(a); err != nil {
			return out, err
		}
		switch {
		case i == 1:
			out.Op, out.Low, out.High = t.Op, t.Low, t.High
		case t.Op != "=":
			return out, errNotSupported
		default:
			out.Equal = []item.Value{t.Low}
		}
	}
	return out, nil
}

var errNotSupported = &Error{"Query key condition not supported"}

// check refuses a term, nil if there is none, that no key attribute can have.
func (t *KeyTerm) check(a item.KeyAttr) error {
	switch {
	case t == nil:
		return &Error{"Query condition missed key schema element: " + a.Name}
	case !t.indexable():
		return &Error{"Attempted conditional constraint is not an indexable operation"}
	case t.Low.Kind() != a.Kind, t.Op == "BETWEEN" && t.High.Kind() != a.Kind:
		return &Error{"One or more parameter values were invalid: Condition parameter type does not match schema type"}
	default:
		return nil
	}
}
