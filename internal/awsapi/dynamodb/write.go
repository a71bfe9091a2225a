package dynamodb

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A writeRequest is PutItem, UpdateItem and DeleteItem; each has the members
// that belong to it.
type writeRequest struct {
	TableName                           *string
	Item, Key                           attributes
	ConditionExpression                 *string
	UpdateExpression                    *string
	ReturnValues                        *string
	ReturnValuesOnConditionCheckFailure *string
	ReturnConsumedCapacity              *string
	ReturnItemCollectionMetrics         *string
	substitutes

	Expected            map[string]legacyExpected `model:"ExpectedAttributeValue"`
	AttributeUpdates    map[string]legacyUpdate   `model:"AttributeValueUpdate"`
	ConditionalOperator *string
}

// A writing is a checked writeRequest.
type writing struct {
	table     string
	condition *expr.Condition
	update    *expr.Update
}

// constraints checks what the model says of the members beside the table name.
func (r *writeRequest) constraints(subject *attributes, path string) error {
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	v.Required(subject.m != nil, path)
	r.returns(&v)
	v.Text(r.ReturnItemCollectionMetrics, "returnItemCollectionMetrics", metrics)
	v.Text(r.ReturnValuesOnConditionCheckFailure, "returnValuesOnConditionCheckFailure", returnOnFail)
	r.legacyConstraints(&v)
	return v.Err()
}

// returns checks ReturnValues, which the service names in its own way.
func (r *writeRequest) returns(v *awsjson.Validator) {
	if r.ReturnValues != nil && !slices.Contains(returnValues.Enum, *r.ReturnValues) {
		v.FailUnnamed("Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]")
	}
}

// legacy are the parameters from before there were expressions.
func (r *writeRequest) legacy() []param {
	return []param{
		{"AttributeUpdates", r.AttributeUpdates != nil},
		{"Expected", r.Expected != nil},
		{"ConditionalOperator", r.ConditionalOperator != nil},
	}
}

// condition is the parameter of PutItem and DeleteItem that may hold values.
func (r *writeRequest) condition() []param {
	return []param{{"ConditionExpression", r.ConditionExpression != nil}}
}

// parse parses the expressions, or the legacy parameters in their place.
func (r *writeRequest) parse(w *writing) error {
	if err := first(func() error { return r.parseLegacy(w) }, r.check); err != nil {
		return err
	}
	if r.ConditionExpression == nil && r.UpdateExpression == nil {
		return nil
	}
	p := r.parser()
	var err error
	if r.UpdateExpression != nil {
		if w.update, err = p.Update(*r.UpdateExpression); err != nil {
			return err
		}
	}
	if r.ConditionExpression != nil {
		if w.condition, err = p.Condition("ConditionExpression", *r.ConditionExpression); err != nil {
			return err
		}
	}
	return p.Unused()
}

// onlyOld refuses the values of ReturnValues that an operation without a new
// image does not have.
func (r *writeRequest) onlyOld() error {
	if r.ReturnValues != nil && *r.ReturnValues != "ALL_OLD" && *r.ReturnValues != "NONE" {
		return &requestFault{msg: "ReturnValues can only be ALL_OLD or NONE"}
	}
	return nil
}

// answer encodes the answer of a write.
func (r *writeRequest) answer(w *writing, res table.WriteResult, err error) ([]byte, error) {
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		out := &failedCondition{}
		if r.ReturnValuesOnConditionCheckFailure != nil && *r.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			out.item = failed.Item
		}
		return nil, out
	}
	if err != nil {
		return nil, r.reworded(err)
	}
	dst := []byte{'{'}
	if image := r.returned(w, res); image != nil {
		dst = item.AppendJSON(append(dst, `"Attributes":`...), image)
	}
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = capacity{w.table, res.Units, *r.ReturnConsumedCapacity, ""}.appendTo(appendMember(dst, "ConsumedCapacity"))
	}
	if wantsMetrics(r.ReturnItemCollectionMetrics) && res.Collection != nil {
		dst = appendMetrics(appendMember(dst, "ItemCollectionMetrics"), res.Collection)
	}
	return append(dst, '}'), nil
}

// appendMember begins a member of an object that may have some.
func appendMember(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(dst, '"'), name+`":`...)
}

// returned picks what ReturnValues asks for; nil if there is nothing.
func (r *writeRequest) returned(w *writing, res table.WriteResult) item.Item {
	if r.ReturnValues == nil {
		return nil
	}
	switch *r.ReturnValues {
	case "ALL_OLD":
		return res.Old
	case "ALL_NEW":
		return res.New
	case "UPDATED_OLD":
		return updated(w, res.Old)
	case "UPDATED_NEW":
		return updated(w, res.New)
	default:
		return nil
	}
}

// updated picks the attributes that an update names; nil if there are none.
func updated(w *writing, image item.Item) item.Item {
	if w.update == nil || image == nil {
		return nil
	}
	if picked := expr.Pick(image, w.update.Paths()); len(picked) > 0 {
		return picked
	}
	return nil
}

func (a *api) putItem(ctx context.Context, body []byte) ([]byte, error) {
	var r writeRequest
	w, err := r.decodePut(a, body)
	if err != nil {
		return nil, err
	}
	res, err := a.tables.Put(ctx, table.PutRequest{Table: w.table, Item: r.Item.m, Condition: w.condition})
	return r.answer(w, res, err)
}

func (r *writeRequest) decodePut(a *api, body []byte) (*writing, error) {
	w, err := r.decode(a, body, &r.Item, "item")
	if err != nil {
		return nil, err
	}
	r.UpdateExpression = nil // of UpdateItem
	err = first(
		func() error { return r.combine(r.condition(), r.legacy()[1:]) },
		func() error { return r.Item.err },
		r.onlyOld,
	)
	if err == nil {
		err = r.parse(w)
	}
	return w, enveloped(err)
}

func (a *api) updateItem(ctx context.Context, body []byte) ([]byte, error) {
	var r writeRequest
	w, err := r.decodeUpdate(a, body)
	if err != nil {
		return nil, err
	}
	res, err := a.tables.Modify(ctx, table.UpdateRequest{Table: w.table, Key: r.Key.m, Update: w.update, Condition: w.condition})
	return r.answer(w, res, err)
}

func (r *writeRequest) decodeUpdate(a *api, body []byte) (*writing, error) {
	w, err := r.decode(a, body, &r.Key, "key")
	if w != nil && err != nil {
		// UpdateItem complains of ReturnValues alone.
		var v awsjson.Validator
		r.returns(&v)
		err = cmp.Or(v.Err(), err)
	}
	if err != nil {
		return nil, err
	}
	expressions := append([]param{{"UpdateExpression", r.UpdateExpression != nil}}, r.condition()...)
	return w, enveloped(first(
		func() error { return r.combine(expressions, r.legacy()) },
		func() error { return r.Key.err },
		func() error { return r.parse(w) },
	))
}

func (a *api) deleteItem(ctx context.Context, body []byte) ([]byte, error) {
	var r writeRequest
	w, err := r.decodeDelete(a, body)
	if err != nil {
		return nil, err
	}
	res, err := a.tables.Delete(ctx, table.DeleteRequest{Table: w.table, Key: r.Key.m, Condition: w.condition})
	return r.answer(w, res, err)
}

func (r *writeRequest) decodeDelete(a *api, body []byte) (*writing, error) {
	w, err := r.decode(a, body, &r.Key, "key")
	if err != nil {
		return nil, err
	}
	r.UpdateExpression = nil // of UpdateItem
	return w, enveloped(first(
		func() error { return r.combine(r.condition(), r.legacy()[1:]) },
		func() error { return r.Key.err },
		r.onlyOld,
		func() error { return r.parse(w) },
	))
}

// decode reads the request and checks the constraints of its members; subject
// is the item or key that it must have, and path the name of that. An error
// beside a writing is about those constraints.
func (r *writeRequest) decode(a *api, body []byte, subject *attributes, path string) (*writing, error) {
	if err := awsjson.Decode(body, r); err != nil {
		return nil, err
	}
	name, err := a.writeTable(r.TableName)
	if err != nil {
		return nil, err
	}
	return &writing{table: name}, r.constraints(subject, path)
}

// first returns the first error of the checks.
func first(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
