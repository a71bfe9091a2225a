package cel

import (
	"math"
	"strings"
	"sync"

	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// formatter is format of the library, which format calls once it knows that the
// result is bounded.
var formatter = sync.OnceValues(func() (gocel.Program, error) {
	env, err := gocel.NewEnv(gocel.Variable("text", gocel.StringType), gocel.Variable("values", gocel.ListType(gocel.DynType)), ext.Strings())
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile("text.format(values)")
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	return env.Program(ast)
})

// format puts values into a text, each at most once. One large value may be in the
// list many times, so their lengths are added up before.
func format(text, values ref.Val) ref.Val {
	s, list := text.(types.String), values.(traits.Lister)
	room, left := maxResult-len(s), strings.Count(string(s), "%")
	for it := list.Iterator(); left > 0 && it.HasNext() == types.True; left-- {
		if room = roomAfter(it.Next(), room); room < 0 {
			return errTooLong
		}
	}
	program, err := formatter()
	if err != nil {
		return types.WrapErr(err)
	}
	out, _, err := program.Eval(map[string]any{"text": text, "values": values})
	if err != nil {
		return types.WrapErr(err)
	}
	return out
}

// roomAfter returns what is left of some bytes behind a value as a text, less than 0
// if it has no room. It reads no more of the value than has room.
func roomAfter(v ref.Val, room int) int {
	const least = 8 // of a value that is neither text, binary nor number, and around each
	room -= least
	switch v := v.(type) {
	case types.Double: // all digits before the point, or zeros behind it
		_, exponent := math.Frexp(float64(v))
		return room - 16 - max(exponent, -exponent)/3
	case decimal:
		return room - len(v.num.String())
	case types.String:
		return room - len(v)
	case types.Bytes:
		return room - len(v)
	case traits.Mapper:
		for it := v.Iterator(); room >= 0 && it.HasNext() == types.True; {
			key := it.Next()
			room = roomAfter(v.Get(key), roomAfter(key, room))
		}
	case traits.Lister:
		for it := v.Iterator(); room >= 0 && it.HasNext() == types.True; {
			room = roomAfter(it.Next(), room)
		}
	}
	return room
}

// split returns the parts of a text between separators, all or at most so many.
func split(args ...ref.Val) ref.Val {
	s, separator, n := string(args[0].(types.String)), string(args[1].(types.String)), -1
	if len(args) > 2 {
		n = int(args[2].(types.Int))
	}
	if parts := strings.Count(s, separator) + 1; parts > maxElements && (n < 0 || n > maxElements) {
		return errTooMany
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.SplitN(s, separator, n))
}

// matches reports whether a text matches a regular expression, which may come from
// an item, too. What that may take grows with the product of their lengths, so it is
// bounded before, by what CEL says that it costs.
func matches(text, pattern ref.Val) ref.Val {
	s, p := text.(types.String), pattern.(types.String)
	if len(p) > maxSource || (len(s)/10+1)*(len(p)/4+1) > MaxCost {
		return types.NewErr("the regular expression costs too much")
	}
	return s.Match(p)
}
