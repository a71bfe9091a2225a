package tablecast

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/target"
)

// openFunctions opens the functions of the folder and those that the file
// declares. Their processes start with the first events.
func (n *Node) openFunctions(dir string) error {
	o := function.Options{
		Account: Account, Region: Region, Endpoint: n.opts.Endpoint, Logger: n.opts.Logger, Destination: n.destination,
		Log: func(name string, l process.Line) {
			n.opts.Logger.Info(l.Text, "function", name, "request", l.RequestID)
		},
	}
	if n.opts.FS == nil {
		o.Dir = filepath.Join(dir, "functions")
	}
	path := ""
	if f := n.opts.Config; f != nil {
		o.Declared, path = f.Functions, f.Path+": "
	}
	var err error
	if n.functions, err = function.Open(n.store, o); err != nil {
		return fmt.Errorf("%s%w", path, err)
	}
	return nil
}

// openSources opens the mappings of streams to functions.
func (n *Node) openSources() (err error) {
	n.sources, err = eventsource.Open(n.store, eventsource.Options{
		Streams: n.streams, Region: Region, FunctionARN: n.functions.ARN, Bury: n.functions.AddDeadLetter, Logger: n.opts.Logger,
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

// invoke hands an event to a function.
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

// destination returns what takes the records of events and batches that a
// function was done with: a function, an event bus, a queue, a topic, a URL or a
// log.
func (n *Node) destination(arn string) (function.Destination, error) {
	if name, ok := busOf(arn); ok {
		return func(ctx context.Context, r function.InvocationRecord) error { return n.announce(ctx, name, arn, r) }, nil
	}
	t, err := target.Open(arn, target.Options{LogDir: n.logs, Stdout: n.opts.Stdout, Invoke: n.enqueue, AWS: n.opts.AWS})
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

// busOf returns the name in the ARN of an event bus.
func busOf(arn string) (string, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "events" {
		return "", false
	}
	return strings.CutPrefix(parts[5], "event-bus/")
}

// announce puts a record on a bus as Lambda does.
func (n *Node) announce(ctx context.Context, name, arn string, r function.InvocationRecord) error {
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

// enqueue hands an event to a function without waiting for its answer.
func (n *Node) enqueue(_ context.Context, name string, payload []byte) ([]byte, string, error) {
	err := n.functions.Enqueue(name, "", payload)
	if errors.Is(err, function.ErrNotFound) {
		err = fmt.Errorf("%w: %s", target.ErrNoFunction, name)
	}
	return nil, "", err
}
