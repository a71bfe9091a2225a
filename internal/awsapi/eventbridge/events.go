package eventbridge

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/pattern"
)

type entry struct {
	Time         *float64
	Source       string
	DetailType   string
	Detail       string
	Resources    []string
	EventBusName *string
	TraceHeader  string
}

type result struct {
	EventId      string `json:",omitzero"`
	ErrorCode    string `json:",omitzero"`
	ErrorMessage string `json:",omitzero"`
}

// check returns what is wrong with an entry.
func (e *entry) check() (failed result, ok bool) {
	required := func(name string) result {
		return result{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + name + " is not valid. Reason: " + name + " is a required argument."}
	}
	detail := jsontext.Value(e.Detail)
	switch {
	case e.Source == "":
		return required("Source"), false
	case e.DetailType == "":
		return required("DetailType"), false
	case e.Detail == "":
		return required("Detail"), false
	case !detail.IsValid(jsontext.AllowDuplicateNames(true)) || detail.Kind() != '{':
		return result{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}, false
	case strings.HasPrefix(e.Source, "aws."):
		return result{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}, false
	}
	return result{}, true
}

// event makes the event of an entry.
func (e *entry) event() *event.Event {
	detail := jsontext.Value(e.Detail)
	_ = detail.Compact() // it was found valid
	out := &event.Event{Source: e.Source, DetailType: e.DetailType, Detail: detail, Resources: e.Resources, Trace: e.TraceHeader}
	if e.Time != nil {
		whole, frac := math.Modf(*e.Time)
		out.Time = time.Unix(int64(whole), int64(frac*1e9)).UTC()
	}
	return out
}

func (a *api) putEvents(ctx context.Context, body []byte) ([]byte, error) {
	var r struct{ Entries []entry }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Required(r.Entries != nil, "entries")
	if r.Entries != nil {
		v.Length(len(r.Entries), "'"+strconv.Itoa(len(r.Entries))+" entries'", "entries", 1, event.MaxPutEntries)
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	size := 0
	for i := range r.Entries {
		e := &r.Entries[i]
		plain := event.Event{Source: e.Source, DetailType: e.DetailType, Detail: []byte(e.Detail), Resources: e.Resources}
		size += plain.Size(e.Time != nil)
	}
	if size > event.MaxPutSize {
		return nil, awsjson.Validation("Total size of the entries in the request is over the limit.")
	}
	var out struct {
		FailedEntryCount int
		Entries          []result
	}
	var accepted []bus.Outgoing
	for i := range r.Entries {
		e := &r.Entries[i]
		failed, ok := e.check()
		if !ok {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, failed)
			continue
		}
		ev := e.event()
		a.buses.New(ev)
		accepted = append(accepted, bus.Outgoing{Bus: busOf(e.EventBusName), Event: ev})
		out.Entries = append(out.Entries, result{EventId: ev.ID})
	}
	if err := a.buses.Put(ctx, accepted); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

func (a *api) testEventPattern(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ EventPattern, Event *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Required(r.EventPattern != nil, "eventPattern")
	v.Required(r.Event != nil, "event")
	if err := v.Err(); err != nil {
		return nil, err
	}
	p, err := pattern.Compile([]byte(*r.EventPattern))
	if err != nil {
		return nil, err
	}
	if _, err := event.Parse([]byte(*r.Event)); err != nil {
		return nil, awsjson.Validation("Parameter Event is not valid.")
	}
	ok, err := p.Match([]byte(*r.Event))
	if err != nil {
		return nil, awsjson.Validation("Parameter Event is not valid.")
	}
	return json.Marshal(map[string]bool{"Result": ok})
}
