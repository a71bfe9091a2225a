package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A writeElement is one request of BatchWriteItem.
type writeElement struct {
	PutRequest    *struct{ Item attributes }
	DeleteRequest *struct{ Key attributes }
}

type batchWriteRequest struct {
	RequestItems                map[string][]writeElement `model:"WriteRequest"`
	ReturnConsumedCapacity      *string
	ReturnItemCollectionMetrics *string
}

func (a *api) batchWriteItem(ctx context.Context, body []byte) ([]byte, error) {
	var r batchWriteRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.constraints(a); err != nil {
		return nil, err
	}
	writes, err := r.writes(a)
	if err != nil {
		return nil, bare(err)
	}
	results, err := a.tables.Batch(ctx, writes)
	if err != nil {
		return nil, wrongKey(err)
	}
	dst := []byte(`{"UnprocessedItems":{}`)
	if wantsCapacity(r.ReturnConsumedCapacity) {
		var sums tally
		for i, w := range writes {
			sums.add(w.Table, results[i].Units)
		}
		dst = sums.appendTo(dst, *r.ReturnConsumedCapacity, "")
	}
	if wantsMetrics(r.ReturnItemCollectionMetrics) {
		dst = appendCollections(dst, results)
	}
	return append(dst, '}'), nil
}

// wrongKey returns, in the words of BatchWriteItem, the error that an item lacks a
// key attribute or has one of another type.
func wrongKey(err error) error {
	var invalid *table.ValidationError
	if errors.As(err, &invalid) && (strings.HasPrefix(invalid.Msg, invalidOnes+"Missing the key ") || strings.HasPrefix(invalid.Msg, invalidOnes+"Type mismatch for key ")) {
		return awsjson.Validation("The provided key element does not match the schema")
	}
	return err
}

// constraints checks what the model says of the members.
func (r *batchWriteRequest) constraints(a *api) error {
	var v awsjson.Validator
	if r.RequestItems != nil && len(r.RequestItems) == 0 {
		return awsjson.Validation("The requestItems parameter is required for BatchWriteItem")
	}
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	v.Text(r.ReturnItemCollectionMetrics, "returnItemCollectionMetrics", metrics)
	v.Required(r.RequestItems != nil, "requestItems")
	shown := shownMap(r.RequestItems)
	mapKeys(a, &v, r.RequestItems, shown)
	for _, elements := range inOrder(r.RequestItems) {
		if len(elements) < 1 || len(elements) > table.MaxBatchWrite {
			v.Fail(shown, "requestItems", "Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]")
			break
		}
	}
	for name, elements := range inOrder(r.RequestItems) {
		for i, e := range elements {
			at := fmt.Sprintf("requestItems.%s.member.%d.member.", name, i+1)
			v.Required(e.DeleteRequest == nil || e.DeleteRequest.Key.m != nil, at+"deleteRequest.key")
			v.Required(e.PutRequest == nil || e.PutRequest.Item.m != nil, at+"putRequest.item")
		}
	}
	return v.Err()
}

// writes checks each request and returns them in the order of their tables.
func (r *batchWriteRequest) writes(a *api) ([]table.BatchWrite, error) {
	var out []table.BatchWrite
	for name, elements := range inOrder(r.RequestItems) {
		for _, e := range elements {
			w := table.BatchWrite{Table: a.plainName(name)}
			subject := attributes{}
			switch {
			case (e.PutRequest == nil) == (e.DeleteRequest == nil):
				return nil, awsjson.Validation("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
			case e.PutRequest != nil:
				subject = e.PutRequest.Item
				w.Put = subject.m
			default:
				subject = e.DeleteRequest.Key
				w.Delete = subject.m
			}
			if subject.err != nil {
				return nil, subject.err
			}
			out = append(out, w)
		}
	}
	if len(out) > table.MaxBatchWrite {
		return nil, awsjson.Validation("Too many items requested for the BatchWriteItem call")
	}
	return out, nil
}

// inOrder yields the entries of a map in order of their keys.
func inOrder[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// mapKeys checks the table names of a batch.
func mapKeys[V any](a *api, v *awsjson.Validator, m map[string]V, shown string) {
	for name := range inOrder(m) {
		if plain := a.plainName(name); !isForeign(plain) && (len(plain) < dataText.Min || len(plain) > dataText.Max || !isName(plain)) {
			v.Fail(shown, "requestItems", "Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]")
			return
		}
	}
}

// shownMap prints a map of requests for an error, without what is in them.
func shownMap[V any](m map[string]V) string {
	var parts []string
	for name := range inOrder(m) {
		parts = append(parts, name+"=[...]")
	}
	return awsjson.Quote("{" + strings.Join(parts, ", ") + "}")
}

// A keysAndAttributes is what BatchGetItem asks of one table.
type keysAndAttributes struct {
	Keys                     []attributes
	ConsistentRead           *bool
	ProjectionExpression     *string
	AttributesToGet          []string
	ExpressionAttributeNames expr.Names
}

type batchGetRequest struct {
	RequestItems           map[string]keysAndAttributes
	ReturnConsumedCapacity *string
}

const (
	maxBatchGet      = 100
	maxBatchGetBytes = 16 << 20 // of items in one answer
)

func (r *batchGetRequest) constraints(a *api) error {
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	v.Required(r.RequestItems != nil, "requestItems")
	if r.RequestItems != nil && len(r.RequestItems) == 0 {
		v.FailAt("RequestItems", "Member must have length greater than or equal to 1")
	}
	mapKeys(a, &v, r.RequestItems, shownMap(r.RequestItems))
	for name, k := range inOrder(r.RequestItems) {
		at := "requestItems." + name + ".member.keys"
		v.Required(k.Keys != nil, at)
		switch {
		case len(k.Keys) > maxBatchGet:
			v.FailAt("RequestItems."+name+".member.Keys", "Member must have length less than or equal to 100")
		case k.Keys != nil:
			v.Length(len(k.Keys), "'[]'", at, 1, maxBatchGet)
		}
		if k.AttributesToGet != nil {
			v.Length(len(k.AttributesToGet), "'[]'", "requestItems."+name+".member.attributesToGet", 1, 0)
		}
	}
	return v.Err()
}

// check checks what is asked of one table and returns the projection.
func (k *keysAndAttributes) parse() (*reading, error) {
	r := readRequest{ProjectionExpression: k.ProjectionExpression, AttributesToGet: k.AttributesToGet, substitutes: substitutes{ExpressionAttributeNames: k.ExpressionAttributeNames}}
	q := &reading{}
	if err := r.combine([]param{r.projection()}, []param{r.attributesToGet()}); err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(k.Keys))
	for _, key := range k.Keys {
		if key.err != nil {
			return nil, key.err
		}
		id := string(item.AppendBinary(nil, key.m))
		if seen[id] {
			return nil, awsjson.Validation("Provided list of item keys contains duplicates")
		}
		seen[id] = true
	}
	return q, first(func() error { return r.parseLegacy(q, nil) }, func() error { return r.parse(q) })
}

func (a *api) batchGetItem(ctx context.Context, body []byte) ([]byte, error) {
	var r batchGetRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.constraints(a); err != nil {
		return nil, err
	}
	readings, total := map[string]*reading{}, 0
	for name, k := range inOrder(r.RequestItems) {
		q, err := k.parse()
		if err != nil {
			return nil, bare(err)
		}
		q.table = a.plainName(name)
		readings[name] = q
		total += len(k.Keys)
	}
	if total > maxBatchGet {
		return nil, awsjson.Validation("Too many items requested for the BatchGetItem call")
	}
	for _, q := range inOrder(readings) {
		if _, err := a.tables.Describe(q.table); err != nil {
			return nil, err
		}
		if err := a.tables.CheckPaths(q.table, q.projection.Paths()); err != nil {
			return nil, err
		}
	}
	return a.readBatch(ctx, &r, readings)
}
