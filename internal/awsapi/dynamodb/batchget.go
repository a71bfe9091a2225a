package dynamodb

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// readBatch reads the keys of a checked BatchGetItem and encodes the answer.
// Keys beyond maxBatchGetBytes are given back as unprocessed.
func (a *api) readBatch(ctx context.Context, r *batchGetRequest, readings map[string]*reading) ([]byte, error) {
	var sums tally
	dst, left := []byte(`{"Responses":{`), []byte(nil)
	bytes, tables := 0, 0
	for name, k := range inOrder(r.RequestItems) {
		q := readings[name]
		if tables++; tables > 1 {
			dst = append(dst, ',')
		}
		dst = append(appendName(dst, name), '[')
		found, read := 0, 0
		for _, key := range k.Keys {
			if bytes >= maxBatchGetBytes {
				break
			}
			read++
			it, err := a.tables.Get(ctx, q.table, key.m)
			if err != nil {
				return nil, err
			}
			size := item.Size(it)
			sums.add(q.table, readUnits(size, k.ConsistentRead))
			if it == nil {
				continue
			}
			if found++; found > 1 {
				dst = append(dst, ',')
			}
			bytes += size
			if err := awsjson.Hold(ctx, 2*size); err != nil {
				return nil, err
			}
			dst = item.AppendJSON(dst, q.projection.Apply(it))
		}
		dst = append(dst, ']')
		if read < len(k.Keys) {
			left = k.appendRest(left, name, read)
		}
	}
	dst = append(append(append(dst, `},"UnprocessedKeys":{`...), left...), '}')
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = sums.appendTo(dst, *r.ReturnConsumedCapacity, "")
	}
	return append(dst, '}'), nil
}

// appendRest appends what is left to ask of a table after the keys that were
// read.
func (k *keysAndAttributes) appendRest(dst []byte, name string, read int) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = append(appendName(dst, name), `{"Keys":[`...)
	for i, key := range k.Keys[read:] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item.AppendJSON(dst, key.m)
	}
	dst = append(dst, ']')
	if k.ConsistentRead != nil && *k.ConsistentRead {
		dst = append(dst, `,"ConsistentRead":true`...)
	}
	for i, name := range k.AttributesToGet {
		dst = append(dst, []string{`,"AttributesToGet":[`, `,`}[min(i, 1)]...)
		dst, _ = jsontext.AppendQuote(dst, name)
	}
	if k.AttributesToGet != nil {
		dst = append(dst, ']')
	}
	if k.ProjectionExpression != nil {
		dst, _ = jsontext.AppendQuote(append(dst, `,"ProjectionExpression":`...), *k.ProjectionExpression)
	}
	if len(k.ExpressionAttributeNames) > 0 {
		dst = append(dst, `,"ExpressionAttributeNames":{`...)
		n := 0
		for alias, attribute := range inOrder(k.ExpressionAttributeNames) {
			if n++; n > 1 {
				dst = append(dst, ',')
			}
			dst, _ = jsontext.AppendQuote(appendName(dst, alias), attribute)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendName appends the name of a member and the colon.
func appendName(dst []byte, name string) []byte {
	dst, _ = jsontext.AppendQuote(dst, name)
	return append(dst, ':')
}
