package eventbridge

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/pattern"
)

type entry struct {
	Time                                                  *float64
	Source, DetailType, Detail, EventBusName, TraceHeader *string
	EventGroupId, DeduplicationId                         *string // as the newer event buses of AWS have them
	Resources                                             []string
}

func (e *entry) validate(v *awsjson.Validator, at string) {
	for i := range e.Resources {
		v.Text(&e.Resources[i], fmt.Sprintf("%sresources.%d.member", at, i+1), awsjson.Text{Max: 2048})
	}
	v.Text(e.EventBusName, at+"eventBusName", entryBusRef)
	v.Text(e.TraceHeader, at+"traceHeader", awsjson.Text{Min: 1, Max: 500})
	v.Text(e.EventGroupId, at+"eventGroupId", awsjson.Text{Min: 1, Max: 128})
	v.Text(e.DeduplicationId, at+"deduplicationId", awsjson.Text{Min: 1, Max: 128})
}

// domain returns a valid entry as package bus has it.
func (e *entry) domain(a *api) bus.Entry {
	out := bus.Entry{
		Bus: a.busOf(e.EventBusName), Source: value(e.Source), DetailType: value(e.DetailType),
		Detail: []byte(value(e.Detail)), Resources: e.Resources, Trace: value(e.TraceHeader),
		Group: value(e.EventGroupId), DeduplicationID: value(e.DeduplicationId),
	}
	if e.Time != nil {
		out.Time = moment(*e.Time)
	}
	return out
}

// moment returns the time that is so many seconds after 1970. A number that is far
// outside the range of times is cut to one that is still outside.
func moment(seconds float64) time.Time {
	whole, frac := math.Modf(min(max(seconds, -1e12), 1e12))
	return time.Unix(int64(whole), int64(math.Round(frac*1e6))*1e3).UTC()
}

type putResult struct {
	EventId      string `json:",omitzero"`
	SuccessCode  string `json:",omitzero"` // for an entry with a deduplication id
	ErrorCode    string `json:",omitzero"`
	ErrorMessage string `json:",omitzero"`
}

func (a *api) putEvents(ctx context.Context, body []byte) ([]byte, error) {
	var r struct {
		Entries    list[entry] `model:"PutEventsRequestEntry"`
		EndpointId *string
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Required(r.Entries != nil, "entries")
		if r.Entries != nil {
			v.Length(len(r.Entries), members(len(r.Entries)), "entries", 1, event.MaxPutEntries)
		}
		for i := range r.Entries {
			r.Entries[i].validate(v, fmt.Sprintf("entries.%d.member.", i+1))
		}
	})
	if err != nil {
		return nil, err
	}
	if r.EndpointId != nil {
		return nil, awsjson.Validation("Parameter EndpointId is not valid. Reason: Global endpoints are not offered here.")
	}
	entries := make([]bus.Entry, len(r.Entries))
	for i := range r.Entries {
		entries[i] = r.Entries[i].domain(a)
		entries[i].Trace = cmp.Or(entries[i].Trace, trace.From(ctx).AWS())
	}
	results, err := a.buses.Put(ctx, entries)
	if err != nil {
		return nil, err
	}
	return answerPut(entries, results)
}

func answerPut(entries []bus.Entry, results []bus.Result) ([]byte, error) {
	var out struct {
		FailedEntryCount int
		Entries          []putResult
	}
	for i, r := range results {
		if on := entries[i].Bus; arn.IsARN(on) { // of another account or region; it went nowhere
			out.FailedEntryCount++
			out.Entries = append(out.Entries, putResult{ErrorCode: "AccessDeniedException", ErrorMessage: "Not authorized to perform: events:PutEvents on resource: " + on + " because no resource-based policy allows the events:PutEvents action"})
			continue
		}
		if r.Err == nil {
			out.Entries = append(out.Entries, putResult{EventId: r.ID, SuccessCode: success(&entries[i], r)})
			continue
		}
		e := mapError(r.Err)
		if e == nil {
			return nil, r.Err
		}
		out.FailedEntryCount++
		out.Entries = append(out.Entries, putResult{ErrorCode: e.Type, ErrorMessage: e.Message})
	}
	return json.Marshal(out)
}

// success returns the SuccessCode of an entry with a deduplication id; empty for
// others.
func success(e *bus.Entry, r bus.Result) string {
	switch {
	case e.DeduplicationID == "":
		return ""
	case r.Duplicate:
		return "DEDUPLICATED"
	default:
		return "PUBLISHED"
	}
}

func (a *api) testEventPattern(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ EventPattern, Event *string }
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.RequiredText(r.EventPattern, "eventPattern", awsjson.Text{Max: 4096})
		v.Required(r.Event != nil, "event")
	})
	if err != nil {
		return nil, err
	}
	p, err := pattern.Compile([]byte(*r.EventPattern))
	if err != nil {
		return nil, err
	}
	matched := false
	if _, err = event.Parse([]byte(*r.Event)); err == nil {
		matched, err = p.Match([]byte(*r.Event))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", event.ErrEnvelope, err)
	}
	return json.Marshal(struct{ Result bool }{matched})
}
