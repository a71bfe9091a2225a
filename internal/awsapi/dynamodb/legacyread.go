package dynamodb

import (
	"errors"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// legacyConstraints checks what the model says of the legacy parameters.
func (r *readRequest) legacyConstraints(v *awsjson.Validator) {
	v.Text(r.ConditionalOperator, "conditionalOperator", logicNames)
	if r.AttributesToGet != nil {
		v.Length(len(r.AttributesToGet), "'[]'", "attributesToGet", 1, 0)
	}
	constrain(v, "queryFilter", r.QueryFilter)
	constrain(v, "scanFilter", r.ScanFilter)
	constrain(v, "keyConditions", r.KeyConditions)
}

// parseLegacy checks and translates AttributesToGet and the filter.
func (r *readRequest) parseLegacy(q *reading, filter map[string]legacyCondition) error {
	if err := checkOperator(r.ConditionalOperator, len(filter)); err != nil {
		return err
	}
	if r.AttributesToGet != nil {
		paths := make([]expr.Path, len(r.AttributesToGet))
		named := make(map[string]bool, len(paths))
		for i, name := range r.AttributesToGet {
			if err := item.CheckName(name); err != nil {
				return err
			}
			if named[name] {
				return awsjson.Validation(invalidOnes + "Duplicate value in attribute name: " + name)
			}
			named[name] = true
			paths[i] = expr.Attribute(name)
		}
		var err error
		if q.projection, err = expr.NewProjection(paths...); err != nil {
			return err
		}
	}
	if len(filter) == 0 {
		return nil
	}
	var err error
	q.filter, err = combined(filter, r.ConditionalOperator)
	return err
}

// parseKeys checks and translates KeyConditions.
func (r *readRequest) parseKeys(q *reading) error {
	if r.KeyConditions == nil {
		return nil
	}
	var terms []expr.KeyTerm
	for name, c := range inOrder(r.KeyConditions) {
		if err := first(func() error { return item.CheckName(name) }, c.check); err != nil {
			return err
		}
		terms = append(terms, c.keyTerm(name))
	}
	if len(terms) < 1 || len(terms) > r.mostKeys() {
		return errKeyCount
	}
	q.keys = expr.NewKeyCondition(terms...)
	return nil
}

// keyTerm translates a condition, which was checked, on a key attribute. What is
// no condition on a key keeps its operator, which the key condition refuses.
func (c *legacyCondition) keyTerm(name string) expr.KeyTerm {
	t := expr.KeyTerm{Name: name, Op: *c.ComparisonOperator}
	switch op, ok := comparators[t.Op]; {
	case ok:
		t.Op = op
	case t.Op == "BEGINS_WITH":
		t.Op = "begins_with"
	}
	if len(c.AttributeValueList) > 0 {
		t.Low = c.AttributeValueList[0].v
	}
	if len(c.AttributeValueList) > 1 {
		t.High = c.AttributeValueList[1].v
	}
	return t
}

// errKeyCount refuses KeyConditions of more attributes than a key has.
var errKeyCount = awsjson.Validation("Conditions can be of length 1 or 2 only")

// mostKeys returns how many attributes the key that is queried has at most, as far as
// the request alone tells: only that of an index may have more than two.
func (r *readRequest) mostKeys() int {
	if r.IndexName == nil {
		return 2
	}
	return 2 * item.MaxKeyParts
}

// checkKeyCount refuses KeyConditions of more than two attributes for an index that has
// no more.
func (r *readRequest) checkKeyCount(q *reading) error {
	if len(r.KeyConditions) > 2 && q.index != nil && !q.index.Schema.Multi() {
		return errKeyCount
	}
	return nil
}

// projected returns the name of the parameter that names attributes, or "".
func (r *readRequest) projected() string {
	switch {
	case r.ProjectionExpression != nil:
		return "ProjectionExpression"
	case r.AttributesToGet != nil:
		return "AttributesToGet"
	default:
		return ""
	}
}

// reworded returns the error of a read as legacy parameters have it.
func (r *readRequest) reworded(err error) error {
	var fault *table.ValidationError
	if r.QueryFilter != nil && errors.As(err, &fault) {
		if rest, ok := strings.CutPrefix(fault.Msg, "Filter Expression can only contain non-primary key attributes: "); ok {
			return awsjson.Validation("QueryFilter can only contain non-primary key attributes: " + rest)
		}
	}
	return err
}
