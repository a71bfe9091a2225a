package cel

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// An identifier gives values identities: texts that equal values share and no
// others, so that collections are compared in time that grows with their size and
// not with its square. It belongs to one call of a function.
type identifier struct {
	text  []byte
	bytes int // of all identities so far
}

// of returns the identity of a value. Errors: a value that has none, as NaN, which
// equals nothing; maxResult bytes of identities.
func (x *identifier) of(v ref.Val) (string, ref.Val) {
	x.text = x.text[:0]
	if err := x.append(v); err != nil {
		return "", err
	}
	x.bytes += len(x.text)
	return string(x.text), nil
}

// append appends the identity of a value: a letter for its kind, and what tells
// apart the values of that kind.
func (x *identifier) append(v ref.Val) ref.Val {
	if x.bytes+len(x.text) > maxResult {
		return errTooLong
	}
	switch v := v.(type) {
	case types.String:
		x.appendText('s', string(v))
	case types.Bytes:
		x.appendText('b', string(v))
	case types.Bool:
		x.appendText('t', strconv.FormatBool(bool(v)))
	case types.Null:
		x.appendText('z', "")
	case types.Timestamp:
		x.text = binary.AppendVarint(append(x.text, 'T'), v.Unix())
		x.text = binary.AppendVarint(x.text, int64(v.Nanosecond()))
	case types.Duration:
		x.text = binary.AppendVarint(append(x.text, 'D'), int64(v.Duration))
	case *types.Type:
		x.appendText('y', v.TypeName())
	case *types.Optional:
		if !v.HasValue() {
			x.appendText('o', "")
			return nil
		}
		x.text = append(x.text, 'O')
		return x.append(v.GetValue())
	case traits.Mapper:
		return x.appendMap(v)
	case traits.Lister:
		x.text = binary.AppendVarint(append(x.text, 'l'), int64(v.Size().(types.Int)))
		for it := v.Iterator(); it.HasNext() == types.True; {
			if err := x.append(it.Next()); err != nil {
				return err
			}
		}
	default:
		return x.appendNumber(v)
	}
	return nil
}

func (x *identifier) appendText(kind byte, s string) {
	x.text = binary.AppendUvarint(append(x.text, kind), uint64(len(s)))
	x.text = append(x.text, s...)
}

// appendNumber appends a number by its value, whatever its type.
func (x *identifier) appendNumber(v ref.Val) ref.Val {
	if i, ok := v.(types.Int); ok { // as toNum has it, only faster
		x.appendText('n', strconv.FormatInt(int64(i), 10))
		return nil
	}
	if n, ok := toNum(v); ok {
		x.appendText('n', n.String())
		return nil
	}
	if d, ok := v.(types.Double); ok && !math.IsNaN(float64(d)) { // beyond what items hold
		x.appendText('n', strconv.FormatFloat(float64(d), 'e', -1, 64))
		return nil
	}
	return types.NewErr("no such overload: a %s cannot be compared with others", v.Type().TypeName())
}

// appendMap appends a map's entries in the order of the identities of their keys.
func (x *identifier) appendMap(m traits.Mapper) ref.Val {
	begin := len(x.text)
	var keys []string
	values := map[string]ref.Val{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		at := len(x.text)
		if err := x.append(key); err != nil {
			return err
		}
		id := string(x.text[at:])
		keys = append(keys, id)
		values[id] = m.Get(key)
	}
	slices.Sort(keys)
	x.text = binary.AppendUvarint(append(x.text[:begin], 'm'), uint64(len(keys)))
	for _, id := range keys {
		x.text = append(x.text, id...)
		if err := x.append(values[id]); err != nil {
			return err
		}
	}
	return nil
}
