package tablecast

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/target"
)

// openFunctions opens the functions of the folder and those that the file
// declares. A function's processes start with its first invocation.
func (n *Node) openFunctions(dir string) error {
	o := function.Options{
		Account: n.home.Account, Region: n.home.Region, Endpoint: n.opts.Endpoint, Logger: n.opts.Logger, Destination: n.destination,
		Log: func(name string, l process.Line) {
			n.opts.Logger.Info(l.Text, "function", name, "request", l.RequestID)
		},
	}
	if key := n.opts.FunctionKey; key[0] != "" {
		o.Credentials = process.Credentials{AccessKeyID: key[0], SecretAccessKey: key[1]}
	}
	o.Off, o.Function.User = n.opts.NoFunctions, n.opts.FunctionUser
	switch {
	case n.opts.FS != nil:
	case o.Function.User != nil: // the folder of the node is closed to the user
		o.Dir = filepath.Clean(dir) + "-functions"
	default:
		o.Dir = filepath.Join(dir, "functions")
	}
	path := ""
	if f := n.opts.Config; f != nil {
		if err := n.checkFunctions(f); err != nil {
			return err
		}
		o.Declared, path = f.Functions, f.Path+": "
	}
	var err error
	if n.functions, err = function.Open(n.store, o); err != nil {
		return fmt.Errorf("%s%w", path, err)
	}
	return nil
}

// checkFunctions returns a fault if the file declares functions and the node runs
// none.
func (n *Node) checkFunctions(f *config.File) error {
	if !n.opts.NoFunctions || len(f.Functions) == 0 {
		return nil
	}
	at := f.FunctionsAt
	at.Msg, at.Fix = "functions are off on this node", "remove functions, or start the node without --no-functions"
	return config.Faults{at}
}

// openSources opens the event source mappings.
func (n *Node) openSources(string) (err error) {
	n.sources, err = eventsource.Open(n.store, eventsource.Options{
		Streams: n.streams, Region: n.home.Region, FunctionARN: n.functions.ARN, Bury: n.functions.AddDeadLetter, Logger: n.opts.Logger,
		Exists: func(name string) bool {
			_, err := n.functions.Get(name)
			return err == nil
		},
		Invoke: func(ctx context.Context, name string, payload []byte) (process.Result, error) {
			return n.functions.Invoke(ctx, name, payload, process.InvokeOptions{})
		},
		Destination: func(arn string) (eventsource.Destination, error) {
			to, err := n.destination(arn)
			return func(ctx context.Context, functionARN string, record []byte) error {
				err := to(ctx, function.InvocationRecord{Function: functionARN, Body: record})
				if errors.Is(err, function.ErrRefused) {
					err = fmt.Errorf("%w: %w", eventsource.ErrRefused, err)
				}
				return err
			}, err
		},
	})
	return err
}

// invoke calls a function and waits for its answer, for targets that are
// functions.
func (n *Node) invoke(ctx context.Context, name string, payload []byte) ([]byte, string, error) {
	r, err := n.functions.Invoke(ctx, name, payload, process.InvokeOptions{})
	switch {
	case errors.Is(err, function.ErrNotFound):
		return nil, "", fmt.Errorf("%w: %s", target.ErrNoFunction, name)
	case errors.Is(err, process.ErrClosed):
		err = fmt.Errorf("function %s: the node is closing: %w", name, err)
	}
	return r.Payload, r.FunctionError, err
}

// destination opens a destination of asynchronous invocations and of batches that
// failed, as Lambda has them: a function, an event bus, a queue, a topic, or, here
// alone, a URL or a log.
func (n *Node) destination(arn string) (function.Destination, error) {
	if name, ok := n.resource(arn, "event-bus"); ok {
		return func(ctx context.Context, r function.InvocationRecord) error { return n.putRecord(ctx, name, arn, r) }, nil
	}
	t, err := n.open(arn, target.Options{
		LogDir: n.logs, Stdout: n.opts.Stdout, Invoke: n.enqueue, AWS: n.opts.AWS, PublicOnly: n.opts.PublicTargets, Allow: n.opts.AllowPrivate,
	})
	if err != nil {
		return nil, &function.DestinationError{ARN: arn}
	}
	return func(ctx context.Context, r function.InvocationRecord) error {
		if idle, ok := t.(interface{ CloseIdleConnections() }); ok {
			defer idle.CloseIdleConnections()
		}
		_, err := t.Deliver(ctx, &target.Delivery{Event: &event.Event{ID: uuid.NewString()}, Body: r.Body, Attempt: 1})
		var answered *target.Error
		if errors.As(err, &answered) && answered.Permanent && answered.Code == target.CodeClientError {
			err = fmt.Errorf("%w: %w", function.ErrRefused, err)
		}
		return err
	}, nil
}

// putRecord puts the record of an invocation on a bus, as the event that Lambda
// makes of it.
func (n *Node) putRecord(ctx context.Context, name, arn string, r function.InvocationRecord) error {
	kind := "Lambda Function Invocation Result - Failure"
	if r.Success {
		kind = "Lambda Function Invocation Result - Success"
	}
	results, err := n.buses.Put(ctx, []bus.Entry{{Bus: name, Source: "lambda", DetailType: kind, Detail: r.Body, Resources: []string{arn, r.Function}}})
	if err != nil {
		return err
	}
	return results[0].Err
}

// enqueue invokes a function asynchronously, for destinations that are functions:
// it returns once the invocation is durable in the function's queue.
func (n *Node) enqueue(_ context.Context, name string, payload []byte) ([]byte, string, error) {
	err := n.functions.Enqueue(name, "", payload)
	if errors.Is(err, function.ErrNotFound) {
		err = fmt.Errorf("%w: %s", target.ErrNoFunction, name)
	}
	return nil, "", err
}
