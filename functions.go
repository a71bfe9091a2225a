package tablecast

import (
	"context"
	"errors"
	"fmt"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/target"
)

// openFunctions opens the functions that the file declares. Their processes
// start with the first events.
func (n *Node) openFunctions(f *config.File) error {
	if f == nil {
		return nil
	}
	n.functions = map[string]*function.Function{}
	for _, spec := range f.Functions {
		spec.Account, spec.Region, spec.Endpoint = Account, Region, n.opts.Endpoint
		log := n.opts.Logger.With("function", spec.Name)
		fn, err := function.Open(spec, function.Options{Log: func(l function.Line) {
			log.Info(l.Text, "request", l.RequestID)
		}})
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		n.functions[spec.Name] = fn
	}
	return nil
}

// invoke hands an event to a function.
func (n *Node) invoke(ctx context.Context, name string, payload []byte) ([]byte, string, error) {
	fn, ok := n.functions[name]
	if !ok {
		return nil, "", fmt.Errorf("%w: %s", target.ErrNoFunction, name)
	}
	r, err := fn.Invoke(ctx, payload, function.InvokeOptions{})
	if errors.Is(err, function.ErrClosed) {
		err = fmt.Errorf("function %s: the node is closing: %w", name, err)
	}
	return r.Payload, r.FunctionError, err
}
