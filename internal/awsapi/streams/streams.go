// Package streams is the wire of Amazon DynamoDB Streams over package stream.
//
// Source: Amazon DynamoDB Streams API reference; sizes and orders of answers
// as recorded from the service.
package streams

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// pageBytes is how many bytes of records one GetRecords returns.
const pageBytes = 1 << 20

// Service returns the operations over the streams.
func Service(streams *stream.Streams, region string) awsjson.Service {
	a := &api{streams, region}
	return awsjson.Service{
		TargetPrefix: "DynamoDBStreams_20120810", ContentType: "application/x-amz-json-1.0", SigningName: "dynamodb",
		Model: "com.amazonaws.dynamodb.v20120810", MapError: mapError,
		Ops: map[string]awsjson.Op{
			"ListStreams": a.listStreams, "DescribeStream": a.describeStream,
			"GetShardIterator": a.getShardIterator, "GetRecords": a.getRecords,
		},
	}
}

type api struct {
	streams *stream.Streams
	region  string
}

// mapError turns a domain error into the service's.
func mapError(err error) *awsjson.Error {
	switch {
	case errors.Is(err, stream.ErrNotFound):
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found"}
	case errors.Is(err, stream.ErrTrimmed):
		return &awsjson.Error{Type: "TrimmedDataAccessException", Message: "The operation attempted to read past the oldest stream record in a shard."}
	case errors.Is(err, stream.ErrExpired):
		return &awsjson.Error{Type: "ExpiredIteratorException", Message: "Iterator expired. The iterator was created more than 15 minutes ago."}
	case errors.Is(err, stream.ErrIterator):
		return awsjson.Validation("Invalid ShardIterator")
	}
	return nil
}

var (
	arnForm   = regexp.MustCompile(`^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[a-zA-Z0-9_.-]+/stream/[0-9T:.-]+$`)
	shardForm = awsjson.Text{Min: 28, Max: 65}
	arnText   = awsjson.Text{Min: 37, Max: 1024}
)

// find returns the stream of an ARN.
func (a *api) find(arn string) (*stream.Stream, error) {
	if !arnForm.MatchString(arn) {
		return nil, awsjson.Validation("Invalid StreamArn")
	}
	st, err := a.streams.Get(arn)
	if errors.Is(err, stream.ErrNotFound) {
		return nil, &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found: Stream: " + arn + " not found"}
	}
	return st, err
}

type listed struct{ StreamArn, TableName, StreamLabel string }

func (a *api) listStreams(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		TableName               *string
		Limit                   *int
		ExclusiveStartStreamArn *string
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.TableName, "tableName", awsjson.Text{Min: 3, Max: 255})
	awsjson.Range(&v, r.Limit, "limit", 1, 100)
	if err := v.Err(); err != nil {
		return nil, err
	}
	table, after, limit := "", "", 100
	if r.TableName != nil {
		table = *r.TableName
	}
	if r.Limit != nil {
		limit = *r.Limit
	}
	if r.ExclusiveStartStreamArn != nil {
		if after = *r.ExclusiveStartStreamArn; !arnForm.MatchString(after) {
			return nil, awsjson.Validation("Invalid StreamArn")
		}
	}
	found, _ := a.streams.List(table, after, limit)
	out := struct {
		Streams                []listed
		LastEvaluatedStreamArn string `json:",omitzero"`
	}{Streams: []listed{}}
	for _, st := range found {
		out.Streams = append(out.Streams, listed{st.ARN(), st.Table(), st.Label()})
	}
	if len(found) == limit {
		out.LastEvaluatedStreamArn = found[limit-1].ARN()
	}
	return json.Marshal(out)
}

type keyElement struct{ AttributeName, KeyType string }

type seqRange struct {
	StartingSequenceNumber string
	EndingSequenceNumber   string `json:",omitzero"`
}

type shard struct {
	ShardId             string
	SequenceNumberRange seqRange
	ParentShardId       string `json:",omitzero"`
}

type description struct {
	StreamArn               string
	StreamLabel             string
	StreamStatus            string
	StreamViewType          string
	CreationRequestDateTime float64
	TableName               string
	KeySchema               []keyElement
	Shards                  []shard
	LastEvaluatedShardId    string `json:",omitzero"`
}

func (a *api) describeStream(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		StreamArn             *string
		Limit                 *int
		ExclusiveStartShardId *string
		ShardFilter           *struct{ Type, ShardId *string }
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(r.StreamArn, "streamArn", arnText)
	awsjson.Range(&v, r.Limit, "limit", 1, 100)
	v.Text(r.ExclusiveStartShardId, "exclusiveStartShardId", shardForm)
	parent := ""
	if f := r.ShardFilter; f != nil {
		v.RequiredText(f.Type, "shardFilter.type", awsjson.Text{Enum: []string{"CHILD_SHARDS"}})
		v.RequiredText(f.ShardId, "shardFilter.shardId", shardForm)
		if f.ShardId != nil {
			parent = *f.ShardId
		}
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	st, err := a.find(*r.StreamArn)
	if err != nil {
		return nil, err
	}
	limit, after := 100, ""
	if r.Limit != nil {
		limit = *r.Limit
	}
	if r.ExclusiveStartShardId != nil {
		after = *r.ExclusiveStartShardId
	}
	return json.Marshal(map[string]any{"StreamDescription": describe(st, parent, after, limit)})
}

// describe tells of a stream: its shards, or the children of parent, after the
// shard after.
func describe(st *stream.Stream, parent, after string, limit int) description {
	out := description{
		StreamArn: st.ARN(), StreamLabel: st.Label(), StreamStatus: "ENABLED", StreamViewType: string(st.View()),
		CreationRequestDateTime: float64(st.Created().UnixMilli()) / 1000, TableName: st.Table(), Shards: []shard{},
	}
	if !st.Enabled() {
		out.StreamStatus = "DISABLED"
	}
	for i, k := range st.Schema().Attrs() {
		out.KeySchema = append(out.KeySchema, keyElement{k.Name, [...]string{"HASH", "RANGE"}[i]})
	}
	for _, s := range st.Shards() {
		if s.ID <= after || parent != "" && s.Parent != parent {
			continue
		}
		if len(out.Shards) == limit {
			out.LastEvaluatedShardId = out.Shards[limit-1].ShardId
			break
		}
		w := shard{ShardId: s.ID, ParentShardId: s.Parent, SequenceNumberRange: seqRange{StartingSequenceNumber: stream.FormatSeq(s.First)}}
		if !s.Open() {
			w.SequenceNumberRange.EndingSequenceNumber = stream.FormatSeq(s.Last)
		}
		out.Shards = append(out.Shards, w)
	}
	return out
}

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

func (a *api) getRecords(_ context.Context, body []byte) ([]byte, error) {
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
	dst = fmt.Appendf(dst, `,"SequenceNumber":"%s","SizeBytes":%d,"StreamViewType":"%s"}`, stream.FormatSeq(r.Seq), r.Size, r.Stream.View())
	if r.Expired {
		dst = append(dst, `,"userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"}`...)
	}
	return append(dst, '}')
}
