package eventbridge

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

type putRuleRequest struct {
	Name, ScheduleExpression, EventPattern, State, Description, RoleArn, EventBusName *string
	Tags                                                                              list[tag]
}

func (r *putRuleRequest) validate() error {
	var v awsjson.Validator
	v.RequiredText(r.Name, "name", ruleName)
	v.Text(r.ScheduleExpression, "scheduleExpression", awsjson.Text{Max: 256})
	v.Text(r.EventPattern, "eventPattern", awsjson.Text{Max: 4096})
	v.Text(r.State, "state", ruleStates)
	v.Text(r.Description, "description", description)
	v.Text(r.RoleArn, "roleArn", anARN)
	validateTags(&v, r.Tags)
	v.Text(r.EventBusName, "eventBusName", busRef)
	if err := v.Err(); err != nil {
		return err
	}
	if value(r.ScheduleExpression) == "" && value(r.EventPattern) == "" {
		return awsjson.Validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	return nil
}

func (a *api) putRule(_ context.Context, body []byte) ([]byte, error) {
	var r putRuleRequest
	if err := decode(body, &r); err != nil {
		return nil, err
	}
	on := a.busOf(r.EventBusName)
	if value(r.ScheduleExpression) != "" && on != bus.Default {
		return nil, awsjson.Validation("ScheduleExpression is supported only on the default event bus.")
	}
	tags, err := tagMap(r.Tags)
	if err != nil {
		return nil, err
	}
	rule := bus.Rule{
		Bus: on, Name: *r.Name, Pattern: value(r.EventPattern), Schedule: value(r.ScheduleExpression), Disabled: value(r.State) == "DISABLED",
		Description: value(r.Description), RoleARN: value(r.RoleArn), Tags: tags,
	}
	if err := a.buses.PutRule(rule); err != nil {
		return nil, err
	}
	return json.Marshal(struct{ RuleArn string }{a.buses.RuleARN(rule.Bus, rule.Name)})
}

// A ruleRef names a rule.
type ruleRef struct{ Name, EventBusName *string }

func (a *api) decodeRuleRef(body []byte) (name, rule string, err error) {
	var r ruleRef
	if err := awsjson.Decode(body, &r); err != nil {
		return "", "", err
	}
	var v awsjson.Validator
	v.RequiredText(r.Name, "name", ruleName)
	v.Text(r.EventBusName, "eventBusName", busRef)
	if err := v.Err(); err != nil {
		return "", "", err
	}
	return a.busOf(r.EventBusName), *r.Name, nil
}

type ruleDescription struct {
	Name               string
	Arn                string
	EventPattern       string `json:",omitzero"`
	ScheduleExpression string `json:",omitzero"`
	State              string
	Description        string `json:",omitzero"`
	RoleArn            string `json:",omitzero"`
	ManagedBy          string `json:",omitzero"`
	EventBusName       string
	CreatedBy          string `json:",omitzero"`
}

// listedRule describes a rule as lists do.
func (a *api) listedRule(r bus.Rule) ruleDescription {
	state := "ENABLED"
	if r.Disabled {
		state = "DISABLED"
	}
	return ruleDescription{
		Name: r.Name, Arn: a.buses.RuleARN(r.Bus, r.Name), EventPattern: r.Pattern, ScheduleExpression: r.Schedule, State: state,
		Description: r.Description, RoleArn: r.RoleARN, ManagedBy: r.ManagedBy, EventBusName: r.Bus,
	}
}

func (a *api) describeRule(_ context.Context, body []byte) ([]byte, error) {
	name, rule, err := a.decodeRuleRef(body)
	if err != nil {
		return nil, err
	}
	r, err := a.buses.Rule(name, rule)
	if err != nil {
		return nil, err
	}
	out := a.listedRule(r)
	out.CreatedBy = a.buses.Account()
	return json.Marshal(out)
}

// ruleNameOf returns the name of a rule.
func ruleNameOf(r bus.Rule) string { return r.Name }

func (a *api) listRules(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		NamePrefix, EventBusName *string
		paging
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Text(r.NamePrefix, "namePrefix", ruleName)
		v.Text(r.EventBusName, "eventBusName", busRef)
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	all, err := a.buses.Rules(a.busOf(r.EventBusName), value(r.NamePrefix))
	if err != nil {
		return nil, err
	}
	return answer(&r.paging, "Rules", all, ruleNameOf, a.listedRule)
}

func (a *api) listRuleNamesByTarget(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		TargetArn, EventBusName *string
		paging
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.RequiredText(r.TargetArn, "targetArn", anARN)
		v.Text(r.EventBusName, "eventBusName", busRef)
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	all, err := a.buses.RulesByTarget(a.busOf(r.EventBusName), *r.TargetArn)
	if err != nil {
		return nil, err
	}
	return answer(&r.paging, "RuleNames", all, ruleNameOf, ruleNameOf)
}

func (a *api) deleteRule(_ context.Context, body []byte) ([]byte, error) {
	name, rule, err := a.decodeRuleRef(body)
	if err != nil {
		return nil, err
	}
	return blank, a.buses.DeleteRule(name, rule)
}

func (a *api) enableRule(_ context.Context, body []byte) ([]byte, error) {
	return a.setEnabled(body, true)
}

func (a *api) disableRule(_ context.Context, body []byte) ([]byte, error) {
	return a.setEnabled(body, false)
}

func (a *api) setEnabled(body []byte, on bool) ([]byte, error) {
	name, rule, err := a.decodeRuleRef(body)
	if err != nil {
		return nil, err
	}
	return blank, a.buses.SetEnabled(name, rule, on)
}
