package cel

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/tablecast/tablecast/item"
)

// Of returns an item's value as a value of CEL: a set is a list in order, a binary
// is bytes. Lists and maps convert what they hold when that is read, so that a
// path into a large item costs no more than one into a small one.
func Of(v item.Value) ref.Val {
	switch v.Kind() {
	case item.String:
		return types.String(v.Str())
	case item.Number:
		return number(v)
	case item.Binary:
		return types.Bytes(v.Str())
	case item.Bool:
		return types.Bool(v.Bool())
	case item.MapKind:
		return mapVal{v.Map()}
	case item.Null:
		return types.NullValue
	}
	return types.NewList(adapter{types.DefaultTypeAdapter}, v.List())
}

// An adapter converts the elements of lists of items.
type adapter struct{ types.Adapter }

// NativeToValue converts an element.
func (a adapter) NativeToValue(v any) ref.Val {
	if v, ok := v.(item.Value); ok {
		return Of(v)
	}
	return a.Adapter.NativeToValue(v)
}

// OfItem returns an item as a map of CEL; no item is an empty map.
func OfItem(it item.Item) ref.Val { return mapVal{it} }

// A mapVal is an item's map in CEL.
type mapVal struct{ m item.Map }

var _ interface {
	traits.Mapper
	traits.Foldable
} = mapVal{}

func (m mapVal) Type() ref.Type    { return types.MapType }
func (m mapVal) Value() any        { return m.m }
func (m mapVal) Size() ref.Val     { return types.Int(len(m.m)) }
func (m mapVal) String() string    { return string(item.AppendPlainItem(nil, m.m)) }
func (m mapVal) IsZeroValue() bool { return len(m.m) == 0 }

// Find returns the value of a name.
func (m mapVal) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	v, ok := m.m.Get(string(name))
	if !ok {
		return nil, false
	}
	return Of(v), true
}

// Get returns the value of a name, or an error.
func (m mapVal) Get(key ref.Val) ref.Val {
	if v, ok := m.Find(key); ok {
		return v
	}
	return types.NewErr("no such key: %v", key.Value())
}

// Contains tells whether there is a value of that name.
func (m mapVal) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

// Equal compares with another map, by value.
func (m mapVal) Equal(other ref.Val) ref.Val {
	if o, ok := other.(mapVal); ok && item.EqualItems(m.m, o.m) {
		return types.True
	}
	o, ok := other.(traits.Mapper)
	if !ok || o.Size() != m.Size() {
		return types.False
	}
	for _, f := range m.m {
		v, found := o.Find(types.String(f.Name))
		if !found || types.Equal(Of(f.Value), v) != types.True {
			return types.False
		}
	}
	return types.True
}

// Iterator iterates over the names in order.
func (m mapVal) Iterator() traits.Iterator {
	names := make([]ref.Val, len(m.m))
	for i, f := range m.m {
		names[i] = types.String(f.Name)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, names).Iterator()
}

// Fold visits names and values in order.
func (m mapVal) Fold(folder traits.Folder) {
	for _, f := range m.m {
		if !folder.FoldEntry(types.String(f.Name), Of(f.Value)) {
			return
		}
	}
}

// ConvertToType converts to the types map and type.
func (m mapVal) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return m
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("type conversion error from 'map' to '%s'", t.TypeName())
}

// ConvertToNative gives the map itself.
func (m mapVal) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(m.m).AssignableTo(t) {
		return m.m, nil
	}
	return nil, fmt.Errorf("cel: no conversion from a map to %v", t)
}

// A Value is a value of CEL.
type Value = ref.Val
