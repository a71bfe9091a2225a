package cel

import (
	"fmt"
	"strings"

	gocel "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// A CompileError says what is wrong with an expression.
type CompileError struct {
	Msg    string
	Column int    // in characters, from 1, of the line
	Near   string // a name that was perhaps meant
}

func (e *CompileError) Error() string { return e.Msg }

// An Expression is compiled and checked. It never changes and may be used by
// many goroutines.
type Expression struct {
	program gocel.Program
	refs    []Ref
	used    map[string]bool
}

// Compile checks an expression, whose type must be want or Any, and what it may
// cost. Errors are of type *CompileError.
func (e *Env) Compile(source string, want Type) (*Expression, error) {
	ast, issues := e.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, e.explain(issues)
	}
	if t := ast.OutputType(); want != Any && !t.IsExactType(want.cel()) && !t.IsExactType(gocel.DynType) {
		return nil, &CompileError{Msg: fmt.Sprintf("it is %s, not %s", typeName(t), typeName(want.cel())), Column: 1}
	}
	estimate, err := e.env.EstimateCost(ast, estimator{})
	if err != nil {
		return nil, &CompileError{Msg: err.Error(), Column: 1}
	}
	if estimate.Max > maxEstimate {
		return nil, &CompileError{Msg: "it costs too much over a large item: at most two loops may be inside each other", Column: 1}
	}
	opts := []gocel.ProgramOption{gocel.EvalOptions(gocel.OptOptimize)}
	if estimate.Max > untracked {
		opts = append(opts, gocel.CostTracking(tracker{}), costs(), gocel.CostLimit(MaxCost))
	}
	program, err := e.env.Program(ast, opts...)
	if err != nil {
		return nil, &CompileError{Msg: err.Error(), Column: 1}
	}
	refs, used := references(ast.NativeRep().Expr())
	return &Expression{program: program, refs: refs, used: used}, nil
}

// explain turns the first complaint of the compiler into ours.
func (e *Env) explain(issues *gocel.Issues) error {
	first := issues.Errors()[0]
	msg := first.Message
	out := &CompileError{Column: first.Location.Column() + 1}
	if name, ok := strings.CutPrefix(msg, "undeclared reference to '"); ok {
		name, _, _ = strings.Cut(name, "'")
		msg = "nothing is called " + name
		for _, n := range e.names {
			if near(name, n) {
				out.Near = n
			}
		}
	}
	msg = strings.TrimPrefix(msg, "Syntax error: ")
	if i := strings.Index(msg, " expecting {"); i >= 0 {
		msg = msg[:i]
	}
	out.Msg = msg
	return out
}

// near reports whether two names have the same letters but for one or their
// order.
func near(a, b string) bool {
	if len(a) < 2 || len(a)-len(b) > 1 || len(b)-len(a) > 1 {
		return false
	}
	missing := 0
	for _, r := range b {
		if !strings.ContainsRune(a, r) {
			missing++
		}
	}
	return missing <= 1
}

// typeName is a type's name without its parameters.
func typeName(t *gocel.Type) string {
	name, _, _ := strings.Cut(t.String(), "(")
	if strings.HasPrefix(name, "google.protobuf.") {
		name = strings.ToLower(name[len("google.protobuf."):])
	}
	return "a " + name
}

// Uses reports whether the expression reads a variable.
func (e *Expression) Uses(variable string) bool { return e.used[variable] }

// Refs returns the paths that the expression reads, in their order.
func (e *Expression) Refs() []Ref { return e.refs }

// Vars gives the values of variables. Values are of CEL's types.
type Vars interface {
	ResolveName(name string) (any, bool)
}

// activation is Vars as CEL wants them.
type activation struct{ Vars }

func (activation) Parent() gocel.Activation { return nil }

// Eval computes the value; nil is an optional value that is absent. cost is what
// that took, in units of CEL; 0 if the expression cannot cost much. Errors are those
// of the expression: an absent attribute, a type that does not fit, an overflow,
// more than MaxCost.
func (e *Expression) Eval(vars Vars) (v ref.Val, cost uint64, err error) {
	v, details, err := e.program.Eval(activation{vars})
	if n := details.ActualCost(); n != nil {
		cost = *n
	}
	if err != nil {
		return nil, cost, err
	}
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return nil, cost, nil
		}
		return o.GetValue(), cost, nil
	}
	return v, cost, nil
}
