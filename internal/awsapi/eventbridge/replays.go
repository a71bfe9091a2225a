package eventbridge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

type replayDestination struct {
	Arn        *string
	FilterArns []string `json:",omitzero"`
}

type startReplayRequest struct {
	ReplayName, Description, EventSourceArn *string
	EventStartTime, EventEndTime            *float64
	Destination                             *replayDestination
}

func (r *startReplayRequest) validate() error {
	var v awsjson.Validator
	v.RequiredText(r.ReplayName, "replayName", ruleName)
	v.Text(r.Description, "description", description)
	v.RequiredText(r.EventSourceArn, "eventSourceArn", anARN)
	v.Required(r.EventStartTime != nil, "eventStartTime")
	v.Required(r.EventEndTime != nil, "eventEndTime")
	v.Required(r.Destination != nil, "destination")
	if r.Destination != nil {
		v.RequiredText(r.Destination.Arn, "destination.arn", anARN)
		for i := range r.Destination.FilterArns {
			v.Text(&r.Destination.FilterArns[i], fmt.Sprintf("destination.filterArns.%d.member", i+1), anARN)
		}
	}
	return v.Err()
}

// rules returns the names of the rules of a bus that the filter names.
func (d *replayDestination) rules(a *api, on string) (out []string, err error) {
	for _, arn := range d.FilterArns {
		at, rule, err := a.resourceOf(arn)
		if err != nil || rule == "" || at != on {
			return nil, awsjson.Validation("Parameter Destination.FilterArns is not valid. Reason: Must contain ARNs of rules of event bus " + on + ".")
		}
		out = append(out, rule)
	}
	return out, nil
}

func (a *api) startReplay(_ context.Context, body []byte) ([]byte, error) {
	var r startReplayRequest
	if err := decode(body, &r); err != nil {
		return nil, err
	}
	to, err := a.busARN(*r.Destination.Arn, "Destination.Arn")
	if err != nil {
		return nil, err
	}
	from, err := a.archiveARN(*r.EventSourceArn)
	if err != nil {
		return nil, err
	}
	rules, err := r.Destination.rules(a, to)
	if err != nil {
		return nil, err
	}
	made, err := a.buses.StartReplay(bus.Replay{
		Name: *r.ReplayName, Description: value(r.Description), Archive: from, Bus: to, Rules: rules,
		From: moment(*r.EventStartTime), To: moment(*r.EventEndTime),
	})
	if err != nil {
		return nil, missingArchive(err, from)
	}
	return json.Marshal(struct {
		ReplayArn, State string
		ReplayStartTime  float64
	}{a.arn("replay/" + made.Name), made.State, epoch(made.Started)})
}

func (a *api) cancelReplay(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "replayName", ruleName)
	if err != nil {
		return nil, err
	}
	r, err := a.buses.CancelReplay(name)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct{ ReplayArn, State string }{a.arn("replay/" + name), r.State})
}

// A replayItem is a replay as lists have it.
type replayItem struct {
	ReplayName, EventSourceArn, State    string
	StateReason                          string `json:",omitzero"`
	EventStartTime, EventEndTime         float64
	EventLastReplayedTime, ReplayEndTime *float64 `json:",omitzero"`
	ReplayStartTime                      float64
}

func (a *api) replayItem(r bus.Replay) replayItem {
	return replayItem{
		r.Name, a.arn("archive/" + r.Archive), r.State, r.Reason, epoch(r.From), epoch(r.To),
		optionalTime(r.Last), optionalTime(r.Ended), epoch(r.Started),
	}
}

// optionalTime returns the time as numbers on the wire; nil for none.
func optionalTime(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	at := epoch(t)
	return &at
}

func (a *api) describeReplay(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "replayName", ruleName)
	if err != nil {
		return nil, err
	}
	r, err := a.buses.Replay(name)
	if err != nil {
		return nil, err
	}
	to := a.buses.ARN(r.Bus)
	d := replayDestination{Arn: &to}
	for _, rule := range r.Rules {
		d.FilterArns = append(d.FilterArns, a.buses.RuleARN(r.Bus, rule))
	}
	return json.Marshal(struct {
		ReplayArn   string
		Description string `json:",omitzero"`
		Destination replayDestination
		replayItem
	}{a.arn("replay/" + name), r.Description, d, a.replayItem(r)})
}

func (a *api) listReplays(_ context.Context, body []byte) ([]byte, error) {
	var r listing
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.validate("ListReplays", replayStates); err != nil {
		return nil, err
	}
	var wanted []bus.Replay
	for _, x := range a.buses.Replays() {
		if strings.HasPrefix(x.Name, value(r.NamePrefix)) && (r.State == nil || *r.State == x.State) && (r.EventSourceArn == nil || *r.EventSourceArn == a.arn("archive/"+x.Archive)) {
			wanted = append(wanted, x)
		}
	}
	return answer(&r.paging, "Replays", wanted, func(x bus.Replay) string { return x.Name }, a.replayItem)
}
