package dynamodb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A transactWrite is one element of TransactWriteItems: one of its members.
type transactWrite struct {
	ConditionCheck *writeRequest `model:"ConditionCheck"`
	Put            *writeRequest `model:"Put"`
	Update         *writeRequest `model:"Update"`
	Delete         *writeRequest `model:"Delete"`
}

type transactWriteRequest struct {
	TransactItems               []transactWrite `model:"TransactWriteItem"`
	ClientRequestToken          *string
	ReturnConsumedCapacity      *string
	ReturnItemCollectionMetrics *string
}

func (a *api) transactWriteItems(ctx context.Context, body []byte) ([]byte, error) {
	var r transactWriteRequest
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.constraints(a); err != nil {
		return nil, err
	}
	x := table.Transaction{Hold: holder(ctx)}
	for i := range r.TransactItems {
		request, err := r.TransactItems[i].request(a)
		if err != nil {
			return nil, bare(err)
		}
		x.Requests = append(x.Requests, request)
		w, _ := r.TransactItems[i].only()
		x.Values += w.ExpressionAttributeValues.size()
	}
	if r.ClientRequestToken != nil {
		x.Token = *r.ClientRequestToken
		x.Hash = hashItems(body)
	}
	results, spent, err := a.tables.Transact(ctx, x)
	if err != nil {
		return nil, r.canceled(err)
	}
	return r.answer(a, results, spent), nil
}

// hashItems returns the hash of what a transaction asks for, whatever the order
// of members in the JSON.
func hashItems(body []byte) [32]byte {
	var r struct{ TransactItems, TransactStatements jsontext.Value }
	if err := json.Unmarshal(body, &r); err != nil {
		return sha256.Sum256(body)
	}
	raw := slices.Concat(r.TransactItems, r.TransactStatements)
	if err := raw.Canonicalize(); err != nil {
		return sha256.Sum256(body)
	}
	return sha256.Sum256(raw)
}

// constraints checks the request against the model.
func (r *transactWriteRequest) constraints(a *api) error {
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	v.Text(r.ReturnItemCollectionMetrics, "returnItemCollectionMetrics", metrics)
	v.Text(r.ClientRequestToken, "clientRequestToken", awsjson.Text{Min: 1, Max: 36})
	v.Required(r.TransactItems != nil, "transactItems")
	if r.TransactItems != nil {
		v.Length(len(r.TransactItems), "'[...]'", "transactItems", 1, table.MaxTransact)
	}
	for i, e := range r.TransactItems {
		at := fmt.Sprintf("transactItems.%d.member.", i+1)
		e.ConditionCheck.inTransaction(a, &v, at+"conditionCheck")
		e.Put.inTransaction(a, &v, at+"put")
		e.Update.inTransaction(a, &v, at+"update")
		e.Delete.inTransaction(a, &v, at+"delete")
	}
	return v.Err()
}

// inTransaction checks what all elements have in common and what the one at the
// path must have beside it.
func (r *writeRequest) inTransaction(a *api, v *awsjson.Validator, path string) {
	if r == nil {
		return
	}
	v.Required(r.TableName != nil, path+".tableName")
	if r.TableName != nil {
		a.itemTable(*r.TableName, path+".tableName", v)
	}
	v.Text(r.ReturnValuesOnConditionCheckFailure, path+".returnValuesOnConditionCheckFailure", returnOnFail)
	if strings.HasSuffix(path, ".put") {
		v.Required(r.Item.m != nil, path+".item")
	} else {
		v.Required(r.Key.m != nil, path+".key")
	}
	if strings.HasSuffix(path, ".conditionCheck") {
		v.Required(r.ConditionExpression != nil, path+".conditionExpression")
	}
	if strings.HasSuffix(path, ".update") {
		v.Required(r.UpdateExpression != nil, path+".updateExpression")
	}
}

// only returns the one member that the element has.
func (e *transactWrite) only() (*writeRequest, error) {
	var out *writeRequest
	n := 0
	for _, r := range []*writeRequest{e.ConditionCheck, e.Put, e.Update, e.Delete} {
		if r != nil {
			out = r
			n++
		}
	}
	if n != 1 {
		return nil, awsjson.Validation("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	return out, nil
}

// request checks an element by itself and returns the write that it asks for.
func (e *transactWrite) request(a *api) (table.Request, error) {
	r, err := e.only()
	if err != nil {
		return nil, err
	}
	w := &writing{table: a.plainName(*r.TableName)}
	if e.Update == nil {
		r.UpdateExpression = nil
	}
	expressions := r.condition()
	if e.Update != nil {
		expressions = append([]param{{"UpdateExpression", true}}, expressions...)
	}
	err = first(
		func() error { return r.combine(expressions, r.legacy()) },
		func() error { return r.Item.err },
		func() error { return r.Key.err },
		func() error { return r.parse(w) },
	)
	switch {
	case err != nil:
		return nil, err
	case e.Put != nil:
		return table.PutRequest{Table: w.table, Item: r.Item.m, Condition: w.condition}, nil
	case e.Update != nil:
		return table.UpdateRequest{Table: w.table, Key: r.Key.m, Update: w.update, Condition: w.condition}, nil
	case e.Delete != nil:
		return table.DeleteRequest{Table: w.table, Key: r.Key.m, Condition: w.condition}, nil
	default:
		return table.CheckRequest{Table: w.table, Key: r.Key.m, Condition: w.condition}, nil
	}
}

// answer encodes the answer of a transaction. What a transaction takes is twice what its writes
// take one by one; one that was made before takes reads of its items.
func (r *transactWriteRequest) answer(a *api, results []table.WriteResult, spent bool) []byte {
	dst := []byte{'{'}
	if wantsCapacity(r.ReturnConsumedCapacity) {
		var sums tally
		kind := "Write"
		if spent {
			kind = "Read"
		}
		for i := range r.TransactItems {
			w, _ := r.TransactItems[i].only()
			units := table.Units{Table: table.ReadUnits(item.Size(w.Item.m), true)}
			if !spent {
				units = results[i].Units
			}
			sums.add(a.plainName(*w.TableName), units.Scale(2))
		}
		dst = append(dst, sums.appendTo(nil, *r.ReturnConsumedCapacity, kind)[1:]...)
	}
	if wantsMetrics(r.ReturnItemCollectionMetrics) && !spent {
		comma := len(dst) > 1
		metrics := appendCollections(nil, results)
		if !comma {
			metrics = metrics[1:]
		}
		dst = append(dst, metrics...)
	}
	return append(dst, '}')
}

// canceled turns the cancellation of a transaction into its exception, with the
// items that the requests want to see.
func (r *transactWriteRequest) canceled(err error) error {
	var e *table.CanceledError
	if !errors.As(err, &e) {
		return err
	}
	out := canceledError(e)
	reasons := out.Fields["CancellationReasons"].([]reason)
	for i := range r.TransactItems {
		w, _ := r.TransactItems[i].only()
		var unmet *table.ConditionError
		if w != nil && w.ReturnValuesOnConditionCheckFailure != nil && *w.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && errors.As(e.Reasons[i], &unmet) {
			reasons[i].Item = unmet.Item
		}
	}
	return out
}

// A transactGet is one element of TransactGetItems.
type transactGet struct {
	Get *struct {
		TableName                *string
		Key                      attributes
		ProjectionExpression     *string
		ExpressionAttributeNames expr.Names
	}
}

func (a *api) transactGetItems(ctx context.Context, body []byte) ([]byte, error) {
	var r struct {
		TransactItems          []transactGet `model:"TransactGetItem"`
		ReturnConsumedCapacity *string
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.ReturnConsumedCapacity, "returnConsumedCapacity", capacities)
	if err := getConstraints(a, &v, r.TransactItems); err != nil {
		return nil, err
	}
	keys := make([]table.ItemKey, len(r.TransactItems))
	readings := make([]*reading, len(r.TransactItems))
	for i, e := range r.TransactItems {
		keys[i] = table.ItemKey{Table: a.plainName(*e.Get.TableName), Key: e.Get.Key.m}
		get := readRequest{ProjectionExpression: e.Get.ProjectionExpression, substitutes: substitutes{ExpressionAttributeNames: e.Get.ExpressionAttributeNames}}
		readings[i] = &reading{}
		err := first(
			func() error { return get.combine([]param{get.projection()}, nil) },
			func() error { return e.Get.Key.err },
			func() error { return get.parse(readings[i]) },
		)
		if err != nil {
			return nil, bare(err)
		}
		keys[i].Paths = readings[i].projection.Paths()
	}
	found, err := a.tables.TransactGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	if err := holdItems(ctx, found); err != nil {
		return nil, err
	}
	return answerGets(keys, readings, found, r.ReturnConsumedCapacity), nil
}

// getConstraints checks TransactGetItems against the model.
func getConstraints(a *api, v *awsjson.Validator, gets []transactGet) error {
	v.Required(gets != nil, "transactItems")
	if gets != nil {
		v.Length(len(gets), "'[...]'", "transactItems", 1, table.MaxTransact)
	}
	for i, e := range gets {
		at := fmt.Sprintf("transactItems.%d.member.get", i+1)
		v.Required(e.Get != nil, at)
		if e.Get == nil {
			continue
		}
		v.Required(e.Get.Key.m != nil, at+".key")
		v.Required(e.Get.TableName != nil, at+".tableName")
		if e.Get.TableName != nil {
			a.itemTable(*e.Get.TableName, at+".tableName", v)
		}
	}
	return v.Err()
}

func answerGets(keys []table.ItemKey, readings []*reading, found []item.Item, detail *string) []byte {
	var sums tally
	dst := []byte(`{"Responses":[`)
	for i, it := range found {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		if it != nil {
			dst = item.AppendJSON(append(dst, `"Item":`...), readings[i].projection.Apply(it))
		}
		dst = append(dst, '}')
		sums.add(keys[i].Table, table.Units{Table: 2 * table.ReadUnits(item.Size(it), true)})
	}
	dst = append(dst, ']')
	if wantsCapacity(detail) {
		dst = sums.appendTo(dst, *detail, "Read")
	}
	return append(dst, '}')
}

// A reason says why one request was in the way of a transaction.
type reason struct {
	Code    string
	Message string    `json:",omitzero"`
	Item    item.Item `json:",omitzero"`
}

// canceledError is the exception of a transaction that was not made.
func canceledError(e *table.CanceledError) *awsjson.Error {
	reasons := make([]reason, len(e.Reasons))
	for i, err := range e.Reasons {
		reasons[i] = reasonOf(err)
	}
	return canceledFor(reasons)
}

// canceledFor is the exception of a transaction that was not made for the
// reasons.
func canceledFor(reasons []reason) *awsjson.Error {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = r.Code
	}
	return &awsjson.Error{
		Type:    "TransactionCanceledException",
		Message: "Transaction cancelled, please refer cancellation reasons for specific reasons " + list(codes),
		Fields:  map[string]any{"CancellationReasons": reasons},
	}
}

func reasonOf(err error) reason {
	var unmet *table.ConditionError
	switch {
	case err == nil:
		return reason{Code: "None"}
	case errors.As(err, &unmet):
		return reason{Code: "ConditionalCheckFailed", Message: "The conditional request failed"}
	case errors.Is(err, table.ErrCollectionFull):
		return reason{Code: "ItemCollectionSizeLimitExceeded", Message: mapError(err).Message}
	default:
		out := reason{Code: "ValidationError", Message: err.Error()}
		if e := mapError(err); e != nil {
			out.Message = e.Message
		}
		return out
	}
}
