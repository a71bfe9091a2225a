package expr

import (
	"slices"

	"github.com/tablecast/tablecast/expr/internal/syntax"
	"github.com/tablecast/tablecast/item"
)

// A KeyCondition says which items of a table a query reads: those whose
// partition key equals Partition and whose sort key satisfies Sort, if given.
type KeyCondition struct {
	terms []node
}

// A KeyRange is a key condition resolved against a key schema. Op is empty
// (all), "=", "<", "<=", ">", ">=", "BETWEEN" (Low to High) or "begins_with".
type KeyRange struct {
	Partition item.Value
	Op        string
	Low, High item.Value
}

const keyField = "KeyConditionExpression"

// KeyCondition parses a key condition.
func (p *Parser) KeyCondition(src string) (*KeyCondition, error) {
	var out KeyCondition
	err := p.run(keyField, src, func(q *parse) {
		n := q.or()
		if q.Peek().Kind == syntax.EOF && q.violation == nil {
			q.keyTerms(n, &out)
		}
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// keyTerms takes the conditions that AND joins apart and refuses all that a key
// condition may not hold.
func (p *parse) keyTerms(n node, out *KeyCondition) {
	invalid := func(op string) { p.failBare("Invalid operator used in KeyConditionExpression: " + op) }
	switch n := n.(type) {
	case and:
		p.keyTerms(n.a, out)
		p.keyTerms(n.b, out)
		return
	case or:
		invalid("OR")
	case not:
		invalid("NOT")
	case in:
		invalid("IN")
	case call:
		if n.name != "begins_with" {
			invalid(n.name)
		}
	case compare:
		if n.op == "<>" {
			invalid("<>")
		}
	}
	paths := 0
	n.walk(func(o Operand) {
		switch {
		case o.sizeOf:
			invalid("size")
		case len(o.path) > 1:
			p.failBare("KeyConditionExpressions cannot have conditions on nested attributes")
		case o.path != nil:
			paths++
		}
	})
	if paths != 1 {
		p.failBare("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
	}
	out.terms = append(out.terms, n)
}

// Resolve matches the condition with a key schema. Errors are of type *Error.
func (k *KeyCondition) Resolve(schema item.KeySchema) (KeyRange, error) {
	var out KeyRange
	seen := map[string]bool{}
	for _, t := range k.terms {
		r := rangeOf(t)
		if seen[r.name] {
			return out, &Error{"KeyConditionExpressions must only contain one condition per key"}
		}
		seen[r.name] = true
		if err := out.add(r, schema); err != nil {
			return out, err
		}
	}
	if !seen[schema.Hash.Name] {
		return out, &Error{"Query condition missed key schema element: " + schema.Hash.Name}
	}
	if len(seen) > 1 && !seen[schema.Range.Name] {
		return out, &Error{"Query condition missed key schema element: " + schema.Range.Name}
	}
	return out, nil
}

// A keyTerm is one condition on one attribute.
type keyTerm struct {
	name      string
	op        string
	low, high item.Value
}

var flipped = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func rangeOf(n node) keyTerm {
	switch n := n.(type) {
	case compare:
		if n.a.path == nil {
			return keyTerm{n.b.path.Root(), flipped[n.op], n.a.value, item.Value{}}
		}
		return keyTerm{n.a.path.Root(), n.op, n.b.value, item.Value{}}
	case between:
		return keyTerm{n.v.path.Root(), "BETWEEN", n.low.value, n.high.value}
	default:
		c := n.(call)
		return keyTerm{c.args[0].path.Root(), "begins_with", c.args[1].value, item.Value{}}
	}
}

func (k *KeyRange) add(r keyTerm, schema item.KeySchema) error {
	attrs := schema.Attrs()
	i := slices.IndexFunc(attrs, func(a item.KeyAttr) bool { return a.Name == r.name })
	if i < 0 {
		return nil // the missing key attribute is reported once all conditions are seen
	}
	for _, v := range []item.Value{r.low, r.high} {
		if !v.IsZero() && v.Kind() != attrs[i].Kind {
			return &Error{"One or more parameter values were invalid: Condition parameter type does not match schema type"}
		}
	}
	if i == 1 {
		k.Op, k.Low, k.High = r.op, r.low, r.high
		return nil
	}
	if r.op != "=" {
		return &Error{"Query key condition not supported"}
	}
	k.Partition = r.low
	return nil
}
