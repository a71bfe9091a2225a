package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/remote/streams"
)

// A Worker carries the changes of the tables that a file has events from.
type Worker struct {
	opts      Options
	publisher *eventbridge.Publisher
	tables    []*tableWorker // in the order of the file
	prepared  atomic.Bool
}

// A tableWorker deals with the records of one table.
type tableWorker struct {
	w         *Worker
	name      string
	defs      []mapping.Definition
	starts    map[string]time.Time // of definitions: earlier changes raise nothing
	store     *store
	publisher *eventbridge.Publisher
	reader    *streams.Reader
	parkedNow atomic.Int64
	end       atomic.Pointer[error] // why the table is not read any more

	mu   sync.Mutex
	sets map[string]*mapping.Set // by account and region. Guarded by mu
}

// ErrStarting says that Prepare has not come to its end.
var ErrStarting = errors.New("worker: it is not prepared")

// Errors of New.
var (
	// ErrNothing says that a file declares no events.
	ErrNothing = errors.New("worker: the file declares no events")
	// ErrFunction says that a definition asks a function, which a node alone can.
	ErrFunction = errors.New("worker: a mapper is a function, which only a node can ask: map by detail, or run the node")
)

// New returns a Worker. It calls nobody. Errors: ErrNothing, ErrFunction.
func New(o Options) (*Worker, error) {
	o = o.withDefaults()
	w := &Worker{opts: o, publisher: eventbridge.New(eventbridge.Options{
		Client: o.Buses, MaxBytes: o.MaxBytes, Concurrency: o.Concurrency, Claims: o.Claims, ClaimAbove: o.File.ClaimCheck.Above,
		GiveUp: o.GiveUp, Now: o.Now, Logger: o.Logger,
	})}
	for _, spec := range o.File.Tables {
		defs, err := definitions(o.File, spec.Name)
		if err != nil {
			return nil, err
		}
		if len(defs) > 0 {
			w.tables = append(w.tables, w.newTable(spec.Name, defs))
		}
	}
	if len(w.tables) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNothing, o.File.Path)
	}
	return w, nil
}

// definitions returns those of a table.
func definitions(f *config.File, table string) (out []mapping.Definition, err error) {
	for _, d := range f.Events {
		if d.Table != table {
			continue
		}
		if d.Function != "" {
			return nil, fmt.Errorf("%w (event %s, function %s)", ErrFunction, d.Name, d.Function)
		}
		out = append(out, d)
	}
	return out, nil
}

func (w *Worker) newTable(name string, defs []mapping.Definition) *tableWorker {
	t := &tableWorker{
		w: w, name: name, defs: defs, publisher: w.publisher, sets: map[string]*mapping.Set{},
		store: &store{client: w.opts.Tables, name: w.opts.State, group: w.opts.Group, table: name},
	}
	t.reader = streams.New(streams.Options{
		Tables: w.opts.Tables, Streams: w.opts.Streams, Table: name, Group: w.opts.Group, Worker: w.opts.Name, State: w.opts.State,
		Start: startOf(defs), Handle: t.handle, Failover: w.opts.Failover, CallsPerSecond: w.opts.CallsPerSecond,
		Now: w.opts.Now, Logger: w.opts.Logger,
	})
	return t
}

// setOf returns the definitions for records of a stream, in whose events its
// account and region stand.
func (t *tableWorker) setOf(arn string) *mapping.Set {
	account, region := owner(arn)
	t.mu.Lock()
	defer t.mu.Unlock()
	name := account + "/" + region
	if t.sets[name] == nil {
		o := t.w.opts.File.Mapping(t.name)
		o.Account, o.Region = account, region
		t.sets[name] = mapping.NewSet(t.defs, o)
	}
	return t.sets[name]
}

// owner returns the account and the region of an ARN, and nothing of any other
// text.
func owner(text string) (account, region string) {
	id, err := arn.Parse(text)
	if err != nil {
		return "", ""
	}
	return id.AccountID, id.Region
}

// Run carries changes until ctx ends, and then returns nil. Prepare must have
// returned nil before. A table that was deleted ends alone; if all have ended,
// Run returns why.
func (w *Worker) Run(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make([]error, len(w.tables))
	for i, t := range w.tables {
		all.Go(func() {
			if errs[i] = t.reader.Run(ctx); errs[i] != nil && ctx.Err() == nil {
				t.end.Store(&errs[i])
				w.opts.Logger.Error("worker: a table is not read any more", "table", t.name, "error", errs[i])
			}
		})
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { w.watch(watching) })
	all.Wait()
	stop()
	watch.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errs...)
}
