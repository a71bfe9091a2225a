package eventbridge

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// errNoAnswer is the error of an entry that the answer leaves out.
var errNoAnswer = errors.New("eventbridge: the answer has no result for the entry")

// do sends the batch of the lanes' heads, once fewer than Concurrency calls are under
// way and the rate limit allows it; or it puts the detail of a single large event into
// the claim check's store.
func (p *Publisher) do(ctx context.Context, job []*lane) callResult {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return allOf(job, ctx.Err())
	}
	if job[0].claiming {
		return allOf(job, p.check(ctx, job[0].head()))
	}
	if err := p.pace.wait(ctx, p.opts.Now); err != nil {
		return allOf(job, err)
	}
	return p.send(ctx, job)
}

// send calls PutEvents with the heads of lanes.
func (p *Publisher) send(ctx context.Context, job []*lane) callResult {
	in := &sdk.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, len(job))}
	for i, l := range job {
		in.Entries[i] = l.head().entry()
	}
	began := p.opts.Now()
	out, err := p.opts.Client.PutEvents(ctx, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	kind := kindOf(err)
	p.learn(ctx, kind, err)
	if err != nil {
		if kind == throttled {
			p.pace.adapt(true, began, p.opts.Now())
		}
		o := allOf(job, kind.wrap(err))
		o.refused = kind == refused
		return o
	}
	o := callResult{job: job, errs: make([]error, len(job))}
	for i := range job {
		o.errs[i] = result(out, i)
	}
	p.pace.adapt(p.count(o.errs), began, p.opts.Now())
	return o
}

// allOf gives each lane of a job the same error.
func allOf(job []*lane, err error) callResult {
	o := callResult{job: job, errs: make([]error, len(job))}
	for i := range o.errs {
		o.errs[i] = err
	}
	return o
}

// entry returns the event as PutEvents takes it.
func (s *pendingEvent) entry() types.PutEventsRequestEntry {
	e := &s.event
	out := types.PutEventsRequestEntry{
		Source: &e.Source, DetailType: &e.DetailType, Detail: aws.String(string(e.Detail)), Time: &e.Time, Resources: e.Resources,
	}
	if s.bus != "" {
		out.EventBusName = &s.bus
	}
	if e.Trace != "" {
		out.TraceHeader = &e.Trace
	}
	return out
}

// result returns what an answer says of the entry at a place. An answer of 200
// may hold failures.
func result(out *sdk.PutEventsOutput, i int) error {
	if i >= len(out.Entries) {
		return errNoAnswer
	}
	e := &out.Entries[i]
	code := aws.ToString(e.ErrorCode)
	switch {
	case code == "" && aws.ToString(e.EventId) == "":
		return errNoAnswer
	case code == "":
		return nil
	case mayPass[code]:
		return &errTransient{code, aws.ToString(e.ErrorMessage)}
	}
	return &RejectedError{code, aws.ToString(e.ErrorMessage)}
}
