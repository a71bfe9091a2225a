package dynamodb

import (
	"errors"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
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

// indexable are the comparison operators of KeyConditions.
var indexable = []string{"EQ", "LE", "LT", "GE", "GT", "BEGINS_WITH", "BETWEEN"}

// parseKeys checks and translates KeyConditions.
func (r *readRequest) parseKeys(q *reading) error {
	if r.KeyConditions == nil {
		return nil
	}
	var conditions []*expr.Condition
	for name, c := range inOrder(r.KeyConditions) {
		one, err := c.condition(name)
		if err != nil {
			return err
		}
		conditions = append(conditions, one)
	}
	if len(conditions) < 1 || len(conditions) > 2 {
		return awsjson.Validation("Conditions can be of length 1 or 2 only")
	}
	for _, c := range inOrder(r.KeyConditions) {
		if !slices.Contains(indexable, *c.ComparisonOperator) {
			return awsjson.Validation("Attempted conditional constraint is not an indexable operation")
		}
	}
	var err error
	q.keys, err = expr.NewKeyCondition(conditions...)
	return err
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
