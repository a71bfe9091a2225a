package eventbridge

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// A targetsOf names the rule whose targets a request is about.
type targetsOf struct{ Rule, EventBusName *string }

func (r *targetsOf) validate(v *awsjson.Validator) {
	v.RequiredText(r.Rule, "rule", ruleName)
	v.Text(r.EventBusName, "eventBusName", busRef)
}

// members prints a list in place of its members.
func members(n int) string { return awsjson.Quote("[" + strconv.Itoa(n) + " members]") }

type failedEntry struct{ TargetId, ErrorCode, ErrorMessage string }

// failures is the answer of PutTargets and RemoveTargets.
func failures(entries []failedEntry) ([]byte, error) {
	return json.Marshal(struct {
		FailedEntryCount int
		FailedEntries    []failedEntry
	}{len(entries), entries})
}

func (a *api) putTargets(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		targetsOf
		Targets list[wireTarget] `model:"Target"`
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		r.validate(v)
		v.Required(r.Targets != nil, "targets")
		if r.Targets != nil {
			v.Length(len(r.Targets), members(len(r.Targets)), "targets", 1, 100)
		}
		for i := range r.Targets {
			r.Targets[i].validate(v, fmt.Sprintf("targets.%d.member.", i+1))
		}
	})
	if err != nil {
		return nil, err
	}
	rule, err := a.buses.Rule(a.busOf(r.EventBusName), *r.Rule)
	if err != nil {
		return nil, err
	}
	targets := make([]bus.Target, len(r.Targets))
	for i := range r.Targets {
		targets[i] = r.Targets[i].domain()
		if err := checkAddress(&targets[i], &rule); err != nil {
			return nil, err
		}
	}
	if err := a.buses.PutTargets(rule.Bus, rule.Name, targets); err != nil {
		return nil, err
	}
	return failures(nil)
}

func (a *api) removeTargets(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		targetsOf
		Ids list[string]
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		r.validate(v)
		v.Required(r.Ids != nil, "ids")
		if r.Ids != nil {
			v.Length(len(r.Ids), members(len(r.Ids)), "ids", 1, 100)
		}
		for i := range r.Ids {
			v.Text(&r.Ids[i], fmt.Sprintf("ids.%d.member", i+1), ruleName)
		}
	})
	if err != nil {
		return nil, err
	}
	missing, err := a.buses.RemoveTargets(a.busOf(r.EventBusName), *r.Rule, r.Ids)
	if err != nil {
		return nil, err
	}
	var failed []failedEntry
	for _, id := range missing {
		failed = append(failed, failedEntry{id, notFound, "Rule '" + *r.Rule + "' does not have a target with the Id '" + id + "'."})
	}
	return failures(failed)
}

func (a *api) listTargetsByRule(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		targetsOf
		paging
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		r.targetsOf.validate(v)
		r.paging.validate(v)
	})
	if err != nil {
		return nil, err
	}
	rule, err := a.buses.Rule(a.busOf(r.EventBusName), *r.Rule)
	if err != nil {
		return nil, err
	}
	return answer(&r.paging, "Targets", rule.Targets, func(t bus.Target) string { return t.ID }, wire)
}
