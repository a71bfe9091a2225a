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

// lastWrite is how long the write of a result may take.
const lastWrite = 10 * time.Second

// An Inbox makes the processing of events idempotent, by their ids. It may be used by
// many goroutines.
type Inbox struct{ opts Options }

// New returns an inbox on a table that exists.
func New(o Options) *Inbox { return &Inbox{o.withDefaults()} }

// Once runs do, unless an earlier call completed for the id. The context that do gets
// ends with the lease, and holds the lease for Done.
//
// It returns nil if do completed, now or in an earlier call; ErrBusy while another
// call holds the lease; ErrLost; ErrID; the error of do; or that of the table, after
// which do may have run. After any error let the message be delivered again.
func (in *Inbox) Once(ctx context.Context, id string, do func(ctx context.Context) error) error {
	id, err := in.key(id)
	if err != nil {
		return err
	}
	now := in.opts.Now()
	h := holding{id: id, token: rand.Text(), until: now.Add(in.opts.Lease)}
	// take, run, finish: a crash after take, or between run and finish, leaves the item
	// busy, and the first call after the lease's end runs do again (invariant 4). A
	// crash after finish loses the acknowledgement alone: the next call finds it done.
	if done, err := in.take(ctx, h, now); done || err != nil {
		return err
	}
	if err := in.run(ctx, h, do); err != nil {
		in.release(ctx, h)
		return err
	}
	return in.finish(ctx, h)
}

func (in *Inbox) key(id string) (string, error) {
	if full := in.opts.Prefix + id; id != "" && len(full) <= MaxID {
		return full, nil
	}
	return "", ErrID
}

// A holding is the lease of an id that one call has. The token is random, so that a
// call never takes another's item for its own.
type holding struct {
	id, token string
	until     time.Time // end of the lease
}

type holdingKey struct{}

// run calls do within the lease; a panic frees the id.
func (in *Inbox) run(ctx context.Context, h holding, do func(ctx context.Context) error) error {
	returned := false
	defer func() {
		if !returned {
			in.release(ctx, h)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, holdingKey{}, h), h.until.Sub(in.opts.Now()))
	defer cancel()
	err := do(ctx)
	returned = true
	return err
}

// take acquires the lease of an id that has no item, or whose lease or item has
// ended; done says that an earlier call completed. Condition and write are one step
// of the table, so that of two calls only one succeeds. The holder may take its own
// item again: so a retry of the SDK, whose first reply was lost, succeeds.
func (in *Inbox) take(ctx context.Context, h holding, now time.Time) (done bool, _ error) {
	_, err := in.opts.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &in.opts.Table, Key: key(h.id),
		UpdateExpression:         aws.String("SET #state = :busy, holder = :me, lease = :until REMOVE expires"),
		ConditionExpression:      aws.String("attribute_not_exists(id) OR #state = :busy AND (lease < :now OR holder = :me) OR #state = :done AND expires <= :second"),
		ExpressionAttributeNames: map[string]string{"#state": "state"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":busy": text("busy"), ":done": text("done"), ":me": text(h.token),
			":until": number(h.until.UnixMilli()), ":now": number(now.UnixMilli()), ":second": number(now.Unix()),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var other *types.ConditionalCheckFailedException
	if !errors.As(err, &other) {
		return false, wrap(err)
	}
	if state, ok := other.Item["state"].(*types.AttributeValueMemberS); ok && state.Value == "done" {
		return true, nil
	}
	return false, ErrBusy
}

// finish writes that do completed, even if the context has ended meanwhile. It
// succeeds after the lease, too, as long as no other call has taken the id.
func (in *Inbox) finish(ctx context.Context, h holding) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	u := in.done(h)
	_, err := in.opts.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
	})
	var other *types.ConditionalCheckFailedException
	if errors.As(err, &other) {
		return ErrLost
	}
	return wrap(err)
}

// Done returns the write that records completion, for do to put into the transaction
// of its own writes: then both are written or neither, and do has its effect exactly
// once. The transaction fails if the lease was lost. ctx is the context that Once
// gave to do; Done panics with any other.
func (in *Inbox) Done(ctx context.Context) types.TransactWriteItem {
	u := in.done(ctx.Value(holdingKey{}).(holding))
	return types.TransactWriteItem{Update: &u}
}

// done returns the write that records completion. It keeps the holder, so that finish
// succeeds after a transaction of do has made the same write.
func (in *Inbox) done(h holding) types.Update {
	return types.Update{
		TableName: &in.opts.Table, Key: key(h.id),
		UpdateExpression:         aws.String("SET #state = :done, expires = :expires REMOVE lease"),
		ConditionExpression:      aws.String("holder = :me"),
		ExpressionAttributeNames: map[string]string{"#state": "state"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":done": text("done"), ":me": text(h.token), ":expires": number(in.opts.Now().Add(in.opts.Keep).Unix()),
		},
	}
}

// release deletes the item after a failure, so that the next call need not wait for
// the lease's end; its own failure costs that wait alone. An item that a transaction
// with Done has completed stays.
func (in *Inbox) release(ctx context.Context, h holding) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	_, _ = in.opts.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &in.opts.Table, Key: key(h.id),
		ConditionExpression:       aws.String("holder = :me AND #state = :busy"),
		ExpressionAttributeNames:  map[string]string{"#state": "state"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":me": text(h.token), ":busy": text("busy")},
	})
}

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": text(id)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("inbox: %w", err)
}
