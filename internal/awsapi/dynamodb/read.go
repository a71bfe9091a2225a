package dynamodb

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A readRequest is GetItem, Query and Scan.
type readRequest struct {
	TableName                 *string
	IndexName                 *string
	Key                       item.Map
	ConsistentRead            *bool
	ProjectionExpression      *string
	FilterExpression          *string
	KeyConditionExpression    *string
	ExpressionAttributeNames  expr.Names
	ExpressionAttributeValues item.Map
	ExclusiveStartKey         item.Map
	Limit                     *int
	ScanIndexForward          *bool
	Select                    *string
	Segment, TotalSegments    *int
	ReturnConsumedCapacity    *string
	legacy
}

// A reading is a checked readRequest.
type reading struct {
	table      string
	projection *expr.Projection
	filter     *expr.Condition
	keys       *expr.KeyCondition
	limit      int
	count      bool // answer with counts alone
}

func (r *readRequest) parse(c *check) (reading, error) {
	out := reading{table: checkName(c, r.TableName)}
	oneOf(c, r.ReturnConsumedCapacity, "returnConsumedCapacity", "INDEXES", "TOTAL", "NONE")
	oneOf(c, r.Select, "select", "SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")
	if r.Limit != nil {
		out.limit = *r.Limit
		c.That(out.limit >= 1, fmt.Sprintf("'%d'", out.limit), "limit", "have value greater than or equal to 1")
	}
	if err := fault(c); err != nil {
		return out, err
	}
	if err := r.refuse(); err != nil {
		return out, err
	}
	if r.IndexName != nil {
		return out, invalid("The table does not have the specified index: " + *r.IndexName)
	}
	p := expr.NewParser(r.ExpressionAttributeNames, valuesOf(r.ExpressionAttributeValues))
	var err error
	if r.FilterExpression != nil {
		if out.filter, err = p.Condition("FilterExpression", *r.FilterExpression); err != nil {
			return out, err
		}
	}
	if r.ProjectionExpression != nil {
		if out.projection, err = p.Projection(*r.ProjectionExpression); err != nil {
			return out, err
		}
	}
	if r.KeyConditionExpression != nil {
		if out.keys, err = p.KeyCondition(*r.KeyConditionExpression); err != nil {
			return out, err
		}
	}
	if err := out.selects(r.Select); err != nil {
		return out, err
	}
	used := r.FilterExpression != nil || r.ProjectionExpression != nil || r.KeyConditionExpression != nil
	return out, unused(p, used, r.ExpressionAttributeNames, r.ExpressionAttributeValues)
}

// selects takes in Select.
func (r *reading) selects(s *string) error {
	if s == nil {
		return nil
	}
	switch {
	case r.projection != nil && *s != "SPECIFIC_ATTRIBUTES":
		return invalid("Cannot specify the ProjectionExpression when choosing to get " + *s)
	case r.projection == nil && *s == "SPECIFIC_ATTRIBUTES":
		return invalid("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case *s == "ALL_PROJECTED_ATTRIBUTES":
		return invalid("One or more parameter values were invalid: Select type ALL_PROJECTED_ATTRIBUTES is not supported for the table without index")
	}
	r.count = *s == "COUNT"
	return nil
}

func (a *api) getItem(ctx context.Context, body []byte) ([]byte, error) {
	var r readRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	c.That(r.Key != nil, "null", "key", "not be null")
	q, err := r.parse(&c)
	if err != nil {
		return nil, err
	}
	it, err := a.tables.Get(ctx, q.table, r.Key)
	if err != nil {
		return nil, err
	}
	dst := []byte{'{'}
	if it != nil {
		dst = item.AppendJSON(append(dst, `"Item":`...), q.projection.Apply(it))
	}
	if units := r.ReturnConsumedCapacity; units != nil && *units != "NONE" {
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = appendCapacity(append(dst, `"ConsumedCapacity":`...), q.table, r.readUnits(item.Size(it)), *units)
	}
	return append(dst, '}'), nil
}

// readUnits returns the read capacity units for bytes that were read: one for
// each four kilobytes, half as much for an eventually consistent read.
func (r *readRequest) readUnits(bytes int) float64 {
	units := float64(max((bytes+4095)/4096, 1))
	if r.ConsistentRead == nil || !*r.ConsistentRead {
		units /= 2
	}
	return units
}

func (a *api) query(ctx context.Context, body []byte) ([]byte, error) {
	var r readRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	q, err := r.parse(&c)
	if err != nil {
		return nil, err
	}
	if q.keys == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	page, err := a.tables.Query(ctx, table.QueryRequest{
		Table: q.table, Condition: q.keys, Filter: q.filter, Limit: q.limit, Start: r.ExclusiveStartKey,
		Backward: r.ScanIndexForward != nil && !*r.ScanIndexForward,
	})
	if err != nil {
		return nil, err
	}
	return r.page(q, page), nil
}

func (a *api) scan(ctx context.Context, body []byte) ([]byte, error) {
	var r readRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var c check
	q, err := r.parse(&c)
	if err != nil {
		return nil, err
	}
	req := table.ScanRequest{Table: q.table, Filter: q.filter, Limit: q.limit, Start: r.ExclusiveStartKey}
	switch {
	case r.TotalSegments == nil && r.Segment == nil:
	case r.TotalSegments == nil:
		return nil, invalid("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case r.Segment == nil:
		return nil, invalid("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *r.TotalSegments < 1 || *r.TotalSegments > 1000000:
		return nil, invalid(fmt.Sprintf("1 validation error detected: Value '%d' at 'totalSegments' failed to satisfy constraint: Member must have value between 1 and 1000000", *r.TotalSegments))
	case *r.Segment < 0 || *r.Segment >= *r.TotalSegments:
		return nil, invalid(fmt.Sprintf("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *r.Segment, *r.TotalSegments))
	default:
		req.Segment, req.Totals = *r.Segment, *r.TotalSegments
	}
	page, err := a.tables.Scan(ctx, req)
	if err != nil {
		return nil, err
	}
	return r.page(q, page), nil
}

// page encodes a page of Query or Scan.
func (r *readRequest) page(q reading, p table.Page) []byte {
	dst := []byte{'{'}
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
	dst = append(dst, `"Count":`...)
	dst = strconv.AppendInt(dst, int64(len(p.Items)), 10)
	dst = append(dst, `,"ScannedCount":`...)
	dst = strconv.AppendInt(dst, int64(p.Scanned), 10)
	if p.Last != nil {
		dst = item.AppendJSON(append(dst, `,"LastEvaluatedKey":`...), p.Last)
	}
	if units := r.ReturnConsumedCapacity; units != nil && *units != "NONE" {
		dst = appendCapacity(append(dst, `,"ConsumedCapacity":`...), q.table, r.readUnits(p.Bytes), *units)
	}
	return append(dst, '}')
}

// appendCapacity appends a ConsumedCapacity; detail is TOTAL or INDEXES.
func appendCapacity(dst []byte, name string, units float64, detail string) []byte {
	n := strconv.FormatFloat(units, 'f', 1, 64)
	dst, _ = jsontext.AppendQuote(append(dst, `{"TableName":`...), name)
	dst = append(dst, `,"CapacityUnits":`+n...)
	if detail == "INDEXES" {
		dst = append(dst, `,"Table":{"CapacityUnits":`+n+`}`...)
	}
	return append(dst, '}')
}
