package streams

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A fault is what an error of a server means to a reader.
type fault int

const (
	transient fault = iota // may heal: asked again
	throttled              // asked again, slower
	expired                // the iterator: a new one is made
	trimmed                // records were removed before they were read
	gone                   // the shard, the stream or the table
	refused                // the request, or those that made it: asked again, seldom
)

// faultOf returns what an error means.
func faultOf(err error) fault {
	var (
		old     *types.ExpiredIteratorException
		cut     *types.TrimmedDataAccessException
		noShard *types.ResourceNotFoundException
		noTable *dbtypes.ResourceNotFoundException
		api     smithy.APIError
	)
	switch {
	case errors.As(err, &old):
		return expired
	case errors.As(err, &cut):
		return trimmed
	case errors.As(err, &noShard), errors.As(err, &noTable):
		return gone
	case !errors.As(err, &api):
		return transient
	}
	switch api.ErrorCode() {
	case "LimitExceededException", "ThrottlingException", "Throttling", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "TooManyRequestsException":
		return throttled
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 4 {
		return refused
	}
	return transient
}

// conditionFailed returns the failure of a conditional write whose condition did not
// hold.
func conditionFailed(err error) (*dbtypes.ConditionalCheckFailedException, bool) {
	var failed *dbtypes.ConditionalCheckFailedException
	ok := errors.As(err, &failed)
	return failed, ok
}

// The reader tries again by itself, per shard and at its own pace, so that its
// clients must not.
func onceTables(o *dynamodb.Options)         { o.Retryer = aws.NopRetryer{} }
func onceStreams(o *dynamodbstreams.Options) { o.Retryer = aws.NopRetryer{} }
