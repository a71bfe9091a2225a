package streams

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// pageBytes is how many bytes of records one GetRecords returns.
const pageBytes = 1 << 20

func (a *api) getShardIterator(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ StreamArn, ShardId, ShardIteratorType, SequenceNumber *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(r.StreamArn, "streamArn", arnText)
	v.RequiredText(r.ShardId, "shardId", shardForm)
	v.RequiredText(r.ShardIteratorType, "shardIteratorType", awsjson.Text{Enum: []string{"AFTER_SEQUENCE_NUMBER", "LATEST", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"}})
	v.Text(r.SequenceNumber, "sequenceNumber", awsjson.Text{Min: 21, Max: 40})
	if err := v.Err(); err != nil {
		return nil, err
	}
	start := stream.Start(*r.ShardIteratorType)
	numbered := start == stream.AtSeq || start == stream.AfterSeq
	var seq uint64
	switch {
	case numbered && r.SequenceNumber == nil:
		return nil, awsjson.Validation("Missing required SequenceNumber for ShardIteratorType " + string(start))
	case !numbered && r.SequenceNumber != nil:
		return nil, awsjson.Validation("SequenceNumber must not be given for ShardIteratorType " + string(start))
	case numbered:
		var err error
		if seq, err = stream.ParseSeq(*r.SequenceNumber); err != nil {
			return nil, awsjson.Validation("Invalid SequenceNumber: " + *r.SequenceNumber)
		}
	}
	st, err := a.find(*r.StreamArn)
	if err != nil {
		return nil, err
	}
	token, err := st.Iterator(*r.ShardId, start, seq)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"ShardIterator": token})
}

func (a *api) getRecords(ctx context.Context, body []byte) ([]byte, error) {
	var r struct {
		ShardIterator *string
		Limit         *int
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(r.ShardIterator, "shardIterator", awsjson.Text{Min: 1, Max: 2048})
	awsjson.Range(&v, r.Limit, "limit", 1, 1000)
	if err := v.Err(); err != nil {
		return nil, err
	}
	limit := 1000
	if r.Limit != nil {
		limit = *r.Limit
	}
	records, next, err := a.streams.Records(*r.ShardIterator, limit, pageBytes)
	if err != nil {
		return nil, err
	}
	bytes := 0
	for i := range records {
		bytes += records[i].Size
	}
	if err := awsjson.Hold(ctx, 2*bytes); err != nil {
		return nil, err
	}
	dst := []byte(`{"Records":[`)
	for i := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = a.appendRecord(dst, &records[i])
	}
	dst = append(dst, ']')
	if next != "" {
		dst = append(dst, `,"NextShardIterator":`+strconv.Quote(next)...)
	}
	return append(dst, '}'), nil
}

// appendRecord appends a record as the Streams API has it.
func (a *api) appendRecord(dst []byte, r *stream.Record) []byte {
	dst = fmt.Appendf(dst, `{"eventID":"%s","eventName":"%s","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"%s","dynamodb":{"ApproximateCreationDateTime":%d`,
		r.EventID(), r.Op, a.region, r.Time.Unix())
	for _, image := range []struct {
		name string
		item item.Item
	}{{"Keys", r.Keys}, {"NewImage", r.New}, {"OldImage", r.Old}} {
		if image.item != nil {
			dst = append(dst, `,"`+image.name+`":`...)
			dst = item.AppendJSON(dst, image.item)
		}
	}
	dst = fmt.Appendf(dst, `,"SequenceNumber":"%s","SizeBytes":%d,"StreamViewType":"%s"}`, r.Sequence(), r.Size, r.View())
	if r.Expired {
		dst = append(dst, `,"userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"}`...)
	}
	return append(dst, '}')
}
