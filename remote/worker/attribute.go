package worker

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/item"
)

// attributes turns an item into what the SDK writes.
func attributes(it item.Item) row {
	out := make(row, len(it))
	for _, f := range it {
		out[f.Name] = attribute(f.Value)
	}
	return out
}

func attribute(v item.Value) types.AttributeValue {
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
		return &types.AttributeValueMemberM{Value: attributes(v.Map())}
	case item.List:
		return &types.AttributeValueMemberL{Value: elements(v, attribute)}
	case item.StringSet:
		return &types.AttributeValueMemberSS{Value: elements(v, item.Value.Str)}
	case item.NumberSet:
		return &types.AttributeValueMemberNS{Value: elements(v, item.Value.Str)}
	case item.BinarySet:
		return &types.AttributeValueMemberBS{Value: elements(v, func(e item.Value) []byte { return []byte(e.Str()) })}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

func elements[T any](v item.Value, one func(item.Value) T) []T {
	out := make([]T, len(v.List()))
	for i, e := range v.List() {
		out[i] = one(e)
	}
	return out
}
