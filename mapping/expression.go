package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A root is what an expression begins with.
type root string

const (
	rootNew   root = "new"   // the item after the change
	rootOld   root = "old"   // the item before the change
	rootKeys  root = "keys"  // the key attributes
	rootOp    root = "op"    // the kind of the change
	rootTable root = "table" // the table's name
)

var roots = []root{rootNew, rootOld, rootKeys, rootOp, rootTable}

// An expression is the inside of ${…}: a root, and for images a path, which may
// have no steps.
type expression struct {
	root root
	path Path
}

const supported = "write new, old or keys and a path, as in new.address.city, old.tags[0] or keys[\"user-id\"], or op or table; ${ itself is written $${"

// parseExpression reads an expression from the beginning of s, which follows a
// ${, and returns what comes after its }.
func parseExpression(s string) (e expression, rest string, err error) {
	trimmed := strings.TrimLeft(s, " ")
	p := &pathParser{src: trimmed}
	fail := func(cause error) (expression, string, error) {
		text, _, closed := strings.Cut(s, "}")
		if !closed {
			cause = errors.New("it is not closed by }")
		}
		return expression{}, "", fmt.Errorf("%q is not an expression: %w; %s", strings.TrimSpace(text), cause, supported)
	}
	name, err := p.name()
	if err != nil {
		return fail(err)
	}
	e.root = root(name)
	if !slices.Contains(roots, e.root) {
		return fail(fmt.Errorf("nothing is called %s", name))
	}
	if e.root != rootOp && e.root != rootTable {
		if e.path, err = p.steps(); err != nil {
			return fail(err)
		}
	}
	rest, closed := strings.CutPrefix(strings.TrimLeft(p.rest(), " "), "}")
	if !closed {
		return fail(p.unexpected())
	}
	return e, rest, nil
}

// value returns what the expression stands for in a record, if there is
// something.
func (e *expression) value(r *stream.Record) (item.Value, bool) {
	var image item.Item
	switch e.root {
	case rootOp:
		return item.S(string(KindOf(r))), true
	case rootTable:
		return item.S(r.Stream.Table()), true
	case rootNew:
		image = r.New
	case rootOld:
		image = r.Old
	default:
		image = r.Keys
	}
	if image == nil {
		return item.Value{}, false
	}
	return e.path.value(image)
}
