package cel

import (
	"math"

	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/tablecast/tablecast/item"
)

// An operation is an operator on numbers; other is what it does on values that
// are no numbers.
type operation struct {
	operator string
	whole    func(a, b int64) (int64, bool) // of two Ints; ok is false where it overflows
	num      func(a, b item.Num) (item.Num, error)
	other    func(a, b ref.Val) ref.Val
}

var operations = []operation{
	{operators.Add, addWhole, item.Num.Add, func(a, b ref.Val) ref.Val { return on(a, b, traits.Adder.Add) }},
	{operators.Subtract, subWhole, item.Num.Sub, func(a, b ref.Val) ref.Val { return on(a, b, traits.Subtractor.Subtract) }},
	{operators.Multiply, nil, item.Num.Mul, noSuch},
	{operators.Divide, nil, item.Num.Quo, noSuch},
}

func addWhole(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func subWhole(a, b int64) (int64, bool) {
	diff := a - b
	return diff, (diff < a) == (b > 0)
}

// on calls a method of the left operand, if it has it.
func on[T any](a, b ref.Val, method func(T, ref.Val) ref.Val) ref.Val {
	if left, ok := a.(T); ok {
		return method(left, b)
	}
	return noSuch(a, b)
}

func noSuch(ref.Val, ref.Val) ref.Val { return types.NewErr("no such overload") }

// apply computes; numbers in decimal, unless both are whole and small.
func (o operation) apply(a, b ref.Val) ref.Val {
	if i, ok := a.(types.Int); ok && o.whole != nil {
		if j, ok := b.(types.Int); ok {
			if r, ok := o.whole(int64(i), int64(j)); ok {
				return types.Int(r)
			}
		}
	}
	n, isNumber := toNum(a)
	m, areNumbers := toNum(b)
	if !isNumber || !areNumbers {
		return o.other(a, b)
	}
	if o.operator == operators.Divide && m.IsZero() {
		return types.NewErr("division by zero")
	}
	r, err := o.num(n, m)
	if err != nil {
		return types.NewErr("the result is no number of DynamoDB: %s", err.Error())
	}
	return fromNum(r)
}

// modulo is % of whole numbers.
func modulo(a, b ref.Val) ref.Val {
	i, whole := a.(types.Int)
	j, both := b.(types.Int)
	if !whole || !both {
		return types.NewErr("no such overload: %% takes whole numbers")
	}
	return i.Modulo(j)
}

// negate is - of a number.
func negate(a ref.Val) ref.Val {
	n, ok := toNum(a)
	if i, whole := a.(types.Int); whole && i > math.MinInt64 {
		return -i
	}
	if d, isDuration := a.(traits.Negater); isDuration && !ok {
		return d.Negate()
	}
	if !ok {
		return types.NewErr("no such overload")
	}
	zero := item.Num{}
	r, _ := zero.Sub(n) // as long and as large as n
	return fromNum(r)
}

// compare returns the order of two numbers, or what CEL says of other values.
func compare(a, b ref.Val) ref.Val {
	if _, ok := a.(decimal); !ok {
		if _, ok := b.(decimal); !ok {
			return on(a, b, traits.Comparer.Compare)
		}
	}
	n, isNumber := toNum(a)
	m, areNumbers := toNum(b)
	if !isNumber || !areNumbers {
		return types.NewErr("no such overload")
	}
	return types.Int(n.Cmp(m))
}

// ordering are the comparisons, by the orders for which they hold.
var ordering = map[string]func(int) bool{
	operators.Less:          func(c int) bool { return c < 0 },
	operators.LessEquals:    func(c int) bool { return c <= 0 },
	operators.Greater:       func(c int) bool { return c > 0 },
	operators.GreaterEquals: func(c int) bool { return c >= 0 },
}

// arithmetic replaces the operators of the standard library by those that take
// all forms of numbers.
func arithmetic() []gocel.EnvOption {
	subset := &env.LibrarySubset{ExcludeFunctions: []*env.Function{env.NewFunction(overloads.Matches)}}
	for _, name := range []string{
		operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
		operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	} {
		subset.ExcludeFunctions = append(subset.ExcludeFunctions, env.NewFunction(name))
	}
	opts := []gocel.EnvOption{gocel.StdLib(gocel.StdLibSubset(subset))}
	for _, o := range operations {
		opts = append(opts, gocel.Function(o.operator, append(signatures(o.operator), gocel.SingletonBinaryBinding(o.apply))...))
	}
	for name, holds := range ordering {
		opts = append(opts, gocel.Function(name, append(comparisons(name), gocel.SingletonBinaryBinding(func(a, b ref.Val) ref.Val {
			c := compare(a, b)
			if i, ok := c.(types.Int); ok {
				return types.Bool(holds(int(i)))
			}
			return c
		}))...))
	}
	return append(opts,
		gocel.Function(operators.Modulo, overload(operators.Modulo, gocel.IntType, gocel.IntType, gocel.IntType), gocel.SingletonBinaryBinding(modulo)),
		gocel.Function(operators.Negate,
			gocel.Overload("negate_int", []*gocel.Type{gocel.IntType}, gocel.IntType),
			gocel.Overload("negate_double", []*gocel.Type{gocel.DoubleType}, gocel.DoubleType),
			gocel.SingletonUnaryBinding(negate)),
		gocel.Function("string", gocel.Overload("decimal_to_string", []*gocel.Type{decimalType}, gocel.StringType, gocel.UnaryBinding(convert(types.StringType)))),
		gocel.Function("double", gocel.Overload("decimal_to_double", []*gocel.Type{decimalType}, gocel.DoubleType, gocel.UnaryBinding(convert(types.DoubleType)))),
	)
}

func convert(t ref.Type) func(ref.Val) ref.Val {
	return func(v ref.Val) ref.Val { return v.ConvertToType(t) }
}

func overload(name string, a, b, result *gocel.Type) gocel.FunctionOpt {
	return gocel.Overload(name+"_"+a.String()+"_"+b.String(), []*gocel.Type{a, b}, result)
}

// signatures are what the checker lets an operator take.
func signatures(name string) []gocel.FunctionOpt {
	i, d := gocel.IntType, gocel.DoubleType
	whole := i
	if name == operators.Divide {
		whole = d
	}
	out := []gocel.FunctionOpt{overload(name, i, i, whole), overload(name, i, d, d), overload(name, d, i, d), overload(name, d, d, d)}
	at, span := gocel.TimestampType, gocel.DurationType
	switch name {
	case operators.Add:
		list := gocel.ListType(gocel.TypeParamType("A"))
		out = append(out, overload(name, gocel.StringType, gocel.StringType, gocel.StringType), overload(name, gocel.BytesType, gocel.BytesType, gocel.BytesType),
			overload(name, list, list, list), overload(name, at, span, at), overload(name, span, at, at), overload(name, span, span, span))
	case operators.Subtract:
		out = append(out, overload(name, at, span, at), overload(name, at, at, span), overload(name, span, span, span))
	}
	return out
}

// comparisons are what the checker lets be compared.
func comparisons(name string) []gocel.FunctionOpt {
	var out []gocel.FunctionOpt
	numbers := []*gocel.Type{gocel.IntType, gocel.DoubleType, gocel.UintType}
	for _, a := range numbers {
		for _, b := range numbers {
			out = append(out, overload(name, a, b, gocel.BoolType))
		}
	}
	for _, t := range []*gocel.Type{gocel.StringType, gocel.BytesType, gocel.BoolType, gocel.TimestampType, gocel.DurationType} {
		out = append(out, overload(name, t, t, gocel.BoolType))
	}
	return out
}
