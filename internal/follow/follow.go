// Package follow reads the change records of a table's stream over the DynamoDB
// Streams API, live, from any server that speaks it.
//
// What the caller gets:
//
//  1. Each record after the start once, those of one item in the order of the
//     changes: no shard is read before its parent was read to its end, and
//     children are read from their beginning.
//  2. Shards that are rotated or split meanwhile are followed, as is the next
//     stream of a table whose stream is enabled anew.
//  3. A notice if records were trimmed before they could be read.
//
// At most one page of each shard is in memory.
package follow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/internal/wait"
)

// ErrNoStream means that the table has no stream.
var ErrNoStream = errors.New("follow: the table has no stream")

// Starting points beside a sequence number.
const (
	TrimHorizon = "trim-horizon" // the oldest record that is kept
	Latest      = "latest"       // what is written from now on
)

// Options say what to follow. Tables, Streams, Table and Record must be set.
type Options struct {
	Tables  *dynamodb.Client
	Streams *dynamodbstreams.Client
	Table   string
	// From is TrimHorizon, Latest, or the sequence number of the record before
	// the first. The default is Latest.
	From string
	// Pause is the time between two polls of the shards when there was nothing to
	// read. The default is 200 ms.
	Pause time.Duration
	// Record is called with each record, by one goroutine. Its error ends Run.
	Record func(types.Record) error
	// Notice is called with a sentence when the stream ends, when another follows, and
	// when records are missing. The default ignores it.
	Notice func(string)
}

// lookAgain is after how many rounds shards are looked for though none ended:
// a server may show a child later than the end of its parent.
const lookAgain = 50

// Run follows the table until ctx ends, and returns nil then. Errors:
// ErrNoStream, that of Record, and those of the server that its client does
// not retry.
func Run(ctx context.Context, o Options) error {
	if o.Pause == 0 {
		o.Pause = 200 * time.Millisecond
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.From == "" {
		o.From = Latest
	}
	f := &follower{Options: o}
	err := f.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// A follower reads one stream after the other.
type follower struct {
	Options
	arn    string
	from   string // of shards that are met for the first time
	shards map[string]*shard
}

// A shard is one part of the stream.
type shard struct {
	id, parent string
	next       *string // iterator; nil before the first look
	start      types.ShardIteratorType
	last       string // sequence number of the last record, or where to start
	done       bool
}

func (f *follower) run(ctx context.Context) error {
	f.from = f.From
	for ctx.Err() == nil {
		arn, err := f.latest(ctx)
		if err != nil {
			return err
		}
		if arn == f.arn { // ended, and no other yet
			_ = wait.Sleep(ctx, 5*f.Pause) // the loop ends with ctx
			continue
		}
		if f.arn != "" {
			f.Notice("the table has another stream: " + arn)
		}
		f.arn, f.shards = arn, map[string]*shard{}
		if err := f.stream(ctx); err != nil {
			return err
		}
		f.from = TrimHorizon
		f.Notice("the stream was disabled; waiting for the next")
	}
	return nil
}

// latest returns the table's newest stream.
func (f *follower) latest(ctx context.Context) (string, error) {
	out, err := f.Tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &f.Table})
	var none *dbtypes.ResourceNotFoundException
	switch {
	case errors.As(err, &none):
		return "", fmt.Errorf("there is no table %s", f.Table)
	case err != nil:
		return "", err
	case out.Table.LatestStreamArn != nil:
		return *out.Table.LatestStreamArn, nil
	case f.arn != "":
		return f.arn, nil
	}
	return "", fmt.Errorf("%w: %s; enable it with UpdateTable, or with stream: in tablecast.yaml", ErrNoStream, f.Table)
}

// stream reads one stream to its end.
func (f *follower) stream(ctx context.Context) error {
	enabled, err := f.discover(ctx)
	if err != nil {
		return err
	}
	f.from = TrimHorizon
	for idle := 0; ctx.Err() == nil; idle++ {
		records, ended, err := f.round(ctx)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := f.Record(r); err != nil {
				return err
			}
		}
		if ended || enabled && (f.allDone() || idle > lookAgain) {
			idle = 0
			if enabled, err = f.discover(ctx); err != nil {
				return err
			}
		}
		switch {
		case !enabled && f.allDone():
			return nil
		case len(records) == 0 && !ended:
			_ = wait.Sleep(ctx, f.Pause) // the loop ends with ctx
		}
	}
	return ctx.Err()
}

// discover takes in shards that were not known, and reports whether the stream
// is enabled.
func (f *follower) discover(ctx context.Context) (enabled bool, err error) {
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &f.arn}
	for {
		out, err := f.Streams.DescribeStream(ctx, in)
		if err != nil {
			return false, err
		}
		d := out.StreamDescription
		for _, s := range d.Shards {
			if _, known := f.shards[*s.ShardId]; !known {
				f.shards[*s.ShardId] = f.begin(s)
			}
		}
		enabled = d.StreamStatus != types.StreamStatusDisabled
		if d.LastEvaluatedShardId == nil {
			return enabled, nil
		}
		in.ExclusiveStartShardId = d.LastEvaluatedShardId
	}
}

// begin says where a shard is read from.
func (f *follower) begin(s types.Shard) *shard {
	out := &shard{id: *s.ShardId, parent: aws.ToString(s.ParentShardId), start: types.ShardIteratorTypeTrimHorizon}
	first, last := aws.ToString(s.SequenceNumberRange.StartingSequenceNumber), aws.ToString(s.SequenceNumberRange.EndingSequenceNumber)
	switch f.from {
	case TrimHorizon:
	case Latest:
		out.start, out.done = types.ShardIteratorTypeLatest, last != ""
	default:
		if last != "" && CompareSeq(last, f.from) <= 0 {
			out.done = true
		} else if CompareSeq(first, f.from) <= 0 {
			out.start, out.last = types.ShardIteratorTypeAfterSequenceNumber, f.from
		}
	}
	return out
}

// CompareSeq compares two sequence numbers, which may differ in length.
func CompareSeq(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

func (f *follower) allDone() bool {
	for _, s := range f.shards {
		if !s.done {
			return false
		}
	}
	return true
}

// round reads a page of each shard whose parent was read to its end, and
// returns the records in order of their numbers; ended says that a shard came
// to its end.
func (f *follower) round(ctx context.Context) (records []types.Record, ended bool, err error) {
	// All shards of a round are chosen before any is read: a child whose parent ends
	// in this round is read in the next, so its records follow those of the parent.
	var ready []*shard
	for _, s := range f.shards {
		if p, known := f.shards[s.parent]; !s.done && (!known || p.done) {
			ready = append(ready, s)
		}
	}
	for _, s := range ready {
		page, err := f.page(ctx, s)
		if err != nil {
			return nil, false, err
		}
		records = append(records, page...)
		ended = ended || s.done
	}
	slices.SortStableFunc(records, func(a, b types.Record) int {
		return CompareSeq(*a.Dynamodb.SequenceNumber, *b.Dynamodb.SequenceNumber)
	})
	return records, ended, nil
}

// page reads on in a shard.
func (f *follower) page(ctx context.Context, s *shard) ([]types.Record, error) {
	if s.next == nil {
		if err := f.iterator(ctx, s); err != nil || s.done {
			return nil, err
		}
	}
	out, err := f.Streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: s.next})
	if err != nil {
		return nil, f.recover(s, err)
	}
	if n := len(out.Records); n > 0 {
		s.start, s.last = types.ShardIteratorTypeAfterSequenceNumber, *out.Records[n-1].Dynamodb.SequenceNumber
	}
	s.next, s.done = out.NextShardIterator, out.NextShardIterator == nil
	return out.Records, nil
}

// iterator makes an iterator for where the shard is to be read on.
func (f *follower) iterator(ctx context.Context, s *shard) error {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &f.arn, ShardId: &s.id, ShardIteratorType: s.start}
	if s.last != "" {
		in.SequenceNumber = &s.last
	}
	out, err := f.Streams.GetShardIterator(ctx, in)
	if err != nil {
		return f.recover(s, err)
	}
	s.next = out.ShardIterator
	return nil
}

// recover makes the shard readable again after an error that is no failure.
func (f *follower) recover(s *shard, err error) error {
	var (
		expired *types.ExpiredIteratorException
		trimmed *types.TrimmedDataAccessException
		gone    *types.ResourceNotFoundException
	)
	s.next = nil
	switch {
	case errors.As(err, &expired):
	case errors.As(err, &trimmed):
		f.Notice("records of shard " + s.id + " were trimmed before they were read")
		s.start, s.last = types.ShardIteratorTypeTrimHorizon, ""
	case errors.As(err, &gone):
		s.done = true
	default:
		return err
	}
	return nil
}
