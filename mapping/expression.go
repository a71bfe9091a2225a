package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping/cel"
)

// A root is a variable that expressions may use.
type root string

const (
	rootNew     root = "new"     // the item after the change
	rootOld     root = "old"     // the item before the change
	rootKeys    root = "keys"    // the key attributes and their parts
	rootOp      root = "op"      // the kind of the change
	rootTable   root = "table"   // the table's name
	rootEntity  root = "entity"  // the kind of the item, or nothing
	rootSeq     root = "seq"     // the change's sequence number
	rootTime    root = "time"    // of the change
	rootChanged root = "changed" // names of the attributes that differ
	rootEach    root = "each"    // the element that raises an event
	rootAt      root = "at"      // its index or name
)

var variables = []cel.Variable{
	{Name: string(rootNew), Type: cel.Map}, {Name: string(rootOld), Type: cel.Map}, {Name: string(rootKeys), Type: cel.Map},
	{Name: string(rootOp), Type: cel.Text}, {Name: string(rootTable), Type: cel.Text}, {Name: string(rootEntity), Type: cel.Text},
	{Name: string(rootSeq), Type: cel.Text}, {Name: string(rootTime), Type: cel.Timestamp}, {Name: string(rootChanged), Type: cel.Texts},
}

// A Scope compiles expressions and templates, and says which variables they may
// use.
type Scope struct {
	Each bool // also each and at, which an event has whose definition has Each
}

var plainEnv = sync.OnceValues(func() (*cel.Env, error) { return cel.New(variables...) })

var eachEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.New(append(slices.Clip(variables), cel.Variable{Name: string(rootEach)}, cel.Variable{Name: string(rootAt)})...)
})

func (s Scope) env() (*cel.Env, error) {
	if s.Each {
		return eachEnv()
	}
	return plainEnv()
}

// An Expression is a path into the change, or any other expression of CEL.
type Expression struct {
	source string
	root   root // of a path; empty for others
	path   Path
	cel    *cel.Expression
}

// Condition compiles an expression that gives true or false. Errors name what is
// wrong with it and what to write instead.
func (s Scope) Condition(source string) (*Expression, error) { return s.compile(source, cel.Bool) }

// Collection compiles an expression that gives a list, a set or a map.
func (s Scope) Collection(source string) (*Expression, error) { return s.compile(source, cel.Any) }

func (s Scope) compile(source string, want cel.Type) (*Expression, error) {
	source = strings.TrimSpace(source)
	env, err := s.env()
	if err != nil {
		return nil, err
	}
	compiled, err := env.Compile(source, want)
	var bad *cel.CompileError
	if errors.As(err, &bad) {
		return nil, complain(source, bad)
	} else if err != nil {
		return nil, err
	}
	e := &Expression{source: source, cel: compiled}
	e.root, e.path = simple(source)
	return e, nil
}

// complain says what is wrong with an expression, and what to write instead.
func complain(source string, bad *cel.CompileError) error {
	hint := "docs/mapping.md tells the language"
	switch {
	case bad.Near != "":
		hint = fmt.Sprintf("did you mean %s?", bad.Near)
	case strings.HasPrefix(bad.Msg, "nothing is called") && !strings.Contains(source, "-"):
		hint = "write new, old or keys and a path, as in new.address.city, or op, table, entity, time or changed; ${ itself is written $${"
	case strings.Contains(source, "-"):
		hint = "a name with a dash is written in brackets, as in new[\"user-id\"]"
	}
	return fmt.Errorf("%q is not an expression: %s at column %d; %s", source, bad.Msg, bad.Column, hint)
}

// simple reads an expression that is a path into an image.
func simple(source string) (root, Path) {
	p := &pathParser{src: source}
	name, err := p.name()
	if err != nil || !slices.Contains([]root{rootNew, rootOld, rootKeys}, root(name)) {
		return "", Path{}
	}
	path, err := p.steps()
	if err != nil || p.rest() != "" {
		return "", Path{}
	}
	return root(name), path
}

// Images reports which images of the change the expression reads: the item after
// it and the item before it.
func (e *Expression) Images() (after, before bool) {
	both := e.cel.Uses(string(rootChanged))
	return both || e.cel.Uses(string(rootNew)), both || e.cel.Uses(string(rootOld))
}

// Attributes returns the paths in the images that the expression reads, as far as
// they are constants.
func (e *Expression) Attributes() []Path {
	var out []Path
	for _, r := range e.cel.Refs() {
		if (r.Variable == string(rootNew) || r.Variable == string(rootOld)) && len(r.Steps) > 0 && r.Steps[0].Name != "" {
			out = append(out, pathOf(r))
		}
	}
	return out
}

func pathOf(r cel.Ref) Path {
	var p Path
	for _, s := range r.Steps {
		p.steps = append(p.steps, step{s.Name, s.Index, s.Optional})
	}
	return p
}

// A value is what an expression gives: one of an item, or one of CEL, or, if
// absent, nothing.
type value struct {
	item item.Value
	cel  cel.Value
}

func (v value) absent() bool { return v.cel == nil && v.item.IsZero() }

// maxCost is the most that the expressions of a definition may cost together for one
// change, in units of CEL: some seconds. It bounds what each: makes of expressions that read a
// whole list for each element of a list.
const maxCost = 20 * cel.MaxCost

var (
	errAbsent  = errors.New("an attribute is absent")
	errNotBool = errors.New("it is neither true nor false")
	errCost    = errors.New("the expressions of the event cost too much together")
)

// value evaluates the expression. A path needs no evaluation, and what does not
// depend on an element of each: is evaluated once for all of them.
func (e *Expression) value(c *change) (value, error) {
	if e.root == "" {
		if v, known := c.common[e]; known {
			return value{cel: v}, nil
		}
		v, cost, err := e.cel.Eval(c)
		if c.cost += cost; err == nil && c.cost > c.set.maxCost {
			err = errCost
		}
		if err != nil {
			return value{}, e.fail(c, err)
		}
		if c.common != nil && !e.cel.Uses(string(rootEach)) && !e.cel.Uses(string(rootAt)) {
			c.common[e] = v
		}
		return value{cel: v}, nil
	}
	image, _ := c.image(e.root)
	v, missing, unfit := e.path.walk(image)
	if missing >= 0 && (unfit || !e.path.mayLack(missing)) {
		return value{}, e.fail(c, errAbsent)
	}
	return value{item: v}, nil
}
