package inbox

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Errors of Once.
var (
	// ErrBusy means that another call holds the lease of the id. Let the message be
	// delivered again.
	ErrBusy = errors.New("inbox: another consumer is at it")
	// ErrLost means that the function ended after its lease, when another call
	// had taken the id over. It may have run twice.
	ErrLost = errors.New("inbox: the lease ended before the function did")
	// ErrID means that the id is empty or has more than MaxID bytes.
	ErrID = errors.New("inbox: an id has 1 to 2048 bytes")
)

// MaxID is the longest an id may be, in bytes: what a partition key may have.
const MaxID = 2048

// A Client makes the calls of DynamoDB that an Inbox needs; *dynamodb.Client of AWS's
// SDK is one.
type Client interface {
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, with ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, with ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// Options configure an Inbox. Client and Table must be set.
type Options struct {
	Client Client
	// Table has the partition key id, a string, no sort key, and time to live on
	// the attribute expires. Several consumers may share it if each has a Prefix.
	Table string
	// Prefix is put before each id. The default is none.
	Prefix string
	// Lease is how long the function of Once may take. The default is 1 minute. It
	// should be shorter than the time after which a message is delivered again.
	Lease time.Duration
	// Keep is how long a completed id is remembered. The default is 7 days. It must be
	// longer than a delivery can be late: EventBridge retries for up to 24 hours, an
	// SQS queue keeps messages for up to 14 days, and an archive can be replayed at any
	// time.
	Keep time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Lease <= 0 {
		o.Lease = time.Minute
	}
	if o.Keep <= 0 {
		o.Keep = 7 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
