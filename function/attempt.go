package function

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
)

// Conditions of an invocation record.
const (
	conditionSuccess   = "Success"
	conditionExhausted = "RetriesExhausted"
	conditionAge       = "EventAgeExceeded"
)

// attempt makes one attempt: it invokes the function with the event, or sends the
// invocation record to its destination. The row is as the last attempt left it.
func (q *queue) attempt(ctx context.Context, e queueEntry) error {
	var r queuedEvent
	if err := q.fs.store.View(rowKey(e.seq), func(v []byte) error { return kv.Unmarshal(v, &r, anyJSON) }); err != nil {
		return err
	}
	if r.Record != nil {
		return q.send(ctx, e, &r)
	}
	fn, err := q.fs.Get(r.Function)
	if errors.Is(err, ErrNotFound) || err == nil && e.seq < fn.Created {
		return q.drop(e) // the function was deleted during an attempt; this may be another of its name
	}
	if err != nil {
		return err
	}
	events := DefaultEventConfig()
	if fn.Events != nil {
		events = *fn.Events
	}
	result, err := q.fs.Invoke(ctx, r.Function, r.Payload, process.InvokeOptions{RequestID: r.ID})
	if ctx.Err() != nil {
		// The node is closing. What the function did is not known, so the row stays
		// and the event is attempted again: at least once, as on Lambda.
		return ctx.Err()
	}
	return q.settle(ctx, e, &r, attemptResult{events, result, err})
}

// An attemptResult is what the attempt of an event came to.
type attemptResult struct {
	events EventConfig
	result process.Result
	err    error // why the function was not reached
}

// settle decides what becomes of an event after an attempt. Only a failure of the
// function itself counts as an attempt; one that could not start or had no free
// process costs the event none (invariant 5).
func (q *queue) settle(ctx context.Context, e queueEntry, r *queuedEvent, o attemptResult) error {
	reached := o.err == nil && !o.result.NotStarted
	old := q.fs.opts.Now().Sub(r.At) > time.Duration(o.events.MaxAge)*time.Second
	switch {
	case reached && o.result.FunctionError == "":
		if o.events.OnSuccess == "" {
			return q.drop(e)
		}
		return q.finish(ctx, e, r, o, conditionSuccess)
	case errors.Is(o.err, ErrConcurrency):
		return q.finish(ctx, e, r, o, conditionExhausted)
	case reached:
		if r.Attempts++; r.Attempts > o.events.MaxRetries {
			return q.finish(ctx, e, r, o, conditionExhausted)
		}
		r.Due = q.fs.opts.Now().Add(q.fs.opts.Pause(r.Attempts, true))
	default:
		r.Due = q.fs.opts.Now().Add(q.fs.opts.Pause(r.Waits, false))
		r.Waits++
	}
	if old {
		return q.finish(ctx, e, r, o, conditionAge)
	}
	return q.keep(e, r)
}

// keep stores an event that waits again.
func (q *queue) keep(e queueEntry, r *queuedEvent) error {
	if err := q.write(e, r); err != nil {
		return err
	}
	// Only now may another attempt begin: it reads the row that was just written.
	e.due, e.record = r.Due, r.Record != nil
	q.add(e)
	return nil
}

// write stores the row of an event.
func (q *queue) write(e queueEntry, r *queuedEvent) error {
	value, err := json.Marshal(r, anyJSON)
	if err != nil {
		return err
	}
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Set(rowKey(e.seq), value)
	_, err = q.fs.store.Commit(b)
	return err
}

// drop removes the row of an event that is dealt with.
func (q *queue) drop(e queueEntry) error {
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Delete(rowKey(e.seq))
	_, err := q.fs.store.Commit(b)
	return err
}

// A recordBody is what a destination gets, in the form of the Lambda
// developer guide, "Capturing records of Lambda asynchronous invocations".
type recordBody struct {
	Version        string           `json:"version"`
	Timestamp      string           `json:"timestamp"`
	RequestContext requestContext   `json:"requestContext"`
	Request        jsontext.Value   `json:"requestPayload"`
	Context        *responseContext `json:"responseContext,omitzero"`
	Response       jsontext.Value   `json:"responsePayload,omitzero"`
}

type requestContext struct {
	ID        string `json:"requestId"`
	ARN       string `json:"functionArn"`
	Condition string `json:"condition"`
	Count     int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	Status  int    `json:"statusCode"`
	Version string `json:"executedVersion"`
	Error   string `json:"functionError,omitzero"`
}

// finish ends the attempts of an event: its invocation record goes to the
// destination of the condition or, without one, to the dead letters.
func (q *queue) finish(ctx context.Context, e queueEntry, r *queuedEvent, o attemptResult, condition string) error {
	rec := recordBody{
		Version: "1.0", Timestamp: q.fs.now().Format("2006-01-02T15:04:05.000Z"), Request: recorded(r.Payload),
		RequestContext: requestContext{r.ID, q.fs.ARN(r.Function) + ":" + process.Version, condition, max(1, r.Attempts)},
	}
	if o.err == nil {
		rec.Context = &responseContext{200, process.Version, o.result.FunctionError}
		rec.Response = recorded(o.result.Payload)
	}
	var err error
	if r.Record, err = json.Marshal(&rec, anyJSON); err != nil {
		return err
	}
	r.Good, r.To, r.Waits = condition == conditionSuccess, o.events.OnFailure, 0
	if r.Good {
		r.To = o.events.OnSuccess
	}
	if r.To == "" {
		return q.deadLetter(e, r)
	}
	// The record is durable before the destination gets it: after a crash between
	// the two the record is sent again, but the function is not invoked again.
	e.record = true
	if err := q.write(e, r); err != nil {
		return err
	}
	return q.send(ctx, e, r)
}

// recorded returns a payload as an invocation record has it: as a string if it is no
// JSON, or nests too deep to be read back out of the record in its row.
func recorded(payload []byte) jsontext.Value {
	v := jsontext.Value(payload)
	if v.IsValid(anyJSON) && jsontext.Value(slices.Concat([]byte("[["), payload, []byte("]]"))).IsValid(anyJSON) {
		return v
	}
	text, _ := json.Marshal(string(payload), anyJSON) // a string always marshals
	return text
}

// send hands the invocation record to the destination, and waits to do so again if
// the destination does not take it now. A crash between its taking it and drop
// sends the record twice.
func (q *queue) send(ctx context.Context, e queueEntry, r *queuedEvent) error {
	to, err := q.fs.opts.Destination(r.To)
	if err == nil {
		err = to(ctx, InvocationRecord{q.fs.ARN(r.Function) + ":" + process.Version, r.Good, r.Record})
	}
	if err == nil {
		return q.drop(e)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrRefused) {
		q.fs.opts.Logger.Error("function: the destination refuses the record", "function", r.Function, "destination", r.To, "error", err)
		return q.deadLetter(e, r)
	}
	q.fs.opts.Logger.Warn("function: the destination did not take the record; it is sent again", "function", r.Function, "destination", r.To, "error", err)
	r.Due = q.fs.opts.Now().Add(q.fs.opts.Pause(r.Waits, false))
	r.Waits++
	return q.keep(e, r)
}

// deadLetter makes an event a dead letter of its function: in one batch, so that it
// is in the queue or among the dead letters, never in both or neither.
func (q *queue) deadLetter(e queueEntry, r *queuedEvent) error {
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Delete(rowKey(e.seq))
	b.Set(deadKey(r.Function, e.seq), r.Record)
	_, err := q.fs.store.Commit(b)
	q.fs.opts.Logger.Error("function: event is a dead letter", "function", r.Function, "request", r.ID)
	return err
}

// A DeadLetter is an event whose attempts are used up and which no destination took.
type DeadLetter struct {
	Seq    uint64
	Record []byte // the invocation record, JSON
}

// AddDeadLetter adds, in the batch, a record of what a function failed on to its
// dead letters. Event source mappings call it for batches that they give up.
func (fs *Functions) AddDeadLetter(b *kv.Batch, name string, record []byte) {
	b.Number(1, func(first uint64) { b.Set(deadKey(name, first), record) })
}

// DeadLetters calls fn for the dead letters of a function, oldest first, until
// it returns false.
func (fs *Functions) DeadLetters(name string, fn func(DeadLetter) bool) error {
	it := fs.store.Scan(kv.Prefix(kv.NewKey('f').Uint64(3).String(name)))
	for it.Next() {
		k := kv.ReadKey(it.Key())
		k.Uint64()
		_ = k.String()
		if !fn(DeadLetter{k.Uint64(), bytes.Clone(it.Value())}) {
			break
		}
	}
	return it.Close()
}
