package dynamodb

import (
	"errors"
	"strconv"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// A legacyExpected is one entry of Expected.
type legacyExpected struct {
	Value  *legacyValue
	Exists *bool
	legacyCondition
}

// A legacyUpdate is one entry of AttributeUpdates.
type legacyUpdate struct {
	Value  *legacyValue
	Action *string
}

var actionNames = awsjson.Text{Enum: []string{"ADD", "DELETE", "PUT"}}

// legacyConstraints checks what the model says of the legacy parameters.
func (r *writeRequest) legacyConstraints(v *awsjson.Validator) {
	v.Text(r.ConditionalOperator, "conditionalOperator", logicNames)
	for name, e := range inOrder(r.Expected) {
		v.Text(e.ComparisonOperator, "expected."+name+".member.comparisonOperator", operatorNames)
	}
	for name, u := range inOrder(r.AttributeUpdates) {
		v.Text(u.Action, "attributeUpdates."+name+".member.action", actionNames)
	}
}

// parseLegacy checks and translates the legacy parameters.
func (r *writeRequest) parseLegacy(w *writing) error {
	if err := checkOperator(r.ConditionalOperator, len(r.Expected)); err != nil {
		return err
	}
	if r.AttributeUpdates != nil {
		if err := r.parseUpdates(w); err != nil {
			return err
		}
	}
	if len(r.Expected) == 0 {
		return nil
	}
	conditions := make(map[string]legacyCondition, len(r.Expected))
	for name, e := range inOrder(r.Expected) {
		c, err := e.normal(name)
		if err != nil {
			return err
		}
		conditions[name] = c
	}
	var err error
	w.condition, err = combined(conditions, r.ConditionalOperator)
	return err
}

// normal returns what is expected as a condition with a comparison operator.
func (e *legacyExpected) normal(name string) (legacyCondition, error) {
	fault := func(msg string) (legacyCondition, error) {
		return legacyCondition{}, awsjson.Validation(invalidOnes + msg + " for Attribute: " + name)
	}
	switch {
	case e.AttributeValueList != nil && e.Value != nil:
		return fault("Value and AttributeValueList cannot be used together")
	case e.ComparisonOperator != nil && e.Exists != nil:
		return fault("Exists and ComparisonOperator cannot be used together")
	case e.ComparisonOperator != nil:
		op := *e.ComparisonOperator
		if op != "NULL" && op != "NOT_NULL" && e.AttributeValueList == nil && e.Value == nil {
			return fault("Value or AttributeValueList must be used with ComparisonOperator: " + op)
		}
		if e.Value != nil {
			e.AttributeValueList = []legacyValue{*e.Value}
		}
		return e.legacyCondition, nil
	case e.AttributeValueList != nil:
		return fault("AttributeValueList can only be used with a ComparisonOperator")
	case e.Exists != nil && !*e.Exists && e.Value != nil:
		return fault("Value cannot be used when Exists is false")
	case e.Exists != nil && !*e.Exists:
		return legacyCondition{ComparisonOperator: new("NULL")}, nil
	case e.Value == nil:
		exists := "null"
		if e.Exists != nil {
			exists = strconv.FormatBool(*e.Exists)
		}
		return fault("Value must be provided when Exists is " + exists)
	default:
		return legacyCondition{ComparisonOperator: new("EQ"), AttributeValueList: []legacyValue{*e.Value}}, nil
	}
}

// parseUpdates checks and translates AttributeUpdates.
func (r *writeRequest) parseUpdates(w *writing) error {
	var actions []expr.Action
	for name, u := range inOrder(r.AttributeUpdates) {
		if err := item.CheckName(name); err != nil {
			return err
		}
		a, err := u.action(expr.Attribute(name))
		if err != nil {
			return err
		}
		actions = append(actions, a)
	}
	if actions == nil {
		return nil
	}
	var err error
	w.update, err = expr.NewUpdate(actions...)
	return err
}

// action checks and translates the change of the attribute at the path.
func (u *legacyUpdate) action(path expr.Path) (expr.Action, error) {
	action := "PUT"
	if u.Action != nil {
		action = *u.Action
	}
	if u.Value == nil {
		if action != "DELETE" {
			return expr.Action{}, awsjson.Validation(invalidOnes + "Only DELETE action is allowed when no attribute value is specified")
		}
		return expr.Remove(path), nil
	}
	if err := u.Value.check(); err != nil {
		return expr.Action{}, err
	}
	v := u.Value.v
	switch kind := v.Kind(); {
	case action == "PUT":
		return expr.Set(path, expr.Just(expr.Literal(v))), nil
	case action == "DELETE" && !kind.IsSet():
		return expr.Action{}, awsjson.Validation(invalidOnes + "DELETE action with value is not supported for the type " + kind.String())
	case action == "DELETE":
		return expr.Delete(path, v), nil
	case kind == item.List:
		old := expr.IfNotExists(path, expr.Just(expr.Literal(item.L())))
		all, err := expr.ListAppend(old, expr.Just(expr.Literal(v)))
		return expr.Set(path, all), err
	case kind != item.Number && !kind.IsSet():
		return expr.Action{}, awsjson.Validation(invalidOnes + "ADD action is not supported for the type " + kind.String())
	default:
		return expr.Add(path, v), nil
	}
}

// reworded returns the error of a write as legacy parameters have it.
func (r *writeRequest) reworded(err error) error {
	var fault *expr.Error
	if r.AttributeUpdates != nil && errors.As(err, &fault) && fault.Msg == "An operand in the update expression has an incorrect data type" {
		return awsjson.Validation("Type mismatch for attribute to update")
	}
	return err
}
