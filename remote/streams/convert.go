package streams

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/internal/attribute"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// ttlPrincipal is the principal that removes items whose time to live ended.
const ttlPrincipal = "dynamodb.amazonaws.com"

// convert turns the records of a page into the domain's.
func convert(arn, table string, page []types.Record) ([]stream.Record, error) {
	out := make([]stream.Record, len(page))
	origins := make([]stream.Origin, len(page))
	for i := range page {
		if err := convertRecord(&page[i], &out[i]); err != nil {
			return nil, fmt.Errorf("streams: record %s of %s: %w", sequenceOf(&page[i]), arn, err)
		}
		origins[i] = stream.Origin{
			ARN: arn, Table: table, View: stream.View(page[i].Dynamodb.StreamViewType),
			Sequence: sequenceOf(&page[i]), EventID: aws.ToString(page[i].EventID),
		}
		out[i].Origin = &origins[i]
	}
	return out, nil
}

// sequenceOf returns a record's number; empty if it has none.
func sequenceOf(r *types.Record) string {
	if r.Dynamodb == nil {
		return ""
	}
	return aws.ToString(r.Dynamodb.SequenceNumber)
}

func convertRecord(r *types.Record, out *stream.Record) (err error) {
	if sequenceOf(r) == "" {
		return fmt.Errorf("it has no sequence number")
	}
	switch r.EventName {
	case types.OperationTypeInsert:
		out.Op = stream.Insert
	case types.OperationTypeModify:
		out.Op = stream.Modify
	case types.OperationTypeRemove:
		out.Op = stream.Remove
	default:
		return fmt.Errorf("unknown operation %q", r.EventName)
	}
	d := r.Dynamodb
	out.Time, out.Size = aws.ToTime(d.ApproximateCreationDateTime), int(aws.ToInt64(d.SizeBytes))
	out.Expired = r.UserIdentity != nil && aws.ToString(r.UserIdentity.PrincipalId) == ttlPrincipal
	for _, image := range []struct {
		to   *item.Item
		from map[string]types.AttributeValue
	}{{&out.Keys, d.Keys}, {&out.New, d.NewImage}, {&out.Old, d.OldImage}} {
		if image.from == nil {
			continue
		}
		if *image.to, err = attribute.StreamToItem(image.from); err != nil {
			return err
		}
	}
	return nil
}
