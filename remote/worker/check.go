package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/remote/streams"
	"github.com/tablecast/tablecast/stream"
)

// ErrSetup says that something must be set right before a worker can run. Its
// text says what and how.
var ErrSetup = errors.New("worker: cannot start")

// Prepare checks that the worker can do its work, makes the state table if there
// is none, and fixes where a new group begins: no change that is written after
// it returned is missed. What can heal is tried again for Options.Patience.
// Errors wrap ErrSetup, or are the context's.
func (w *Worker) Prepare(ctx context.Context) error {
	if names := eventbridge.WithoutID(w.opts.File.Events); len(names) > 0 {
		w.opts.Logger.Warn("worker: events with bare details lose their id, and consumers cannot tell a repeat; set envelope: metadata",
			"definitions", strings.Join(slices.Compact(names), ", "))
	}
	deadline := w.opts.Now().Add(w.opts.Patience)
	told := ""
	for {
		err := w.prepare(ctx)
		if err == nil || ctx.Err() != nil {
			w.prepared.Store(err == nil)
			return err
		}
		heals := false
		if f := (*finding)(nil); errors.As(err, &f) {
			heals = f.heals
		}
		if !heals || w.opts.Now().After(deadline) {
			return fmt.Errorf("%w: %w", ErrSetup, err)
		}
		if err.Error() != told {
			told = err.Error()
			w.opts.Logger.Warn("worker: not ready to start; trying on", "error", err)
		}
		if err := wait.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (w *Worker) prepare(ctx context.Context) error {
	for _, t := range w.tables {
		if err := t.checkTable(ctx); err != nil {
			return err
		}
	}
	for _, bus := range w.buses() {
		if err := w.checkBus(ctx, bus); err != nil {
			return err
		}
	}
	if err := streams.EnsureState(ctx, w.opts.Tables, w.opts.State); err != nil {
		return w.diagnose(err, "make or describe the state table "+w.opts.State, "dynamodb:DescribeTable and dynamodb:CreateTable on "+w.opts.State)
	}
	for _, t := range w.tables {
		if err := t.prepareStarts(ctx); err != nil {
			return w.diagnose(err, "use the state table "+w.opts.State, "dynamodb:GetItem, PutItem, UpdateItem, DeleteItem and Query on "+w.opts.State)
		}
		if err := t.reader.Prepare(ctx); err != nil {
			return w.diagnose(err, "read the stream of table "+t.name, "dynamodb:ListStreams, DescribeStream, GetShardIterator and GetRecords on the stream")
		}
	}
	return nil
}

// checkTable checks that a table has a stream that holds what its definitions
// need.
func (t *tableWorker) checkTable(ctx context.Context) error {
	out, err := t.w.opts.Tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.name})
	if isMissing(err) {
		return &finding{msg: fmt.Sprintf("there is no table %s in region %s, for these credentials; check the region (--region), the account and the name", t.name, t.w.opts.Region)}
	}
	if err != nil {
		return t.w.diagnose(err, "describe table "+t.name, "dynamodb:DescribeTable on the table")
	}
	spec := out.Table.StreamSpecification
	if spec == nil || !aws.ToBool(spec.StreamEnabled) {
		return &finding{msg: fmt.Sprintf("table %s has no stream; enable it: %s", t.name, enable(t.name))}
	}
	if lacks := lacking(stream.View(spec.StreamViewType), t.defs); lacks != "" {
		return &finding{msg: fmt.Sprintf("the stream of table %s has the view %s, but %s; give it another: %s && %s",
			t.name, spec.StreamViewType, lacks, disable(t.name), enable(t.name))}
	}
	return nil
}

// buses returns those that definitions name.
func (w *Worker) buses() (out []string) {
	for _, t := range w.tables {
		for i := range t.defs {
			if bus := t.defs[i].Bus; !slices.Contains(out, bus) {
				out = append(out, bus)
			}
		}
	}
	return out
}

// checkBus checks that a bus exists: EventBridge answers events for one that
// does not as a success, and loses them.
func (w *Worker) checkBus(ctx context.Context, bus string) error {
	_, err := w.opts.Buses.DescribeEventBus(ctx, &sdk.DescribeEventBusInput{Name: &bus})
	if isMissing(err) {
		return &finding{msg: fmt.Sprintf("there is no bus %s, and events for it would be lost without an error; create it: aws events create-event-bus --name %s", bus, bus)}
	}
	if isDenied(err) {
		w.opts.Logger.Warn("worker: cannot tell whether the bus exists; allow events:DescribeEventBus", "bus", bus)
		return nil
	}
	return w.diagnose(err, "describe bus "+bus, "events:DescribeEventBus on the bus")
}
