// Package inbox lets a consumer act once on an event that may come twice.
//
// EventBridge, and every bus with retries, delivers at least once. An Inbox keeps
// in a table of DynamoDB which ids were dealt with:
//
//	pk (S) CONSUMER#ID -> state (S) "busy" or "done", owner (S), until (N) and expires (N), seconds of the Unix epoch
//
// # Invariants
//
//  1. While one call of Once acts on an id, no other begins to, for Options.Lease.
//     A consumer that dies in the middle is followed by another after that; so
//     what it does must bear to be cut short and begun again.
//  2. Once it has acted without an error, nobody acts on the id again until
//     Options.Keep has passed and the table's time to live has removed the row.
//  3. After an error the id is free again at once.
//  4. A call that lost its lease while it acted says so: ErrLost. Then someone else
//     may have acted, too.
//
// The lease is measured by the consumers' clocks, which must agree to within a
// fraction of it; the row goes by DynamoDB's time to live, on the attribute
// expires.
package inbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Errors of Once, beside those of the table and of the action.
var (
	// ErrBusy says that another consumer acts on the id now: deliver it again
	// later.
	ErrBusy = errors.New("inbox: another consumer has the event")
	// ErrLost says that the action took longer than the lease.
	ErrLost = errors.New("inbox: the lease ended before the action did")
)

// Client is what an Inbox calls; *dynamodb.Client of AWS's SDK is one.
type Client interface {
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, with ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, with ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// Options configure an Inbox. Client, Table and Consumer must be set.
type Options struct {
	Client Client
	// Table has the partition key pk, a string, and should have its time to live
	// on expires. Inboxes may share it.
	Table string
	// Consumer tells those apart that act on the same events.
	Consumer string
	// Lease is the longest that an action may take. The default is a minute.
	Lease time.Duration
	// Keep is how long an id is remembered. It should exceed the longest time
	// between two deliveries: a day, and the retention of archives that are
	// replayed. The default is 7 days.
	Keep time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// An Inbox remembers what a consumer has dealt with. It may be used by many
// goroutines and processes.
type Inbox struct{ opts Options }

// New returns an inbox.
func New(o Options) *Inbox {
	if o.Lease <= 0 {
		o.Lease = time.Minute
	}
	if o.Keep <= 0 {
		o.Keep = 7 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Inbox{o}
}

// Once acts on an event, unless that was done before: it then returns nil. id is
// what the event keeps when it comes again: eventId of its metadata, or the id of
// its envelope. Errors: ErrBusy, ErrLost, the action's, and the table's; after
// each the event is to be delivered again.
func (x *Inbox) Once(ctx context.Context, id string, act func(ctx context.Context) error) error {
	owner := rand.Text()
	done, err := x.take(ctx, id, owner)
	if err != nil || done {
		return err
	}
	if err := act(ctx); err != nil {
		return errors.Join(err, x.release(context.WithoutCancel(ctx), id, owner))
	}
	return x.finish(context.WithoutCancel(ctx), id, owner)
}

func (x *Inbox) key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: x.opts.Consumer + "#" + id}}
}

func seconds(t time.Time) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.Unix(), 10)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// take takes the lease of an id, or reports that it is done with.
func (x *Inbox) take(ctx context.Context, id, owner string) (done bool, err error) {
	now := x.opts.Now()
	_, err = x.opts.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &x.opts.Table, Key: x.key(id),
		UpdateExpression:         aws.String("SET #s = :busy, #o = :owner, #u = :until, #e = :expires"),
		ConditionExpression:      aws.String("attribute_not_exists(pk) OR #s = :busy AND #u <= :now OR #s = :done AND #e <= :now"),
		ExpressionAttributeNames: map[string]string{"#s": "state", "#o": "owner", "#u": "until", "#e": "expires"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":busy": text("busy"), ":done": text("done"), ":owner": text(owner), ":now": seconds(now), ":until": seconds(now.Add(x.opts.Lease)), ":expires": seconds(now.Add(x.opts.Keep)),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var taken *types.ConditionalCheckFailedException
	if !errors.As(err, &taken) {
		return false, wrap(id, err)
	}
	if state, ok := taken.Item["state"].(*types.AttributeValueMemberS); ok && state.Value == "done" {
		return true, nil
	}
	return false, fmt.Errorf("%w: %s", ErrBusy, id)
}

// finish remembers that an id is done with.
func (x *Inbox) finish(ctx context.Context, id, owner string) error {
	now := x.opts.Now()
	_, err := x.opts.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &x.opts.Table, Key: x.key(id),
		UpdateExpression: aws.String("SET #s = :done, #e = :expires REMOVE #o, #u"), ConditionExpression: aws.String("#o = :owner"),
		ExpressionAttributeNames:  map[string]string{"#s": "state", "#o": "owner", "#u": "until", "#e": "expires"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":done": text("done"), ":owner": text(owner), ":expires": seconds(now.Add(x.opts.Keep))},
	})
	var lost *types.ConditionalCheckFailedException
	if errors.As(err, &lost) {
		return fmt.Errorf("%w: %s", ErrLost, id)
	}
	return wrap(id, err)
}

// release frees an id.
func (x *Inbox) release(ctx context.Context, id, owner string) error {
	_, err := x.opts.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &x.opts.Table, Key: x.key(id), ConditionExpression: aws.String("#o = :owner"),
		ExpressionAttributeNames: map[string]string{"#o": "owner"}, ExpressionAttributeValues: map[string]types.AttributeValue{":owner": text(owner)},
	})
	var lost *types.ConditionalCheckFailedException
	if errors.As(err, &lost) {
		return nil
	}
	return wrap(id, err)
}

func wrap(id string, err error) error {
	if err != nil {
		return fmt.Errorf("inbox: event %s: %w", id, err)
	}
	return nil
}
