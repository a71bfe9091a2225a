package worker

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/internal/attribute"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// deletions is how many items of outboxes are deleted at a time.
const deletions = 8

// deleteAccepted deletes the items of outboxes whose events were accepted, if
// their definition says so.
func (t *tableWorker) deleteAccepted(ctx context.Context, set *mapping.Set, accepted page) error {
	var all sync.WaitGroup
	slots := make(chan struct{}, deletions)
	errs := make([]error, len(accepted))
	for i, m := range accepted {
		if !deletes(set, m.events) {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			errs[i] = t.w.persist(ctx, "delete an item of the outbox", func() error { return t.deleteUnchanged(ctx, m.record) })
			<-slots
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func deletes(set *mapping.Set, events []mapping.Raised) bool {
	for i := range events {
		if set.Deletes(events[i].Definition) {
			return true
		}
	}
	return false
}

// maxCompared is how many attributes a condition compares: an expression may
// have 4 KB.
const maxCompared = 100

// deleteUnchanged is DeleteUnchanged for a record of the table.
func (t *tableWorker) deleteUnchanged(ctx context.Context, r *stream.Record) error {
	return DeleteUnchanged(ctx, t.w.opts.Tables, t.name, r)
}

// DeleteUnchanged deletes the item of a record if it is still as the record has
// it. An item that is gone, or was changed since, is left: its later change has
// events of its own.
func DeleteUnchanged(ctx context.Context, db *dynamodb.Client, table string, r *stream.Record, with ...func(*dynamodb.Options)) error {
	names, values := map[string]string{}, row{}
	var same []string
	for i, f := range r.New {
		if i == maxCompared {
			break
		}
		n := strconv.Itoa(i)
		names["#"+n], values[":"+n] = f.Name, attribute.FromValue(f.Value)
		same = append(same, "#"+n+"=:"+n)
	}
	_, err := db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &table, Key: attribute.FromItem(r.Keys), ConditionExpression: aws.String(strings.Join(same, " AND ")),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}, with...)
	var changed *types.ConditionalCheckFailedException
	if errors.As(err, &changed) {
		return nil
	}
	return err
}
