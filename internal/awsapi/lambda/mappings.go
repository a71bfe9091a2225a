package lambda

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// mappingsPage is how many mappings one answer lists.
const mappingsPage = 100

func (a *api) createEventSourceMapping(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in struct {
		EventSourceArn, StartingPosition *string
		Tags                             map[string]string
		mappingMembers
	}
	if err := decodeValid(r, &in, func(v *awsjson.Validator) {
		v.Required(in.FunctionName != nil, "functionName")
		v.Text(in.StartingPosition, "startingPosition", awsjson.Text{Enum: []string{"LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"}})
		in.validate(v)
	}); err != nil {
		return nil, err
	}
	source, start := value(in.EventSourceArn), value(in.StartingPosition)
	id, err := arn.Parse(source)
	switch {
	case err != nil || id.Service != "dynamodb":
		return nil, invalid("Unrecognized event source.")
	case start == "":
		return nil, invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	case start == "AT_TIMESTAMP":
		return nil, invalid("Unsupported starting position for arn type: " + source)
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	name, err := a.nameOf(*in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	m := eventsource.Mapping{Stream: source, Start: start, Settings: eventsource.Defaults(), Tags: in.Tags}
	in.apply(&m.Settings, name)
	switch m.OnError = in.Tags[onError]; m.OnError {
	case "", eventsource.Park, eventsource.Block, eventsource.Skip:
	default:
		return nil, invalid("The tag " + onError + " must be park, block or skip.")
	}
	s, err := a.mappings.Create(m)
	if err != nil {
		return nil, err
	}
	s.State = eventsource.Creating
	return answer(http.StatusAccepted, a.mapped(s))
}

func (a *api) getEventSourceMapping(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	s, err := a.mappings.Get(r.Param("UUID"))
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, a.mapped(s))
}

func (a *api) listEventSourceMappings(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	limit, err := number(r, "MaxItems", "maxItems", 1, 10000, mappingsPage)
	if err != nil {
		return nil, err
	}
	name, source := r.Query.Get("FunctionName"), r.Query.Get("EventSourceArn")
	if name != "" {
		if name, err = a.nameOf(name, ""); err != nil {
			return nil, err
		}
	}
	out := struct {
		EventSourceMappings []mappingAnswer
		NextMarker          string `json:",omitzero"`
	}{EventSourceMappings: []mappingAnswer{}}
	for _, s := range a.mappings.List(r.Query.Get("Marker"), 1<<30) {
		if name != "" && s.Function != name || source != "" && s.Stream != source {
			continue
		}
		if n := len(out.EventSourceMappings); n == min(limit, mappingsPage) {
			out.NextMarker = out.EventSourceMappings[n-1].UUID
			break
		}
		out.EventSourceMappings = append(out.EventSourceMappings, a.mapped(s))
	}
	return answer(http.StatusOK, out)
}

func (a *api) updateEventSourceMapping(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	var in mappingMembers
	if err := decodeValid(r, &in, in.validate); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	name := ""
	if in.FunctionName != nil {
		var err error
		if name, err = a.nameOf(*in.FunctionName, ""); err != nil {
			return nil, err
		}
	}
	s, err := a.mappings.Update(r.Param("UUID"), func(s *eventsource.Settings) { in.apply(s, name) })
	if err != nil {
		return nil, err
	}
	return answer(http.StatusAccepted, a.mapped(s))
}

func (a *api) deleteEventSourceMapping(_ context.Context, r *awsjson.Request) (*awsjson.Answer, error) {
	s, err := a.mappings.Delete(r.Param("UUID"))
	if err != nil {
		return nil, err
	}
	return answer(http.StatusAccepted, a.mapped(s))
}
