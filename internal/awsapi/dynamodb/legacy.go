package dynamodb

import (
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// The legacy parameters, from before there were expressions, are translated into
// the trees that expressions are parsed into. Their errors have no prefix in any
// operation.

// A legacyValue is an attribute value in a legacy parameter. If it is invalid, err
// is an *item.Error.
type legacyValue struct {
	v   item.Value
	err error
}

// UnmarshalJSONFrom reads wire JSON.
func (l *legacyValue) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	depth := dec.StackDepth()
	err := l.v.UnmarshalJSONFrom(dec)
	var invalid *item.Error
	if errors.As(err, &invalid) {
		l.err = invalid
		return leave(dec, depth)
	}
	return err
}

// check returns what is wrong with the value.
func (l *legacyValue) check() error {
	switch {
	case l.err != nil:
		return bare(l.err)
	case l.v.IsZero():
		return awsjson.Validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	default:
		return nil
	}
}

// A legacyCondition is one entry of KeyConditions, QueryFilter and ScanFilter.
type legacyCondition struct {
	ComparisonOperator *string
	AttributeValueList []legacyValue
}

// operatorArgs holds the comparison operators with the least and the most
// number of values, and the kinds of the values; no kinds are all.
var operatorArgs = map[string]struct {
	low, high int
	kinds     []item.Kind
}{
	"EQ": {1, 1, nil}, "NE": {1, 1, nil}, "LE": {1, 1, scalars}, "LT": {1, 1, scalars}, "GE": {1, 1, scalars}, "GT": {1, 1, scalars},
	"CONTAINS": {1, 1, sought}, "NOT_CONTAINS": {1, 1, sought}, "BEGINS_WITH": {1, 1, texts}, "BETWEEN": {2, 2, scalars},
	"IN": {1, 1 << 20, scalars}, "NULL": {0, 0, nil}, "NOT_NULL": {0, 0, nil},
}

var (
	scalars = []item.Kind{item.String, item.Number, item.Binary}
	texts   = []item.Kind{item.String, item.Binary}
	// sought may be in a list; sets, maps and lists are not looked for.
	sought = []item.Kind{item.String, item.Number, item.Binary, item.Bool, item.Null}

	operatorNames = awsjson.Text{Enum: []string{"IN", "NULL", "BETWEEN", "LT", "NOT_CONTAINS", "EQ", "GT", "NOT_NULL", "NE", "LE", "BEGINS_WITH", "GE", "CONTAINS"}}
	logicNames    = awsjson.Text{Enum: []string{"OR", "AND"}}
)

// constrain checks what the model says of the conditions of a parameter.
func constrain(v *awsjson.Validator, param string, all map[string]legacyCondition) {
	for name, c := range inOrder(all) {
		v.RequiredText(c.ComparisonOperator, param+"."+name+".member.comparisonOperator", operatorNames)
	}
}

// check returns what is wrong with the values of the condition.
func (c *legacyCondition) check() error {
	op := *c.ComparisonOperator
	for i := range c.AttributeValueList {
		if err := c.AttributeValueList[i].check(); err != nil {
			return err
		}
	}
	want, values := operatorArgs[op], c.AttributeValueList
	if len(values) < want.low || len(values) > want.high {
		return awsjson.Validation(invalidOnes + "Invalid number of argument(s) for the " + op + " ComparisonOperator")
	}
	for _, l := range values {
		switch kind := l.v.Kind(); {
		case kind != values[0].v.Kind():
			return awsjson.Validation(invalidOnes + "AttributeValues inside AttributeValueList must be of same type")
		case want.kinds != nil && !slices.Contains(want.kinds, kind):
			return awsjson.Validation(invalidOnes + "ComparisonOperator " + op + " is not valid for " + kind.String() + " AttributeValue type")
		}
	}
	if op == "BETWEEN" {
		if n, _ := item.Compare(values[0].v, values[1].v); n > 0 {
			return awsjson.Validation("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound")
		}
	}
	return nil
}

// comparators are the comparison operators that are comparators of expressions.
var comparators = map[string]string{"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}

// condition checks and translates the condition on the attribute of that name.
func (c *legacyCondition) condition(name string) (*expr.Condition, error) {
	if err := first(func() error { return item.CheckName(name) }, c.check); err != nil {
		return nil, err
	}
	path := expr.Attribute(name)
	at, args := expr.At(path), make([]expr.Operand, len(c.AttributeValueList))
	for i, l := range c.AttributeValueList {
		args[i] = expr.Literal(l.v)
	}
	switch op := *c.ComparisonOperator; op {
	case "NULL":
		return expr.Not(expr.Exists(path)), nil
	case "NOT_NULL":
		return expr.Exists(path), nil
	case "IN":
		return expr.In(at, args...)
	case "BETWEEN":
		return expr.Between(at, args[0], args[1])
	case "BEGINS_WITH":
		return expr.Call("begins_with", at, args[0])
	case "CONTAINS":
		return expr.Call("contains", at, args[0])
	case "NOT_CONTAINS": // holds of no attribute that is not there
		has, err := expr.Call("contains", at, args[0])
		if err != nil {
			return nil, err
		}
		return expr.And(expr.Exists(path), expr.Not(has)), nil
	default:
		return expr.Compare(comparators[op], at, args[0])
	}
}

// combined translates the conditions of a parameter and joins them by the
// conditional operator.
func combined(all map[string]legacyCondition, operator *string) (*expr.Condition, error) {
	var out *expr.Condition
	for name, c := range inOrder(all) {
		next, err := c.condition(name)
		switch {
		case err != nil:
			return nil, err
		case out != nil && operator != nil && *operator == "OR":
			out = expr.Or(out, next)
		default:
			out = expr.And(out, next)
		}
	}
	return out, nil
}

// checkOperator refuses a conditional operator that has nothing to join.
func checkOperator(operator *string, conditions int) error {
	switch {
	case operator == nil || conditions > 1:
		return nil
	case conditions == 1:
		return awsjson.Validation("ConditionalOperator can only be used when Filter or Expected has two or more elements")
	default:
		return awsjson.Validation("ConditionalOperator cannot be used without Filter or Expected")
	}
}
