package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/internal/transfer"
	"github.com/tablecast/tablecast/stream"
)

// maxCompared is how many attributes a condition compares: an expression may have
// 4 KB.
const maxCompared = 100

// deleteUnchanged returns what deletes the item of a record, in a region's table,
// if it is still as the record has it. An item that is gone or was changed since
// is left: its later change raises its own events.
func deleteUnchanged(db *dynamodb.Client) func(ctx context.Context, region, table string, r *stream.Record) error {
	return func(ctx context.Context, region, table string, r *stream.Record) error {
		names, values := map[string]string{}, map[string]types.AttributeValue{}
		var same []string
		for name, v := range transfer.Attributes(r.New) {
			n := strconv.Itoa(len(same))
			names["#"+n], values[":"+n] = name, v
			if same = append(same, "#"+n+"=:"+n); len(same) == maxCompared {
				break
			}
		}
		_, err := db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &table, Key: transfer.Attributes(r.Keys), ConditionExpression: aws.String(strings.Join(same, " AND ")),
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		}, func(o *dynamodb.Options) { o.Region = region })
		var changed *types.ConditionalCheckFailedException
		if errors.As(err, &changed) {
			return nil
		}
		return err
	}
}
