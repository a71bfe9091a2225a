package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// margin is how long before the deadline of an invocation its answer is made.
const margin = 500 * time.Millisecond

// A Publisher publishes events to a bus and returns one result for each, nil if the
// bus accepted it. It sends the events of one group in order, none before an earlier
// one was accepted. *eventbridge.Publisher is one; it is an interface so that the
// events can go elsewhere, as in tests.
type Publisher interface {
	Publish(ctx context.Context, events []mapping.Raised) []error
}

// Options configure a Handler. File and, but for pipes, Publisher must be set.
type Options struct {
	File      *config.File
	Publisher Publisher
	// Tables maps the names of tables on AWS to those in the file, for tables whose
	// names differ.
	Tables map[string]string
	// Fail makes an invocation fail where records would be reported: for event
	// source mappings without ReportBatchItemFailures, which then retry the whole
	// batch.
	Fail bool
	// Delete deletes an item of an outbox table whose event was accepted, if it is
	// still the new image of the record; table is its name on AWS. It must be set if
	// the file has outboxes with after: delete.
	Delete func(ctx context.Context, region, table string, r *stream.Record) error
	// Logger receives what operators should know. The default discards it.
	Logger *slog.Logger
}

// A Handler maps the records of an invocation and publishes their events. It may be
// used by many goroutines.
type Handler struct {
	opts Options

	mu   sync.Mutex
	sets map[origin]*mapping.Set // by the file's names; guarded by mu
}

// New returns a handler. It fails if the file has definitions that need a node, as
// they have a function as their mapper, and if it has outboxes whose items are to
// be deleted and Options.Delete is not set: their events would be raised again and
// again.
func New(o Options) (*Handler, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for i := range o.File.Events {
		d := &o.File.Events[i]
		if d.Function != "" {
			return nil, fmt.Errorf("handler: %s: event %s is made by the function %s, which only a node can ask", o.File.Path, d.Name, d.Function)
		}
		if d.Outbox != nil && d.Outbox.Delete && o.Delete == nil {
			return nil, fmt.Errorf("handler: %s: the items of the outbox %s are to be deleted, which this function cannot; say after: keep and give the table a time to live", o.File.Path, d.Name)
		}
	}
	return &Handler{opts: o, sets: map[origin]*mapping.Set{}}, nil
}

// Handle answers one invocation: a batch of an event source mapping with
// batchItemFailures, one of a pipe with its events. Errors: ErrPayload, ErrTable, and
// with Options.Fail why a record was not processed.
func (h *Handler) Handle(ctx context.Context, payload []byte) ([]byte, error) {
	records, batch, err := read(payload)
	if err != nil {
		return nil, err
	}
	if !batch {
		return h.enrich(records)
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	// What was mapped is published even if a later record cannot be mapped: the retry
	// begins at that one (invariant 2).
	changes, failed := h.apply(records)
	done, failed := h.publish(ctx, changes, failed)
	if failed == nil {
		return []byte(`{"batchItemFailures":[]}`), nil
	}
	h.opts.Logger.Error("handler: the rest of the batch is reported as failed", "seq", records[done].Change.Sequence, "records", len(records), "done", done, "error", failed)
	if h.opts.Fail || errors.Is(failed, ErrTable) {
		return nil, failed
	}
	// Lambda retries from the first failure that is reported, so that one is enough.
	return fmt.Appendf(nil, `{"batchItemFailures":[{"itemIdentifier":%q}]}`, records[done].Change.Sequence), nil
}

// A mapped is a record with the events that it raises.
type mapped struct {
	*stream.Record
	from   origin // with the table's name on AWS
	set    *mapping.Set
	events []mapping.Raised
}

// apply maps records up to the first that fails, and says why that one does.
func (h *Handler) apply(records []record) (out []mapped, failed error) {
	for i := range records {
		c, err := h.applyOne(&records[i])
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (h *Handler) applyOne(r *record) (c mapped, err error) {
	from, ok := parseARN(r.ARN)
	if !ok {
		return c, fmt.Errorf("%w: %q is no ARN of a stream", ErrPayload, r.ARN)
	}
	c.from = from
	if name, ok := h.opts.Tables[from.table]; ok {
		from.table = name
	}
	if c.set = h.set(from); c.set == nil {
		return c, fmt.Errorf("%w %s; if it has another name in %s, say so: TABLECAST_TABLES=%s=NAME", ErrTable, from.table, h.opts.File.Path, from.table)
	}
	if c.Record, err = r.toStream(from.table); err != nil {
		return c, err
	}
	c.events, err = c.set.Apply(c.Record, func(string) bool { return true })
	if err != nil {
		return c, fmt.Errorf("handler: record %s of table %s: %w", r.Change.Sequence, from.table, err)
	}
	return c, nil
}

// set returns the definitions of a table; nil if the file has none.
func (h *Handler) set(of origin) *mapping.Set {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.sets[of]; ok {
		return s
	}
	var defs []mapping.Definition
	for _, d := range h.opts.File.Events {
		if d.Table == of.table {
			defs = append(defs, d)
		}
	}
	if len(defs) == 0 {
		return nil
	}
	o := h.opts.File.Mapping(of.table)
	o.Account, o.Region = of.account, of.region
	s := mapping.NewSet(defs, o)
	h.sets[of] = s
	return s
}

// publish publishes the events of changes. It returns how many changes are done
// with, and why the next one is not; failed says why the one after them could
// not be mapped.
func (h *Handler) publish(ctx context.Context, changes []mapped, failed error) (done int, _ error) {
	var events []mapping.Raised
	for i := range changes {
		events = append(events, changes[i].events...)
	}
	var results []error
	if len(events) > 0 {
		results = h.opts.Publisher.Publish(ctx, events)
	}
	for i := range changes {
		c := &changes[i]
		for _, err := range results[:len(c.events)] {
			if err != nil {
				return i, fmt.Errorf("handler: record %s of table %s: %w", c.Sequence(), c.from.table, err)
			}
		}
		results = results[len(c.events):]
		// The item goes after its event was accepted. A crash between the two publishes
		// the event again, with its id, when Lambda retries the batch.
		if err := h.clear(ctx, c); err != nil {
			return i, err
		}
	}
	return len(changes), failed
}

// clear deletes an item of an outbox whose events were accepted.
func (h *Handler) clear(ctx context.Context, c *mapped) error {
	for i := range c.events {
		if !c.set.Deletes(c.events[i].Definition) {
			continue
		}
		if h.opts.Delete == nil {
			return fmt.Errorf("handler: %s is an outbox whose items are to be deleted, which this function cannot", c.events[i].Definition)
		}
		return h.opts.Delete(ctx, c.from.region, c.from.table, c.Record)
	}
	return nil
}

// enrich answers the events of a pipe's batch, as envelopes.
func (h *Handler) enrich(records []record) ([]byte, error) {
	changes, failed := h.apply(records)
	if failed != nil {
		return nil, failed
	}
	out := []jsontext.Value{}
	for i := range changes {
		for j := range changes[i].events {
			out = append(out, changes[i].events[j].Event.AppendJSON(nil))
		}
	}
	return json.Marshal(out)
}
