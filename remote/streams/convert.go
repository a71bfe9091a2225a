package streams

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// service is who removes items whose time to live ended.
const service = "dynamodb.amazonaws.com"

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
	out.Expired = r.UserIdentity != nil && aws.ToString(r.UserIdentity.PrincipalId) == service
	for _, image := range []struct {
		to   *item.Item
		from map[string]types.AttributeValue
	}{{&out.Keys, d.Keys}, {&out.New, d.NewImage}, {&out.Old, d.OldImage}} {
		if image.from == nil {
			continue
		}
		if *image.to, err = toItem(image.from); err != nil {
			return err
		}
	}
	return nil
}

func toItem(attributes map[string]types.AttributeValue) (item.Item, error) {
	fields := make([]item.Field, 0, len(attributes))
	for name, v := range attributes {
		value, err := toValue(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		fields = append(fields, item.Field{Name: name, Value: value})
	}
	return item.MapOf(fields...), nil
}

func toValue(v types.AttributeValue) (item.Value, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return item.S(v.Value), nil
	case *types.AttributeValueMemberN:
		return item.N(v.Value)
	case *types.AttributeValueMemberB:
		return item.B(v.Value), nil
	case *types.AttributeValueMemberBOOL:
		return item.BoolOf(v.Value), nil
	case *types.AttributeValueMemberNULL:
		return item.NullValue(), nil
	case *types.AttributeValueMemberM:
		m, err := toItem(v.Value)
		return item.M(m), err
	case *types.AttributeValueMemberL:
		list, err := toValues(v.Value, toValue)
		return item.L(list...), err
	case *types.AttributeValueMemberSS:
		return toSet(item.StringSet, v.Value, func(s string) (item.Value, error) { return item.S(s), nil })
	case *types.AttributeValueMemberNS:
		return toSet(item.NumberSet, v.Value, item.N)
	case *types.AttributeValueMemberBS:
		return toSet(item.BinarySet, v.Value, func(b []byte) (item.Value, error) { return item.B(b), nil })
	default:
		return item.Value{}, fmt.Errorf("unknown kind of value %T", v)
	}
}

func toSet[T any](kind item.Kind, members []T, one func(T) (item.Value, error)) (item.Value, error) {
	values, err := toValues(members, one)
	if err != nil {
		return item.Value{}, err
	}
	return item.Set(kind, values)
}

func toValues[T any](from []T, one func(T) (item.Value, error)) ([]item.Value, error) {
	values := make([]item.Value, len(from))
	for i, v := range from {
		var err error
		if values[i], err = one(v); err != nil {
			return nil, err
		}
	}
	return values, nil
}
