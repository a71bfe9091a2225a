package eventbridge

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

var (
	busName  = awsjson.Text{Min: 1, Max: 256, Pattern: `[/\.\-_A-Za-z0-9]+`, Match: regexp.MustCompile(`^[/.\-_A-Za-z0-9]+$`).MatchString}
	ruleName = awsjson.Text{Min: 1, Max: 64, Pattern: `[\.\-_A-Za-z0-9]+`, Match: regexp.MustCompile(`^[.\-_A-Za-z0-9]+$`).MatchString}
)

// busOf returns the name of a bus that is given by name, by ARN or not at all.
func busOf(s *string) string {
	if s == nil || *s == "" {
		return bus.Default
	}
	if strings.HasPrefix(*s, "arn:") {
		if _, name, ok := strings.Cut(*s, ":event-bus/"); ok {
			return name
		}
	}
	return *s
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// page cuts a list at Limit and NextToken and returns the token of the rest.
func page[T any](list []T, token *string, limit *int) ([]T, string, error) {
	var v awsjson.Validator
	awsjson.Range(&v, limit, "limit", 1, 100)
	if err := v.Err(); err != nil {
		return nil, "", err
	}
	start, size := 0, 100
	if token != nil {
		n, err := strconv.Atoi(*token)
		if err != nil || n < 0 {
			return nil, "", awsjson.Validation("Parameter NextToken is not valid.")
		}
		start = min(n, len(list))
	}
	if limit != nil {
		size = *limit
	}
	if start+size < len(list) {
		return list[start : start+size], strconv.Itoa(start + size), nil
	}
	return list[start:], "", nil
}

func (a *api) createEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ Name, Description, EventSourceName *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(r.Name, "name", busName)
	v.Text(r.Description, "description", awsjson.Text{Max: 512})
	if err := v.Err(); err != nil {
		return nil, err
	}
	if r.EventSourceName != nil {
		return nil, &awsjson.Error{Type: "ResourceNotFoundException", Message: "Event source " + *r.EventSourceName + " does not exist."}
	}
	if strings.Contains(*r.Name, "/") {
		return nil, awsjson.Validation("Event bus name must not contain '/'.")
	}
	now := time.Now().UTC()
	b := bus.Bus{Name: *r.Name, Description: value(r.Description), Created: now, Modified: now}
	if err := a.buses.Create(b); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		EventBusArn string
		Description string `json:",omitzero"`
	}{a.buses.ARN(b.Name), b.Description})
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

type busDescription struct {
	Name             string
	Arn              string
	Description      string `json:",omitzero"`
	CreationTime     float64
	LastModifiedTime float64
}

func (a *api) describe(b bus.Bus) busDescription {
	return busDescription{b.Name, a.buses.ARN(b.Name), b.Description, epoch(b.Created), epoch(b.Modified)}
}

func (a *api) describeEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ Name *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	b, err := a.buses.Describe(busOf(r.Name))
	if err != nil {
		return nil, err
	}
	return json.Marshal(a.describe(b))
}

func (a *api) listEventBuses(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		NamePrefix, NextToken *string
		Limit                 *int
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	found, next, err := page(a.buses.List(value(r.NamePrefix)), r.NextToken, r.Limit)
	if err != nil {
		return nil, err
	}
	out := struct {
		EventBuses []busDescription
		NextToken  string `json:",omitzero"`
	}{[]busDescription{}, next}
	for _, b := range found {
		out.EventBuses = append(out.EventBuses, a.describe(b))
	}
	return json.Marshal(out)
}

func (a *api) deleteEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ Name *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(r.Name, "name", busName)
	if err := v.Err(); err != nil {
		return nil, err
	}
	return []byte("{}"), a.buses.Delete(busOf(r.Name))
}

// A ruleRequest names a rule, and more for some operations.
type ruleRequest struct {
	Name, Rule, EventBusName, EventPattern, ScheduleExpression *string
	State, Description, RoleArn, NamePrefix, NextToken         *string
	Limit                                                      *int
	Targets                                                    []target
	Ids                                                        []string
}

// decodeRule reads a request; name picks the member that names the rule.
func decodeRule(body []byte, name func(*ruleRequest) *string, path string) (*ruleRequest, error) {
	r := &ruleRequest{}
	if err := awsjson.Decode(body, r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(name(r), path, ruleName)
	return r, v.Err()
}

func byName(r *ruleRequest) *string { return r.Name }
func byRule(r *ruleRequest) *string { return r.Rule }

func (a *api) putRule(_ context.Context, body []byte) ([]byte, error) {
	r, err := decodeRule(body, byName, "name")
	if err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.State, "state", awsjson.Text{Enum: []string{"ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}})
	v.Text(r.EventPattern, "eventPattern", awsjson.Text{Max: 4096})
	v.Text(r.Description, "description", awsjson.Text{Max: 512})
	if err := v.Err(); err != nil {
		return nil, err
	}
	name := busOf(r.EventBusName)
	switch {
	case value(r.ScheduleExpression) != "" && name != bus.Default:
		return nil, awsjson.Validation("ScheduleExpression is supported only on the default event bus.")
	case value(r.ScheduleExpression) != "":
		return nil, awsjson.Validation("Parameter ScheduleExpression is not valid. Reason: schedules are not offered; see docs/compat.md")
	case value(r.EventPattern) == "":
		return nil, awsjson.Validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	rule := bus.Rule{
		Bus: name, Name: *r.Name, Pattern: *r.EventPattern, Disabled: value(r.State) == "DISABLED",
		Description: value(r.Description), RoleARN: value(r.RoleArn),
	}
	if err := a.buses.PutRule(rule); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"RuleArn": a.buses.RuleARN(name, rule.Name)})
}

type ruleDescription struct {
	Name         string
	Arn          string
	EventPattern string
	State        string
	Description  string `json:",omitzero"`
	RoleArn      string `json:",omitzero"`
	EventBusName string
	CreatedBy    string `json:",omitzero"`
}

func (a *api) describeOne(r bus.Rule) ruleDescription {
	state := "ENABLED"
	if r.Disabled {
		state = "DISABLED"
	}
	return ruleDescription{
		Name: r.Name, Arn: a.buses.RuleARN(r.Bus, r.Name), EventPattern: r.Pattern, State: state,
		Description: r.Description, RoleArn: r.RoleARN, EventBusName: r.Bus,
	}
}

func (a *api) describeRule(_ context.Context, body []byte) ([]byte, error) {
	r, err := decodeRule(body, byName, "name")
	if err != nil {
		return nil, err
	}
	rule, err := a.buses.Rule(busOf(r.EventBusName), *r.Name)
	if err != nil {
		return nil, err
	}
	out := a.describeOne(rule)
	out.CreatedBy = strings.Split(out.Arn, ":")[4]
	return json.Marshal(out)
}

func (a *api) listRules(_ context.Context, body []byte) ([]byte, error) {
	r := &ruleRequest{}
	if err := awsjson.Decode(body, r); err != nil {
		return nil, err
	}
	all, err := a.buses.Rules(busOf(r.EventBusName), value(r.NamePrefix))
	if err != nil {
		return nil, err
	}
	found, next, err := page(all, r.NextToken, r.Limit)
	if err != nil {
		return nil, err
	}
	out := struct {
		Rules     []ruleDescription
		NextToken string `json:",omitzero"`
	}{[]ruleDescription{}, next}
	for _, rule := range found {
		out.Rules = append(out.Rules, a.describeOne(rule))
	}
	return json.Marshal(out)
}

func (a *api) deleteRule(_ context.Context, body []byte) ([]byte, error) {
	r, err := decodeRule(body, byName, "name")
	if err != nil {
		return nil, err
	}
	return []byte("{}"), a.buses.DeleteRule(busOf(r.EventBusName), *r.Name)
}

func (a *api) enableRule(_ context.Context, body []byte) ([]byte, error) {
	return a.setEnabled(body, true)
}

func (a *api) disableRule(_ context.Context, body []byte) ([]byte, error) {
	return a.setEnabled(body, false)
}

func (a *api) setEnabled(body []byte, on bool) ([]byte, error) {
	r, err := decodeRule(body, byName, "name")
	if err != nil {
		return nil, err
	}
	return []byte("{}"), a.buses.SetEnabled(busOf(r.EventBusName), *r.Name, on)
}
