package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// constraints checks what the model says of the members of Query and Scan.
func (r *readRequest) constraints(v *awsjson.Validator) error {
	v.Text(r.Select, "select", selects)
	v.Text(r.IndexName, "indexName", nameText)
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	r.legacyConstraints(v)
	return v.Err()
}

// holder counts the items of a page before they are kept: as they are, and as the
// answer has them.
func holder(ctx context.Context) func(bytes int) error {
	return func(bytes int) error { return awsjson.Hold(ctx, 2*bytes) }
}

// holdItems counts items that were read together, before the answer is made of them.
func holdItems(ctx context.Context, items []item.Item) error {
	bytes := 0
	for _, it := range items {
		bytes += item.Size(it)
	}
	return awsjson.Hold(ctx, 2*bytes)
}

func (a *api) query(ctx context.Context, body []byte) ([]byte, error) {
	var r readRequest
	q, err := r.decodeQuery(a, body)
	if err != nil {
		return nil, err
	}
	paths := func() error { return a.tables.CheckPaths(q.table, q.projection.Paths()) }
	if err := first(paths, func() error { return a.choose(&r, q) }, func() error { return r.checkKeyCount(q) }); err != nil {
		return nil, err
	}
	page, err := a.tables.Query(ctx, table.QueryRequest{
		Table: q.table, Index: q.indexName(), Condition: q.keys, Filter: q.filter, Limit: r.limit(), Start: r.ExclusiveStartKey.m,
		Backward: r.ScanIndexForward != nil && !*r.ScanIndexForward, Fetch: q.whole, Hold: holder(ctx),
	})
	if err != nil {
		return nil, r.reworded(err)
	}
	return r.page(q, page), nil
}

func (r *readRequest) decodeQuery(a *api, body []byte) (*reading, error) {
	q, err := r.decode(a, body)
	if err != nil {
		return nil, err
	}
	r.ScanFilter = nil // of Scan
	var v awsjson.Validator
	if r.Limit != nil && *r.Limit < 1 {
		// Query names its limit in another way than Scan.
		v.FailAt("Limit", "Member must have value greater than or equal to 1")
	}
	if err := r.constraints(&v); err != nil {
		return nil, err
	}
	return q, bare(first(
		func() error { return r.combine(r.queryExpressions(), r.queryLegacy()) },
		func() error { return r.parseLegacy(q, r.QueryFilter) },
		r.startKey,
		func() error {
			if r.KeyConditionExpression == nil && r.KeyConditions == nil {
				return awsjson.Validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
			}
			return nil
		},
		r.check,
		func() error { return r.selected(q, "Querying", prefix) },
		func() error { return r.parse(q) },
		func() error { return r.parseKeys(q) },
	))
}

func (r *readRequest) queryExpressions() []param {
	return []param{
		r.projection(), {"FilterExpression", r.FilterExpression != nil},
		{"KeyConditionExpression", r.KeyConditionExpression != nil},
	}
}

func (r *readRequest) queryLegacy() []param {
	legacy := []param{
		r.attributesToGet(), {"QueryFilter", r.QueryFilter != nil},
		{"ConditionalOperator", r.ConditionalOperator != nil},
	}
	// DynamoDB does not mind KeyConditions beside other expressions.
	if r.KeyConditionExpression != nil || r.FilterExpression == nil && r.ProjectionExpression == nil {
		legacy = append(legacy, param{"KeyConditions", r.KeyConditions != nil})
	}
	return legacy
}

func (a *api) scan(ctx context.Context, body []byte) ([]byte, error) {
	var r readRequest
	q, err := r.decodeScan(a, body)
	if err != nil {
		return nil, err
	}
	if err := a.tables.CheckPaths(q.table, q.projection.Paths()); err != nil {
		return nil, err
	}
	if err := a.choose(&r, q); err != nil {
		return nil, err
	}
	req := table.ScanRequest{Table: q.table, Index: q.indexName(), Filter: q.filter, Limit: r.limit(), Start: r.ExclusiveStartKey.m, Fetch: q.whole, Hold: holder(ctx)}
	if r.TotalSegments != nil {
		req.Segment, req.TotalSegments = *r.Segment, *r.TotalSegments
	}
	page, err := a.tables.Scan(ctx, req)
	if err != nil {
		return nil, err
	}
	return r.page(q, page), nil
}

func (r *readRequest) decodeScan(a *api, body []byte) (*reading, error) {
	q, err := r.decode(a, body)
	if err != nil {
		return nil, err
	}
	r.KeyConditionExpression, r.KeyConditions, r.QueryFilter = nil, nil, nil // of Query
	var v awsjson.Validator
	awsjson.Range(&v, r.Limit, "limit", 1, 0)
	awsjson.Range(&v, r.Segment, "segment", 0, 999999)
	awsjson.Range(&v, r.TotalSegments, "totalSegments", 1, 1000000)
	if err := r.constraints(&v); err != nil {
		return nil, err
	}
	return q, bare(first(
		func() error {
			return r.combine([]param{r.projection(), {"FilterExpression", r.FilterExpression != nil}}, []param{
				r.attributesToGet(), {"ScanFilter", r.ScanFilter != nil},
				{"ConditionalOperator", r.ConditionalOperator != nil},
			})
		},
		func() error { return r.parseLegacy(q, r.ScanFilter) },
		r.startKey,
		r.segments,
		r.check,
		func() error { return r.selected(q, "Scanning", "") },
		func() error { return r.parse(q) },
	))
}

// segments checks that both parameters of a parallel scan are given, or none.
func (r *readRequest) segments() error {
	switch {
	case r.Segment == nil && r.TotalSegments == nil:
		return nil
	case r.TotalSegments == nil:
		return awsjson.Validation("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case r.Segment == nil:
		return awsjson.Validation("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	case *r.Segment >= *r.TotalSegments:
		return awsjson.Validation(fmt.Sprintf("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *r.Segment, *r.TotalSegments))
	default:
		return nil
	}
}

// startKey checks the values of ExclusiveStartKey. Complaints about numbers and
// duplicates do not name it.
func (r *readRequest) startKey() error {
	var invalid *item.Error
	if !errors.As(r.ExclusiveStartKey.err, &invalid) {
		return nil
	}
	msg, _ := text(invalid)
	ends := func(end string) bool { return strings.HasSuffix(msg, end) }
	empty := strings.HasPrefix(msg, invalidOnes) && slices.ContainsFunc([]string{"may not be empty", "should not be empty", nullFalse}, ends)
	if empty || strings.HasPrefix(msg, "Supplied AttributeValue ") {
		return awsjson.Validation("The provided starting key is invalid: " + msg)
	}
	return awsjson.Validation(msg)
}
