// Package attribute converts items to and from the attribute values of the SDK of
// AWS, which has one set of types for DynamoDB and another for DynamoDB Streams.
package attribute

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streams "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast/item"
)

// ToItem converts what a call of DynamoDB returned. It fails for a number or a set
// that no item can hold.
func ToItem(attributes map[string]types.AttributeValue) (item.Item, error) {
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
		m, err := ToItem(v.Value)
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

// StreamToItem is ToItem for an image or the keys of a record of DynamoDB Streams.
func StreamToItem(attributes map[string]streams.AttributeValue) (item.Item, error) {
	return ToItem(fromStreamMap(attributes))
}

func fromStreamMap(attributes map[string]streams.AttributeValue) map[string]types.AttributeValue {
	out := make(map[string]types.AttributeValue, len(attributes))
	for name, v := range attributes {
		out[name] = fromStream(v)
	}
	return out
}

// fromStream returns a value of a stream as DynamoDB's types have it; nil for one
// of an unknown kind. The value shares the memory of the other.
func fromStream(v streams.AttributeValue) types.AttributeValue {
	switch v := v.(type) {
	case *streams.AttributeValueMemberS:
		return &types.AttributeValueMemberS{Value: v.Value}
	case *streams.AttributeValueMemberN:
		return &types.AttributeValueMemberN{Value: v.Value}
	case *streams.AttributeValueMemberB:
		return &types.AttributeValueMemberB{Value: v.Value}
	case *streams.AttributeValueMemberBOOL:
		return &types.AttributeValueMemberBOOL{Value: v.Value}
	case *streams.AttributeValueMemberNULL:
		return &types.AttributeValueMemberNULL{Value: v.Value}
	case *streams.AttributeValueMemberM:
		return &types.AttributeValueMemberM{Value: fromStreamMap(v.Value)}
	case *streams.AttributeValueMemberL:
		list := make([]types.AttributeValue, len(v.Value))
		for i, e := range v.Value {
			list[i] = fromStream(e)
		}
		return &types.AttributeValueMemberL{Value: list}
	case *streams.AttributeValueMemberSS:
		return &types.AttributeValueMemberSS{Value: v.Value}
	case *streams.AttributeValueMemberNS:
		return &types.AttributeValueMemberNS{Value: v.Value}
	case *streams.AttributeValueMemberBS:
		return &types.AttributeValueMemberBS{Value: v.Value}
	}
	return nil
}

// FromItem converts an item for a call of DynamoDB.
func FromItem(it item.Item) map[string]types.AttributeValue {
	out := make(map[string]types.AttributeValue, len(it))
	for _, f := range it {
		out[f.Name] = FromValue(f.Value)
	}
	return out
}

// FromValue converts a value for a call of DynamoDB.
func FromValue(v item.Value) types.AttributeValue {
	switch v.Kind() {
	case item.String:
		return &types.AttributeValueMemberS{Value: v.Str()}
	case item.Number:
		return &types.AttributeValueMemberN{Value: v.Str()}
	case item.Binary:
		return &types.AttributeValueMemberB{Value: []byte(v.Str())}
	case item.Bool:
		return &types.AttributeValueMemberBOOL{Value: v.Bool()}
	case item.MapKind:
		return &types.AttributeValueMemberM{Value: FromItem(v.Map())}
	case item.List:
		list := make([]types.AttributeValue, len(v.List()))
		for i, e := range v.List() {
			list[i] = FromValue(e)
		}
		return &types.AttributeValueMemberL{Value: list}
	case item.StringSet:
		return &types.AttributeValueMemberSS{Value: fromSet(v, item.Value.Str)}
	case item.NumberSet:
		return &types.AttributeValueMemberNS{Value: fromSet(v, item.Value.Str)}
	case item.BinarySet:
		return &types.AttributeValueMemberBS{Value: fromSet(v, func(e item.Value) []byte { return []byte(e.Str()) })}
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}

func fromSet[T any](v item.Value, one func(item.Value) T) []T {
	out := make([]T, len(v.List()))
	for i, e := range v.List() {
		out[i] = one(e)
	}
	return out
}
