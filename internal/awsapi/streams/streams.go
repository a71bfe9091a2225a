// Package streams serves the API of Amazon DynamoDB Streams from package stream: it
// decodes a request, makes one domain call, and encodes the answer.
//
// Members that have no value are absent from answers, never null: a reader
// knows the end of a closed shard by the absence of NextShardIterator.
//
// Source: Amazon DynamoDB Streams API reference and the service's model; sizes,
// orders and refusals as recorded from the service.
package streams

import (
	"errors"
	"net/http"
	"regexp"
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// Service returns the operations of DynamoDB Streams. The account and the region are
// the node's; the region appears in records.
func Service(streams *stream.Streams, account, region string) awsjson.Service {
	a := &api{streams, account, region}
	return awsjson.Service{
		TargetPrefix: "DynamoDBStreams_20120810", ContentType: "application/x-amz-json-1.0", SigningName: "dynamodb",
		Model: "com.amazonaws.dynamodb.v20120810", MapError: mapError,
		Ops: awsjson.Bind("dynamodb", a, operations),
	}
}

// Operations returns all operations of DynamoDB Streams' model in order of their names.
func Operations() []awsjson.Operation[call] { return slices.Clone(operations) }

type call = awsjson.Method[*api]

var operations = []awsjson.Operation[call]{
	{"DescribeStream", awsjson.Partial, "A stream is ENABLED or DISABLED at once. How many shards it has, and when they are rotated and split, is up to the settings of streams.", call{(*api).describeStream, onStream}},
	{"GetRecords", awsjson.Partial, "A record is there as soon as the write is answered, for as long as the settings of streams keep it, 24 hours unless they say otherwise.", call{(*api).getRecords, onIterator}},
	{"GetShardIterator", awsjson.Full, "", call{(*api).getShardIterator, onStream}},
	{"ListStreams", awsjson.Full, "", call{(*api).listStreams, onStreams}},
}

type api struct {
	streams *stream.Streams
	account string
	region  string
}

// mapError turns a domain error into the service's; nil is one that no request
// should meet, such as a damaged store.
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
	case errors.Is(err, kv.ErrClosed):
		return &awsjson.Error{Type: "InternalServerError", Status: http.StatusInternalServerError, Message: "The node is shutting down."}
	default:
		return nil
	}
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
