package streams

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/tablecast/tablecast/stream"
)

// Tables are the calls of DynamoDB that a Reader makes; *dynamodb.Client of AWS's SDK
// has them.
type Tables interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Streams are the calls of DynamoDB Streams that a Reader makes;
// *dynamodbstreams.Client of AWS's SDK has them.
type Streams interface {
	ListStreams(context.Context, *dynamodbstreams.ListStreamsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.ListStreamsOutput, error)
	DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(context.Context, *dynamodbstreams.GetShardIteratorInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(context.Context, *dynamodbstreams.GetRecordsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// A Batch is a run of records of one shard, in order, at most 1,000.
type Batch struct {
	Stream, Shard string
	Records       []stream.Record
}

// A Handler processes the records of a batch. It returns nil once what it made of
// each record is durable: the checkpoint moves past them then. After an error it
// gets the same batch again, with growing pauses. Calls for different shards run
// concurrently, but never for a shard and its descendants. The context ends when
// the shard's lease is lost.
type Handler func(ctx context.Context, b Batch) error

// A Start says where a group that is new begins.
type Start string

// The starts.
const (
	Latest      Start = "latest"       // what is written after Prepare; some records of the seconds before may come, too
	TrimHorizon Start = "trim-horizon" // the oldest record that is kept
)

// Options configure a Reader. Tables, Streams, Table, Group, State and Handle
// must be set.
type Options struct {
	Tables  Tables
	Streams Streams
	// Table is the table whose changes are read.
	Table string
	// Group names the consumer, Worker this reader among those of the group.
	// Worker is for people: readers with equal names do not meet. The default is
	// "worker".
	Group, Worker string
	// State names the state table; see EnsureState. All tables of one account
	// and region may share one.
	State string
	// Start is where a group that is new begins. The default is Latest.
	Start  Start
	Handle Handler
	// Failover is the time within which other workers take the shards of one that
	// died. The default is 10 s.
	Failover time.Duration
	// Prefetch bounds the bytes of records that are read ahead, of all shards
	// together. The default is 64 MiB, the least 1 MiB.
	Prefetch int64
	// CallsPerSecond bounds GetRecords calls on one shard. The default is 5, what
	// the service allows; -1 is no bound, for other servers.
	CallsPerSecond int
	// StallAfter is the time without any progress after which Ready fails. The
	// default is 1 minute.
	StallAfter time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Worker == "" {
		o.Worker = "worker"
	}
	o.Worker += "/" + rand.Text()[:8] // no two readers are one owner
	if o.Start == "" {
		o.Start = Latest
	}
	if o.Failover == 0 {
		o.Failover = 10 * time.Second
	}
	if o.Prefetch == 0 {
		o.Prefetch = 64 << 20
	}
	o.Prefetch = max(o.Prefetch, pageBytes)
	if o.CallsPerSecond == 0 {
		o.CallsPerSecond = 5
	}
	if o.StallAfter == 0 {
		o.StallAfter = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// The parts of Failover. An owner renews its lease every renewEvery and stops
// processing if it could not for stopAfter, counted from when it sent the last
// renewal that succeeded. Workers scan the rows every scanEvery and may take a lease
// whose row did not change for expireAfter, counted from when they first saw that
// renewal, which is later. As stopAfter is less than expireAfter, the old owner has
// stopped when a new one begins. expireAfter and two scans are less than Failover.
func (o *Options) renewEvery() time.Duration  { return o.Failover / 4 }
func (o *Options) scanEvery() time.Duration   { return o.Failover / 8 }
func (o *Options) stopAfter() time.Duration   { return o.Failover * 5 / 8 }
func (o *Options) expireAfter() time.Duration { return o.Failover * 11 / 16 }
func (o *Options) graceTime() time.Duration   { return o.Failover / 4 }
