package dynamodb

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A writeRequest is PutItem, UpdateItem and DeleteItem.
type writeRequest struct {
	TableName                           *string
	Item, Key                           item.Map
	ConditionExpression                 *string
	UpdateExpression                    *string
	ExpressionAttributeNames            expr.Names
	ExpressionAttributeValues           item.Map
	ReturnValues                        *string
	ReturnValuesOnConditionCheckFailure *string
	ReturnConsumedCapacity              *string
	ReturnItemCollectionMetrics         *string
	legacy
}

// legacy are the parameters from before there were expressions.
type legacy struct {
	Expected            map[string]struct{}
	AttributeUpdates    map[string]struct{}
	ConditionalOperator *string
	KeyConditions       map[string]struct{}
	QueryFilter         map[string]struct{}
	ScanFilter          map[string]struct{}
	AttributesToGet     []string
}

// refuse refuses the legacy parameters.
func (l *legacy) refuse() error {
	for _, p := range []struct {
		name, instead string
		used          bool
	}{
		{"Expected", "ConditionExpression", l.Expected != nil},
		{"AttributeUpdates", "UpdateExpression", l.AttributeUpdates != nil},
		{"ConditionalOperator", "AND or OR in an expression", l.ConditionalOperator != nil},
		{"KeyConditions", "KeyConditionExpression", l.KeyConditions != nil},
		{"QueryFilter", "FilterExpression", l.QueryFilter != nil},
		{"ScanFilter", "FilterExpression", l.ScanFilter != nil},
		{"AttributesToGet", "ProjectionExpression", l.AttributesToGet != nil},
	} {
		if p.used {
			return invalid("The legacy parameter " + p.name + " is not offered; use " + p.instead)
		}
	}
	return nil
}

// A writing is a checked writeRequest.
type writing struct {
	table     string
	condition *expr.Condition
	update    *expr.Update
}

// parse checks a request as DynamoDB does before it looks at any table.
func (r *writeRequest) parse(c *check, returns ...string) (writing, error) {
	w := writing{table: checkName(c, r.TableName)}
	oneOf(c, r.ReturnValues, "returnValues", "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
	oneOf(c, r.ReturnValuesOnConditionCheckFailure, "returnValuesOnConditionCheckFailure", "ALL_OLD", "NONE")
	oneOf(c, r.ReturnConsumedCapacity, "returnConsumedCapacity", "INDEXES", "TOTAL", "NONE")
	oneOf(c, r.ReturnItemCollectionMetrics, "returnItemCollectionMetrics", "SIZE", "NONE")
	if err := fault(c); err != nil {
		return w, err
	}
	if err := r.refuse(); err != nil {
		return w, err
	}
	if r.ReturnValues != nil && !slices.Contains(returns, *r.ReturnValues) {
		return w, invalid("Return values set to invalid value")
	}
	p := expr.NewParser(r.ExpressionAttributeNames, valuesOf(r.ExpressionAttributeValues))
	var err error
	if r.UpdateExpression != nil {
		if w.update, err = p.Update(*r.UpdateExpression); err != nil {
			return w, err
		}
	}
	if r.ConditionExpression != nil {
		if w.condition, err = p.Condition("ConditionExpression", *r.ConditionExpression); err != nil {
			return w, err
		}
	}
	used := r.UpdateExpression != nil || r.ConditionExpression != nil
	return w, unused(p, used, r.ExpressionAttributeNames, r.ExpressionAttributeValues)
}

// unused reports names and values that no expression refers to.
func unused(p *expr.Parser, expressions bool, names expr.Names, values item.Map) error {
	switch {
	case expressions:
		return p.Unused()
	case names != nil:
		return invalid("ExpressionAttributeNames can only be specified when using expressions")
	case values != nil:
		return invalid("ExpressionAttributeValues can only be specified when using expressions")
	}
	return nil
}

func valuesOf(m item.Map) expr.Values {
	out := expr.Values{}
	for _, f := range m {
		out[f.Name] = f.Value
	}
	return out
}

// oneOf checks an optional parameter against its enum.
func oneOf(c *check, v *string, path string, set ...string) {
	if v == nil {
		return
	}
	c.That(slices.Contains(set, *v), text(v), path, "satisfy enum value set: [%s]", strings.Join(set, ", "))
}

func (a *api) putItem(ctx context.Context, body []byte) ([]byte, error) {
	var r writeRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	c.That(r.Item != nil, "null", "item", "not be null")
	w, err := r.parse(&c, "ALL_OLD", "NONE")
	if err != nil {
		return nil, err
	}
	res, err := a.tables.Put(ctx, table.PutRequest{Table: w.table, Item: r.Item, Condition: w.condition})
	return r.answer(w, res, err)
}

func (a *api) deleteItem(ctx context.Context, body []byte) ([]byte, error) {
	var r writeRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	c.That(r.Key != nil, "null", "key", "not be null")
	w, err := r.parse(&c, "ALL_OLD", "NONE")
	if err != nil {
		return nil, err
	}
	res, err := a.tables.Delete(ctx, table.DeleteRequest{Table: w.table, Key: r.Key, Condition: w.condition})
	return r.answer(w, res, err)
}

func (a *api) updateItem(ctx context.Context, body []byte) ([]byte, error) {
	var r writeRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	c.That(r.Key != nil, "null", "key", "not be null")
	w, err := r.parse(&c, "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
	if err != nil {
		return nil, err
	}
	res, err := a.tables.Modify(ctx, table.UpdateRequest{Table: w.table, Key: r.Key, Update: w.update, Condition: w.condition})
	return r.answer(w, res, err)
}

// answer encodes the outcome of a write.
func (r *writeRequest) answer(w writing, res table.WriteResult, err error) ([]byte, error) {
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		out := &failedCondition{}
		if r.ReturnValuesOnConditionCheckFailure != nil && *r.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
			out.item = failed.Item
		}
		return nil, out
	}
	if err != nil {
		return nil, err
	}
	dst := []byte{'{'}
	if image := r.returned(w, res); image != nil {
		dst = append(dst, `"Attributes":`...)
		dst = item.AppendJSON(dst, image)
	}
	if units := r.ReturnConsumedCapacity; units != nil && *units != "NONE" {
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = appendCapacity(append(dst, `"ConsumedCapacity":`...), w.table, writeUnits(res.Old, res.New), *units)
	}
	return append(dst, '}'), nil
}

// returned picks what ReturnValues asks for; nil if there is nothing.
func (r *writeRequest) returned(w writing, res table.WriteResult) item.Item {
	if r.ReturnValues == nil {
		return nil
	}
	switch *r.ReturnValues {
	case "ALL_OLD":
		return res.Old
	case "ALL_NEW":
		return res.New
	case "UPDATED_OLD", "UPDATED_NEW":
		image := res.New
		if *r.ReturnValues == "UPDATED_OLD" {
			image = res.Old
		}
		if w.update == nil || image == nil {
			return nil
		}
		if picked := expr.Pick(image, w.update.Paths()); len(picked) > 0 {
			return picked
		}
	}
	return nil
}

// writeUnits returns the write capacity units of a change: one for each
// kilobyte of the larger image.
func writeUnits(old, now item.Item) float64 {
	return float64(max((max(item.Size(old), item.Size(now))+1023)/1024, 1))
}

func (a *api) batchWriteItem(ctx context.Context, body []byte) ([]byte, error) {
	var r struct {
		RequestItems map[string][]struct {
			PutRequest    *struct{ Item item.Map }
			DeleteRequest *struct{ Key item.Map }
		}
		ReturnConsumedCapacity *string
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var writes []table.BatchWrite
	for name, requests := range r.RequestItems {
		if len(requests) == 0 {
			return nil, invalid("1 validation error detected: Value '{" + name + "=[]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]")
		}
		for _, req := range requests {
			w := table.BatchWrite{Table: name}
			switch {
			case (req.PutRequest == nil) == (req.DeleteRequest == nil):
				return nil, invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
			case req.PutRequest != nil:
				w.Put = req.PutRequest.Item
				if w.Put == nil {
					w.Put = item.Map{}
				}
			default:
				w.Delete = req.DeleteRequest.Key
			}
			writes = append(writes, w)
		}
	}
	if len(writes) == 0 {
		return nil, invalid("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	if len(writes) > table.MaxBatchWrite {
		return nil, invalid("1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]")
	}
	results, err := a.tables.Batch(ctx, writes)
	if err != nil {
		return nil, err
	}
	dst := []byte(`{"UnprocessedItems":{}`)
	if units := r.ReturnConsumedCapacity; units != nil && *units != "NONE" {
		sums, order := map[string]float64{}, []string{}
		for i, w := range writes {
			if sums[w.Table] == 0 {
				order = append(order, w.Table)
			}
			sums[w.Table] += writeUnits(results[i].Old, results[i].New)
		}
		dst = append(dst, `,"ConsumedCapacity":[`...)
		for i, name := range order {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendCapacity(dst, name, sums[name], *units)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}'), nil
}
