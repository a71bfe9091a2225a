package cel

import (
	"fmt"
	"slices"
	"sync"

	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// A Type is what an expression or a variable is.
type Type int

// The types.
const (
	Any       Type = iota // told when it is evaluated
	Bool                  // true or false
	Text                  // a string
	Texts                 // a list of strings
	Map                   // a map with names of attributes
	Timestamp             // a time
)

func (t Type) cel() *gocel.Type {
	return [...]*gocel.Type{
		gocel.DynType, gocel.BoolType, gocel.StringType, gocel.ListType(gocel.StringType),
		gocel.MapType(gocel.StringType, gocel.DynType), gocel.TimestampType,
	}[t]
}

// A Variable is a name that expressions may use.
type Variable struct {
	Name string
	Type Type
}

// An Env compiles expressions over some variables. It may be used by many
// goroutines.
type Env struct {
	env   *gocel.Env
	names []string
}

// standard is the language without variables, which is made once.
var standard = sync.OnceValues(func() (*gocel.Env, error) {
	opts := append(arithmetic(),
		gocel.OptionalTypes(), gocel.CrossTypeNumericComparisons(true),
		gocel.ParserExpressionSizeLimit(maxSource), gocel.ParserRecursionLimit(maxDepth),
		ext.Strings(), ext.Math(), ext.Lists(ext.ListsMaxRangeSize(maxRange)), ext.Sets(), ext.Encoders(), ext.TwoVarComprehensions(), ext.Bindings(),
	)
	return gocel.NewCustomEnv(slices.Concat(opts, bounded(), functions())...)
})

// New returns an environment with variables.
func New(variables ...Variable) (*Env, error) {
	base, err := standard()
	if err != nil {
		return nil, fmt.Errorf("cel: %w", err)
	}
	e := &Env{}
	var opts []gocel.EnvOption
	for _, v := range variables {
		opts = append(opts, gocel.Variable(v.Name, v.Type.cel()))
		e.names = append(e.names, v.Name)
	}
	if e.env, err = base.Extend(opts...); err != nil {
		return nil, fmt.Errorf("cel: %w", err)
	}
	return e, nil
}
