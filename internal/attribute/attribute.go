// Package attribute turns items into what the SDK of AWS has for them, and back.
package attribute

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/item"
)

// ToItem turns what the SDK read into an item.
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
		list := make([]item.Value, len(v.Value))
		for i, e := range v.Value {
			var err error
			if list[i], err = toValue(e); err != nil {
				return item.Value{}, err
			}
		}
		return item.L(list...), nil
	case *types.AttributeValueMemberSS:
		return toSet(item.StringSet, v.Value, func(s string) (item.Value, error) { return item.S(s), nil })
	case *types.AttributeValueMemberNS:
		return toSet(item.NumberSet, v.Value, item.N)
	case *types.AttributeValueMemberBS:
		return toSet(item.BinarySet, v.Value, func(b []byte) (item.Value, error) { return item.B(b), nil })
	default:
		return item.Value{}, fmt.Errorf("transfer: unknown kind of value %T", v)
	}
}

func toSet[T any](kind item.Kind, members []T, one func(T) (item.Value, error)) (item.Value, error) {
	values := make([]item.Value, len(members))
	for i, m := range members {
		var err error
		if values[i], err = one(m); err != nil {
			return item.Value{}, err
		}
	}
	return item.Set(kind, values)
}

// FromItem returns an item as the SDK of AWS has it.
func FromItem(it item.Item) map[string]types.AttributeValue {
	out := make(map[string]types.AttributeValue, len(it))
	for _, f := range it {
		out[f.Name] = FromValue(f.Value)
	}
	return out
}

// FromValue returns a value as the SDK of AWS has it.
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
