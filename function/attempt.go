package function

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
)

// Conditions of a Record.
const (
	conditionSuccess   = "Success"
	conditionExhausted = "RetriesExhausted"
	conditionAge       = "EventAgeExceeded"
)

// attempt invokes the function with an event, or tells its destination.
func (q *queue) attempt(ctx context.Context, m mark) error {
	var r row
	if err := q.fs.store.View(rowKey(m.seq), func(v []byte) error { return json.Unmarshal(v, &r) }); err != nil {
		return err
	}
	if r.Record != nil {
		return q.send(ctx, m, &r)
	}
	fn, err := q.fs.Get(r.Function)
	if errors.Is(err, ErrNotFound) {
		return q.drop(m)
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
		return ctx.Err()
	}
	return q.settle(ctx, m, &r, outcome{events, result, err})
}

// An outcome is what an attempt came to.
type outcome struct {
	events EventConfig
	result process.Result
	err    error // the function was not reached
}

// settle decides what becomes of an event after an attempt. Only a failure of
// the function itself counts as an attempt.
func (q *queue) settle(ctx context.Context, m mark, r *row, o outcome) error {
	reached := o.err == nil && !o.result.NotStarted
	old := q.fs.opts.Now().Sub(r.At) > time.Duration(o.events.MaxAge)*time.Second
	switch {
	case reached && o.result.FunctionError == "":
		if o.events.OnSuccess == "" {
			return q.drop(m)
		}
		return q.finish(ctx, m, r, o, conditionSuccess)
	case errors.Is(o.err, ErrConcurrency):
		return q.finish(ctx, m, r, o, conditionExhausted)
	case reached:
		if r.Attempts++; r.Attempts > o.events.MaxRetries {
			return q.finish(ctx, m, r, o, conditionExhausted)
		}
		r.Due = q.fs.opts.Now().Add(q.fs.opts.Pause(r.Attempts, true))
	default:
		r.Due = q.fs.opts.Now().Add(q.fs.opts.Pause(r.Waits, false))
		r.Waits++
	}
	if old {
		return q.finish(ctx, m, r, o, conditionAge)
	}
	return q.keep(m, r)
}

// keep stores a row that waits again.
func (q *queue) keep(m mark, r *row) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Set(rowKey(m.seq), value)
	if _, err := q.fs.store.Commit(b); err != nil {
		return err
	}
	m.due = r.Due
	q.add(m)
	return nil
}

// drop removes a row.
func (q *queue) drop(m mark) error {
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Delete(rowKey(m.seq))
	_, err := q.fs.store.Commit(b)
	return err
}

// recordJSON is what a destination is told, as AWS writes it.
type recordJSON struct {
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

// finish ends the attempts of an event: its record goes to the destination, or
// to the dead letters.
func (q *queue) finish(ctx context.Context, m mark, r *row, o outcome, condition string) error {
	rec := recordJSON{
		Version: "1.0", Timestamp: q.fs.now().Format("2006-01-02T15:04:05.000Z"), Request: r.Payload,
		RequestContext: requestContext{r.ID, q.fs.ARN(r.Function) + ":" + process.Version, condition, max(1, r.Attempts)},
	}
	if o.err == nil {
		rec.Context = &responseContext{200, process.Version, o.result.FunctionError}
		rec.Response = o.result.Payload
		if !rec.Response.IsValid() {
			rec.Response, _ = json.Marshal(string(o.result.Payload), jsontext.AllowInvalidUTF8(true))
		}
	}
	var err error
	if r.Record, err = json.Marshal(&rec); err != nil {
		return err
	}
	r.Good, r.To, r.Waits = condition == conditionSuccess, o.events.OnFailure, 0
	if r.Good {
		r.To = o.events.OnSuccess
	}
	if r.To == "" {
		return q.bury(m, r)
	}
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Set(rowKey(m.seq), value)
	if _, err := q.fs.store.Commit(b); err != nil {
		return err
	}
	return q.send(ctx, m, r)
}

// send tells the destination, and tries again later if it does not take it.
func (q *queue) send(ctx context.Context, m mark, r *row) error {
	to, err := q.fs.opts.Destination(r.To)
	if err == nil {
		err = to(ctx, Record{q.fs.ARN(r.Function) + ":" + process.Version, r.Good, r.Record})
	}
	if err == nil {
		return q.drop(m)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrRefused) {
		q.fs.opts.Logger.Error("function: the destination refuses the record", "function", r.Function, "destination", r.To, "error", err)
		return q.bury(m, r)
	}
	q.fs.opts.Logger.Warn("function: the destination did not take the record; it is told again", "function", r.Function, "destination", r.To, "error", err)
	r.Due = q.fs.opts.Now().Add(q.fs.opts.Pause(r.Waits, false))
	r.Waits++
	return q.keep(m, r)
}

// bury makes an event a dead letter of its function.
func (q *queue) bury(m mark, r *row) error {
	b := q.fs.store.NewBatch()
	b.UseReserve()
	b.Delete(rowKey(m.seq))
	b.Set(deadKey(r.Function, m.seq), r.Record)
	_, err := q.fs.store.Commit(b)
	q.fs.opts.Logger.Error("function: event is a dead letter", "function", r.Function, "request", r.ID)
	return err
}

// A DeadLetter is an event that no attempt succeeded with.
type DeadLetter struct {
	Seq    uint64
	Record []byte // JSON, as a destination would have been told
}

// Bury adds the record of what a function failed on to its dead letters.
func (fs *Functions) Bury(b *kv.Batch, name string, record []byte) {
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
