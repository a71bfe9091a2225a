package parity

import (
	"encoding/base64"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// sdkInput turns the JSON of a request into the SDK's input; ok is false if
// the SDK cannot say it.
func sdkInput(op string, body object) (input any, ok bool) {
	method, ok := reflect.TypeFor[*dynamodb.Client]().MethodByName(op)
	if !ok {
		return nil, false
	}
	in := reflect.New(method.Type.In(2).Elem()) // (client, ctx, *Input, ...options)
	return in.Interface(), fill(in.Elem(), body)
}

var attributeValue = reflect.TypeFor[types.AttributeValue]()

// fill sets dst to the JSON value src.
func fill(dst reflect.Value, src any) bool {
	if dst.Type() == attributeValue {
		v, ok := sdkValue(src)
		if ok {
			dst.Set(reflect.ValueOf(v))
		}
		return ok
	}
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return fill(dst.Elem(), src)
	case reflect.Struct:
		return fillStruct(dst, src)
	case reflect.Map:
		return fillMap(dst, src)
	case reflect.Slice:
		return fillSlice(dst, src)
	case reflect.String:
		s, ok := src.(string)
		dst.SetString(s)
		// The SDK leaves out an empty enumeration.
		return ok && (s != "" || dst.Type().PkgPath() == "")
	case reflect.Bool:
		b, ok := src.(bool)
		dst.SetBool(b)
		return ok
	case reflect.Int32, reflect.Int64:
		n, ok := src.(int)
		if !ok || dst.OverflowInt(int64(n)) {
			return false
		}
		dst.SetInt(int64(n))
		return true
	default:
		return false
	}
}

func fillStruct(dst reflect.Value, src any) bool {
	members, ok := src.(object)
	for name, v := range members {
		field := dst.FieldByName(name)
		if !field.IsValid() || !field.CanSet() || !fill(field, v) {
			return false
		}
	}
	return ok
}

func fillMap(dst reflect.Value, src any) bool {
	members, ok := src.(object)
	dst.Set(reflect.MakeMap(dst.Type()))
	for name, v := range members {
		e := reflect.New(dst.Type().Elem()).Elem()
		if !fill(e, v) {
			return false
		}
		dst.SetMapIndex(reflect.ValueOf(name), e)
	}
	return ok
}

func fillSlice(dst reflect.Value, src any) bool {
	if dst.Type().Elem().Kind() == reflect.Uint8 {
		s, ok := src.(string)
		b, err := base64.StdEncoding.DecodeString(s)
		dst.SetBytes(b)
		return ok && err == nil
	}
	list, ok := src.([]any)
	dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
	for i, v := range list {
		if !fill(dst.Index(i), v) {
			return false
		}
	}
	return ok
}

// sdkValue turns an attribute value into the SDK's.
func sdkValue(src any) (types.AttributeValue, bool) {
	o, ok := src.(object)
	if !ok || len(o) != 1 {
		return nil, false
	}
	for kind, v := range o {
		make, ok := sdkKinds[kind]
		if !ok {
			return nil, false
		}
		out := make()
		if !fill(reflect.ValueOf(out).Elem().FieldByName("Value"), v) {
			return nil, false
		}
		return out, true
	}
	return nil, false
}

var sdkKinds = map[string]func() types.AttributeValue{
	"S":    func() types.AttributeValue { return &types.AttributeValueMemberS{} },
	"N":    func() types.AttributeValue { return &types.AttributeValueMemberN{} },
	"B":    func() types.AttributeValue { return &types.AttributeValueMemberB{} },
	"BOOL": func() types.AttributeValue { return &types.AttributeValueMemberBOOL{} },
	"NULL": func() types.AttributeValue { return &types.AttributeValueMemberNULL{} },
	"M":    func() types.AttributeValue { return &types.AttributeValueMemberM{} },
	"L":    func() types.AttributeValue { return &types.AttributeValueMemberL{} },
	"SS":   func() types.AttributeValue { return &types.AttributeValueMemberSS{} },
	"NS":   func() types.AttributeValue { return &types.AttributeValueMemberNS{} },
	"BS":   func() types.AttributeValue { return &types.AttributeValueMemberBS{} },
}
