package streams

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// A groupStream is a stream that the group reads or has read.
type groupStream struct {
	ARN       string
	Since     time.Time         // records of before are dropped; zero: none is
	Follows   bool              // an earlier stream was read first, so that nothing of this one may be missed
	Drained   bool              // read to its end
	iterators map[string]string // at Since, by shard; only where the group was started
}

// slack is how much earlier than the instant of start records are taken: their
// times are in whole seconds and of many clocks.
const slack = 2 * time.Second

func (o *Options) streamsKey() string { return "streams#" + o.Group + "#" + o.Table }

func (o *Options) leases(arn string) *rows {
	return &rows{db: o.Tables, table: o.State, pk: "lease#" + o.Group + "#" + arn, now: o.Now}
}

// groupStreams returns the streams that the group began, oldest first.
func (o *Options) groupStreams(ctx context.Context) (out []groupStream, err error) {
	err = query(ctx, o.Tables, o.State, o.streamsKey(), func(it attributes) {
		b := groupStream{ARN: textOf(it["sk"]), Follows: numberOf(it["follows"]) == 1, Drained: numberOf(it["drained"]) == 1}
		if ms := numberOf(it["since"]); ms != 0 {
			b.Since = time.UnixMilli(ms)
		}
		out = append(out, b)
	})
	return out, err
}

// begin records that the group reads a stream, and reports whether this call was the
// first to.
func (o *Options) begin(ctx context.Context, b groupStream) (first bool, err error) {
	it := key(o.streamsKey(), b.ARN)
	if !b.Since.IsZero() {
		it["since"] = number(b.Since.UnixMilli())
	}
	if b.Follows {
		it["follows"] = number(1)
	}
	_, err = o.Tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: &o.State, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")}, onceTables)
	if _, is := conditionFailed(err); is {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("streams: state table %s: %w", o.State, err)
	}
	return true, nil
}

// drain notes that a stream was read to its end.
func (o *Options) drain(ctx context.Context, arn string) error {
	_, err := o.Tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &o.State, Key: key(o.streamsKey(), arn), UpdateExpression: aws.String("SET drained = :one"), ExpressionAttributeValues: attributes{":one": number(1)},
	}, onceTables)
	return err
}

// latest returns the table's newest stream and whether it is enabled. Errors:
// ErrNoTable, ErrNoStream.
func (o *Options) latest(ctx context.Context) (arn string, enabled bool, err error) {
	out, err := o.Tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &o.Table}, onceTables)
	var none *dbtypes.ResourceNotFoundException
	switch {
	case errors.As(err, &none):
		return "", false, fmt.Errorf("%w: %s", ErrNoTable, o.Table)
	case err != nil:
		return "", false, fmt.Errorf("streams: table %s: %w", o.Table, err)
	}
	spec := out.Table.StreamSpecification
	enabled = spec != nil && aws.ToBool(spec.StreamEnabled)
	if out.Table.LatestStreamArn == nil {
		return "", false, o.noStream()
	}
	return *out.Table.LatestStreamArn, enabled, nil
}

func (o *Options) noStream() error {
	return fmt.Errorf("%w: enable it: aws dynamodb update-table --table-name %s --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES", ErrNoStream, o.Table)
}

// start begins the first stream of a group that is new.
func (o *Options) start(ctx context.Context) (groupStream, error) {
	arn, enabled, err := o.latest(ctx)
	if err == nil && !enabled {
		err = o.noStream()
	}
	if err != nil {
		return groupStream{}, err
	}
	if o.Start == TrimHorizon {
		_, err := o.begin(ctx, groupStream{ARN: arn})
		return groupStream{ARN: arn}, err
	}
	return o.startLatest(ctx, arn)
}

// startLatest begins a stream at this instant. What is written after it
// returned has a time after Since. Shards that are closed by now are at their
// end, and iterators at the end of the others spare reading them from the start;
// both only save work.
func (o *Options) startLatest(ctx context.Context, arn string) (groupStream, error) {
	s := newSession(o, groupStream{ARN: arn}, nil)
	found, err := s.list(ctx)
	if err != nil {
		return groupStream{}, fmt.Errorf("streams: %s: %w", arn, err)
	}
	b := groupStream{ARN: arn, iterators: map[string]string{}}
	var closed []string
	for _, id := range slices.Sorted(maps.Keys(found.shards)) {
		if found.shards[id].closed {
			closed = append(closed, id)
			continue
		}
		out, err := o.Streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: &arn, ShardId: &id, ShardIteratorType: types.ShardIteratorTypeLatest}, onceStreams)
		if err == nil {
			b.iterators[id] = aws.ToString(out.ShardIterator)
		}
	}
	out, err := o.Streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &arn, Limit: aws.Int32(1)}, onceStreams)
	if err != nil {
		return groupStream{}, fmt.Errorf("streams: %s: %w", arn, err)
	}
	at, ok := awsmiddleware.GetServerTime(out.ResultMetadata) // its clock is that of the records
	if !ok {
		at = o.Now()
	}
	b.Since = at.Add(-slack).Truncate(time.Second)
	first, err := o.begin(ctx, b)
	if err != nil || !first {
		return groupStream{ARN: arn}, err
	}
	for _, id := range closed {
		if _, err := s.rows.create(ctx, row{Shard: id, Checkpoint: atEnd, Parents: found.shards[id].parents}); err != nil {
			return b, err
		}
	}
	return b, nil
}

// next returns the stream that the group reads now, and begins it if it is
// new; ok is false while there is none.
func (o *Options) next(ctx context.Context) (b groupStream, ok bool, err error) {
	all, err := o.groupStreams(ctx)
	if err != nil {
		return groupStream{}, false, err
	}
	last := ""
	for _, b := range all {
		if !b.Drained {
			return b, true, nil
		}
		last = b.ARN
	}
	arns, err := o.listed(ctx)
	for _, arn := range arns {
		if arn > last {
			b := groupStream{ARN: arn, Follows: true}
			_, err := o.begin(ctx, b)
			return b, err == nil, err
		}
	}
	return groupStream{}, false, err
}

// listed returns the table's streams, oldest first, as far as they are known.
// Errors: ErrNoTable.
func (o *Options) listed(ctx context.Context) (arns []string, err error) {
	in := &dynamodbstreams.ListStreamsInput{TableName: &o.Table}
	for {
		out, err := o.Streams.ListStreams(ctx, in, onceStreams)
		if err != nil && faultOf(err) != gone {
			return nil, fmt.Errorf("streams: streams of %s: %w", o.Table, err)
		}
		if err != nil {
			break
		}
		for _, s := range out.Streams {
			arns = append(arns, aws.ToString(s.StreamArn))
		}
		if in.ExclusiveStartStreamArn = out.LastEvaluatedStreamArn; in.ExclusiveStartStreamArn == nil {
			break
		}
	}
	arn, _, err := o.latest(ctx)
	if arn != "" {
		arns = append(arns, arn)
	}
	slices.SortFunc(arns, strings.Compare)
	if errors.Is(err, ErrNoStream) {
		err = nil
	}
	return arns, err
}
