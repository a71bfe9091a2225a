package worker

import (
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/target/claim"
)

// Options configure a Worker. File, Group, State and the clients must be set.
type Options struct {
	// File says what changes mean.
	File *config.File
	// Group names the consumer: workers of one group share the changes, groups
	// do not disturb each other. Name is this worker among them, for people.
	Group, Name string
	// State names the table that holds leases and parked records, beside the
	// tables that changes are read from.
	State string

	Tables  *dynamodb.Client
	Streams *dynamodbstreams.Client
	Buses   *eventbridge.Client
	// Region is that of the tables, for people.
	Region string

	// Claims is the store of details that are too large. The default is none.
	Claims claim.Store
	// MaxBytes bounds a request of PutEvents, Concurrency the calls under way.
	// The defaults are those of remote/eventbridge.
	MaxBytes, Concurrency int
	// GiveUp is for how long an entry may fail by itself before its change is
	// parked. The default is that of remote/eventbridge.
	GiveUp time.Duration
	// CallsPerSecond bounds the reads of a shard and Failover is within what time
	// the shards of a worker that died move. The defaults are those of
	// remote/streams.
	CallsPerSecond int
	Failover       time.Duration
	// Patience is how long Prepare tries again what can heal. The default is a
	// minute.
	Patience time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
