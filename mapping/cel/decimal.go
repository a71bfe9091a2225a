package cel

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/tablecast/tablecast/item"
)

// decimalType is the type of numbers that are neither Int nor Double.
var decimalType = types.NewObjectType("decimal")

// A decimal is a number that neither an int64 nor a float64 holds exactly.
type decimal struct{ num item.Num }

func (d decimal) Type() ref.Type { return decimalType }
func (d decimal) Value() any     { return d.num.String() }
func (d decimal) String() string { return d.num.String() }

// Equal compares by value: numbers have one form.
func (d decimal) Equal(other ref.Val) ref.Val {
	o, ok := other.(decimal)
	return types.Bool(ok && d.num.Cmp(o.num) == 0)
}

// ConvertToType converts to text and, with a loss of digits, to double.
func (d decimal) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case decimalType:
		return d
	case types.TypeType:
		return decimalType
	case types.StringType:
		return types.String(d.num.String())
	case types.DoubleType:
		f, _ := strconv.ParseFloat(d.num.String(), 64) // item's range is within that of float64
		return types.Double(f)
	}
	return types.NewErr("type conversion error from 'decimal' to '%s'", t.TypeName())
}

// ConvertToNative is not offered.
func (d decimal) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("cel: no conversion from a decimal to %v", t)
}

// safeDigits is how many significant digits each float64 keeps (C's DBL_DIG).
const safeDigits = 15

// number returns a number of an item.
func number(v item.Value) ref.Val {
	text := v.Str()
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return types.Int(i)
	}
	if f, ok := exact(text); ok {
		return types.Double(f)
	}
	return decimal{v.Num()}
}

// exact returns the float64 whose shortest text is the number's.
func exact(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false
	}
	if len(text) <= safeDigits {
		return f, true
	}
	var buf [400]byte // the longest is 1E-130 with all digits
	return f, string(strconv.AppendFloat(buf[:0], f, 'f', -1, 64)) == text
}

// fromNum returns the number in its one form.
func fromNum(n item.Num) ref.Val { return number(n.Value()) }

// toNum returns the decimal value of a number of CEL; ok is false for other
// values, and for floats that DynamoDB has no number for.
func toNum(v ref.Val) (n item.Num, ok bool) {
	switch v := v.(type) {
	case types.Int:
		return item.NumOf(int64(v)), true
	case types.Uint:
		return parse(strconv.FormatUint(uint64(v), 10))
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return parse(strconv.FormatFloat(f, 'e', -1, 64))
		}
	case decimal:
		return v.num, true
	}
	return item.Num{}, false
}

func parse(text string) (item.Num, bool) {
	n, err := item.ParseNumber(text)
	return n, err == nil
}
