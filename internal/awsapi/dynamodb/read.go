package dynamodb

import (
	"context"
	"strconv"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A readRequest is GetItem, Query and Scan; each has the members that belong
// to it.
type readRequest struct {
	TableName              *string
	IndexName              *string
	Key                    attributes
	ConsistentRead         *bool
	ProjectionExpression   *string
	FilterExpression       *string
	KeyConditionExpression *string
	ExclusiveStartKey      attributes
	Limit                  *int
	ScanIndexForward       *bool
	Select                 *string
	Segment, TotalSegments *int
	ReturnConsumedCapacity *string
	substitutes

	AttributesToGet     []string
	KeyConditions       map[string]legacyCondition `model:"Condition"`
	QueryFilter         map[string]legacyCondition `model:"Condition"`
	ScanFilter          map[string]legacyCondition `model:"Condition"`
	ConditionalOperator *string
}

// A reading is a checked readRequest.
type reading struct {
	table      string
	projection *expr.Projection
	filter     *expr.Condition
	keys       *expr.KeyCondition
	count      bool                    // answer with counts alone
	index      *table.IndexDescription // nil: the table itself
	whole      bool                    // read what a local index does not hold from the table
}

// decode reads the request and checks its table name.
func (r *readRequest) decode(a *api, body []byte) (*reading, error) {
	if err := awsjson.Decode(body, r); err != nil {
		return nil, err
	}
	name, err := a.dataTable(r.TableName)
	return &reading{table: name}, err
}

func (r *readRequest) projection() param {
	return param{"ProjectionExpression", r.ProjectionExpression != nil}
}

func (r *readRequest) attributesToGet() param {
	return param{"AttributesToGet", r.AttributesToGet != nil}
}

// parse parses the expressions.
func (r *readRequest) parse(q *reading) error {
	if err := r.check(); err != nil {
		return err
	}
	if r.KeyConditionExpression == nil && r.FilterExpression == nil && r.ProjectionExpression == nil {
		return nil
	}
	p := r.parser()
	var err error
	if r.KeyConditionExpression != nil {
		if q.keys, err = p.KeyCondition(*r.KeyConditionExpression); err != nil {
			return err
		}
	}
	if r.FilterExpression != nil {
		if q.filter, err = p.Condition("FilterExpression", *r.FilterExpression); err != nil {
			return err
		}
	}
	if r.ProjectionExpression != nil {
		if q.projection, err = p.Projection(*r.ProjectionExpression); err != nil {
			return err
		}
	}
	if err := p.Unused(); err != nil {
		return err
	}
	return q.keys.Err()
}

func (a *api) getItem(ctx context.Context, body []byte) ([]byte, error) {
	var r readRequest
	q, err := r.decodeGet(a, body)
	if err != nil {
		return nil, err
	}
	if err := a.tables.CheckPaths(q.table, q.projection.Paths()); err != nil {
		return nil, err
	}
	it, err := a.tables.Get(ctx, q.table, r.Key.m)
	if err != nil {
		return nil, err
	}
	dst := []byte{'{'}
	if it != nil {
		dst = append(make([]byte, 0, item.Size(it)*9/8+256), `{"Item":`...)
		dst = item.AppendJSON(dst, q.projection.Apply(it))
	}
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = capacity{q.table, readUnits(item.Size(it), r.ConsistentRead), *r.ReturnConsumedCapacity, ""}.appendTo(appendMember(dst, "ConsumedCapacity"))
	}
	return append(dst, '}'), nil
}

func (r *readRequest) decodeGet(a *api, body []byte) (*reading, error) {
	q, err := r.decode(a, body)
	if err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	v.Required(r.Key.m != nil, "key")
	r.QueryFilter, r.ScanFilter, r.KeyConditions, r.ConditionalOperator = nil, nil, nil, nil // of Query and Scan
	r.legacyConstraints(&v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	r.KeyConditionExpression, r.FilterExpression, r.ExpressionAttributeValues = nil, nil, values{} // of Query and Scan
	return q, bare(first(
		func() error { return r.combine([]param{r.projection()}, []param{r.attributesToGet()}) },
		func() error { return r.Key.err },
		func() error { return r.parseLegacy(q, nil) },
		func() error { return r.parse(q) },
	))
}

// selected takes in Select. whileReading is "Querying" or "Scanning", and before
// stands before the one text that the two operations word differently.
func (r *readRequest) selected(q *reading, whileReading, before string) error {
	if r.Select == nil {
		return nil
	}
	q.count = *r.Select == "COUNT"
	switch {
	case r.projected() != "" && q.count:
		return awsjson.Validation("Cannot specify the " + r.projected() + " when choosing to get only the Count")
	case r.projected() != "" && *r.Select != "SPECIFIC_ATTRIBUTES":
		return awsjson.Validation("Cannot specify the " + r.projected() + " when choosing to get " + *r.Select)
	case r.projected() == "" && *r.Select == "SPECIFIC_ATTRIBUTES":
		return awsjson.Validation(before + "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case *r.Select == "ALL_PROJECTED_ATTRIBUTES" && r.IndexName == nil:
		return awsjson.Validation("ALL_PROJECTED_ATTRIBUTES can be used only when " + whileReading + " using an IndexName")
	default:
		return nil
	}
}

// limit returns how many items to read; 0 is no limit.
func (r *readRequest) limit() int {
	if r.Limit == nil {
		return 0
	}
	return *r.Limit
}

// page encodes a page of Query or Scan.
func (r *readRequest) page(q *reading, p table.Page) []byte {
	dst := make([]byte, 0, p.Bytes*3/2+256)
	dst = append(dst, '{')
	if !q.count {
		dst = append(dst, `"Items":[`...)
		for i, it := range p.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.AppendJSON(dst, q.projection.Apply(it))
		}
		dst = append(dst, `],`...)
	}
	dst = strconv.AppendInt(append(dst, `"Count":`...), int64(len(p.Items)), 10)
	dst = strconv.AppendInt(append(dst, `,"ScannedCount":`...), int64(p.Scanned), 10)
	if p.Last != nil {
		dst = item.AppendJSON(append(dst, `,"LastEvaluatedKey":`...), p.Last)
	}
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = capacity{q.table, q.units(p, r.ConsistentRead), *r.ReturnConsumedCapacity, ""}.appendTo(append(dst, `,"ConsumedCapacity":`...))
	}
	return append(dst, '}')
}
