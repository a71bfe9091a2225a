package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// errLost says that a lease belongs to another worker.
var errLost = errors.New("streams: the lease was lost")

// rows are the lease rows of one stream in the state table.
type rows struct {
	db    Tables
	table string
	pk    string
	now   func() time.Time
}

// all returns each row.
func (t *rows) all(ctx context.Context) ([]row, error) {
	var out []row
	err := query(ctx, t.db, t.table, t.pk, func(it attributes) { out = append(out, readRow(it)) })
	return out, err
}

// query gives each item of a partition of the state table, as it is now.
func query(ctx context.Context, db Tables, table, pk string, each func(attributes)) error {
	in := &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: attributes{":pk": text(pk)},
	}
	for {
		out, err := db.Query(ctx, in, onceTables)
		if err != nil {
			return fmt.Errorf("streams: state table %s: %w", table, err)
		}
		for _, it := range out.Items {
			each(it)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(out.LastEvaluatedKey) == 0 {
			return nil
		}
	}
}

// get returns a row as it is now; ok is false if there is none.
func (t *rows) get(ctx context.Context, shard string) (r row, ok bool, err error) {
	out, err := t.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.table, Key: key(t.pk, shard), ConsistentRead: aws.Bool(true)}, onceTables)
	if err != nil {
		return row{}, false, fmt.Errorf("streams: state table %s: %w", t.table, err)
	}
	return readRow(out.Item), len(out.Item) > 0, nil
}

// create adds a row unless there is one, and reports whether the row is now as
// given; with an owner, which is this reader, that holds, too, when the reply
// to an earlier try was lost.
func (t *rows) create(ctx context.Context, r row) (bool, error) {
	_, err := t.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.table, Item: r.item(t.pk), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, onceTables)
	if failed, is := conditionFailed(err); is {
		there, err := t.there(ctx, r.Shard, failed)
		return err == nil && r.Owner != "" && there.Owner == r.Owner && there.Counter == r.Counter, err
	}
	if err != nil {
		return false, fmt.Errorf("streams: state table %s: %w", t.table, err)
	}
	return true, nil
}

// there returns the row that a condition did not hold for.
func (t *rows) there(ctx context.Context, shard string, failed *types.ConditionalCheckFailedException) (row, error) {
	if len(failed.Item) > 0 {
		return readRow(failed.Item), nil
	}
	r, ok, err := t.get(ctx, shard) // a server that does not return it
	if err == nil && !ok {
		err = errLost
	}
	return r, err
}

// swap writes next over a row whose owner and counter are those of seen, and
// returns what is then there. Errors: errLost, with what is there instead, and
// those of the server, after which the write may have happened.
func (t *rows) swap(ctx context.Context, seen, next row) (row, error) {
	update, values := next.update(seen, t.now())
	values[":seen"] = number(int64(seen.Counter))
	condition := "leaseCounter = :seen AND attribute_not_exists(leaseOwner)"
	if seen.Owner != "" {
		condition = "leaseCounter = :seen AND leaseOwner = :was"
		values[":was"] = text(seen.Owner)
	}
	out, err := t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.table, Key: key(t.pk, next.Shard), UpdateExpression: &update, ConditionExpression: &condition, ExpressionAttributeValues: values,
		ReturnValues: types.ReturnValueAllNew, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, onceTables)
	if failed, is := conditionFailed(err); is {
		there, err := t.there(ctx, next.Shard, failed)
		if err != nil {
			return row{}, err
		}
		return there, errLost
	}
	if err != nil {
		return row{}, fmt.Errorf("streams: state table %s: %w", t.table, err)
	}
	return readRow(out.Attributes), nil
}

// want asks the owner of a row for it.
func (t *rows) want(ctx context.Context, seen row, who string) error {
	return t.updateIf(ctx, seen.Shard, "SET wantedBy = :who", "leaseOwner = :was AND attribute_not_exists(wantedBy)", attributes{":who": text(who), ":was": text(seen.Owner)})
}

// addParent adds a parent to a row of which no record was processed.
func (t *rows) addParent(ctx context.Context, shard, parent string) error {
	return t.updateIf(ctx, shard, "ADD parents :parent", "checkpoint = :horizon", attributes{
		":parent": &types.AttributeValueMemberSS{Value: []string{parent}}, ":horizon": text(atHorizon),
	})
}

// updateIf updates a row if the condition holds; it is no error if it does not.
func (t *rows) updateIf(ctx context.Context, shard, update, condition string, values attributes) error {
	_, err := t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.table, Key: key(t.pk, shard), UpdateExpression: &update, ConditionExpression: &condition, ExpressionAttributeValues: values,
	}, onceTables)
	if _, is := conditionFailed(err); err == nil || is {
		return nil
	}
	return fmt.Errorf("streams: state table %s: %w", t.table, err)
}
