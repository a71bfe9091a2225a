package eventbridge

import (
	"context"
	"fmt"
	"regexp"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

type target struct {
	Id, Arn          *string
	RoleArn          string            `json:",omitzero"`
	Input            string            `json:",omitzero"`
	InputPath        string            `json:",omitzero"`
	InputTransformer *struct{}         `json:",omitzero"`
	RetryPolicy      *retryPolicy      `json:",omitzero"`
	DeadLetterConfig *deadLetterConfig `json:",omitzero"`
}

type retryPolicy struct {
	MaximumRetryAttempts     *int `json:",omitzero"`
	MaximumEventAgeInSeconds *int `json:",omitzero"`
}

type deadLetterConfig struct{ Arn string }

// arnForm accepts ARNs, and the addresses that Tablecast delivers to. What
// reaches into this machine (commands, files anywhere) is for the configuration
// file alone.
var arnForm = regexp.MustCompile(`^(arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:.+|https?://.+|log:(-|[A-Za-z0-9._-]+))$`)

// validate checks the shape of the target at index i.
func (t *target) validate(v *awsjson.Validator, i int) {
	at := fmt.Sprintf("targets.%d.member.", i+1)
	v.RequiredText(t.Id, at+"id", ruleName)
	v.RequiredText(t.Arn, at+"arn", awsjson.Text{Min: 1, Max: 1600})
	v.Text(&t.Input, at+"input", awsjson.Text{Max: 8192})
	v.Text(&t.InputPath, at+"inputPath", awsjson.Text{Max: 256})
	if p := t.RetryPolicy; p != nil {
		awsjson.Range(v, p.MaximumRetryAttempts, at+"retryPolicy.maximumRetryAttempts", 0, 185)
		awsjson.Range(v, p.MaximumEventAgeInSeconds, at+"retryPolicy.maximumEventAgeInSeconds", 60, 86400)
	}
}

// domain takes the target in, after validate.
func (t *target) domain() (bus.Target, error) {
	out := bus.Target{ID: *t.Id, ARN: *t.Arn, RoleARN: t.RoleArn, Input: t.Input, InputPath: t.InputPath}
	inputs := 0
	for _, given := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if given {
			inputs++
		}
	}
	switch {
	case inputs > 1:
		return out, awsjson.Validation("Only one of Input, InputPath, or InputTransformer must be provided for target " + *t.Id + ".")
	case t.InputTransformer != nil:
		return out, awsjson.Validation("Parameter InputTransformer is not valid. Reason: input transformers are not offered; see docs/compat.md")
	case !arnForm.MatchString(*t.Arn):
		return out, awsjson.Validation("Parameter " + *t.Arn + " is not valid. Reason: Provided Arn is not in correct format.")
	case t.Input != "" && !jsontext.Value(t.Input).IsValid():
		return out, awsjson.Validation("JSON syntax error in input for target " + *t.Id + ".")
	}
	if p := t.RetryPolicy; p != nil {
		out.MaxRetries = p.MaximumRetryAttempts
		if p.MaximumEventAgeInSeconds != nil {
			out.MaxAgeSeconds = *p.MaximumEventAgeInSeconds
		}
	}
	if t.DeadLetterConfig != nil {
		out.DeadLetterARN = t.DeadLetterConfig.Arn
	}
	return out, nil
}

// wire writes a target as answers have it.
func wire(t bus.Target) target {
	out := target{Id: &t.ID, Arn: &t.ARN, RoleArn: t.RoleARN, Input: t.Input, InputPath: t.InputPath}
	if t.MaxRetries != nil || t.MaxAgeSeconds != 0 {
		out.RetryPolicy = &retryPolicy{MaximumRetryAttempts: t.MaxRetries}
		if t.MaxAgeSeconds != 0 {
			out.RetryPolicy.MaximumEventAgeInSeconds = &t.MaxAgeSeconds
		}
	}
	if t.DeadLetterARN != "" {
		out.DeadLetterConfig = &deadLetterConfig{t.DeadLetterARN}
	}
	return out
}

type failedEntry struct{ TargetId, ErrorCode, ErrorMessage string }

// failures is the answer of PutTargets and RemoveTargets.
func failures(entries []failedEntry) ([]byte, error) {
	if entries == nil {
		entries = []failedEntry{}
	}
	return json.Marshal(struct {
		FailedEntryCount int
		FailedEntries    []failedEntry
	}{len(entries), entries})
}

func (a *api) putTargets(_ context.Context, body []byte) ([]byte, error) {
	r, err := decodeRule(body, byRule, "rule")
	if err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Required(r.Targets != nil, "targets")
	if r.Targets != nil {
		v.Length(len(r.Targets), "'[]'", "targets", 1, 100)
	}
	for i := range r.Targets {
		r.Targets[i].validate(&v, i)
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	targets := make([]bus.Target, len(r.Targets))
	for i := range r.Targets {
		if targets[i], err = r.Targets[i].domain(); err != nil {
			return nil, err
		}
	}
	if err := a.buses.PutTargets(busOf(r.EventBusName), *r.Rule, targets); err != nil {
		return nil, err
	}
	return failures(nil)
}

func (a *api) removeTargets(_ context.Context, body []byte) ([]byte, error) {
	r, err := decodeRule(body, byRule, "rule")
	if err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Required(r.Ids != nil, "ids")
	if err := v.Err(); err != nil {
		return nil, err
	}
	missing, err := a.buses.RemoveTargets(busOf(r.EventBusName), *r.Rule, r.Ids)
	if err != nil {
		return nil, err
	}
	var failed []failedEntry
	for _, id := range missing {
		failed = append(failed, failedEntry{id, "ResourceNotFoundException", "Rule '" + *r.Rule + "' does not have a target with the Id '" + id + "'."})
	}
	return failures(failed)
}

func (a *api) listTargetsByRule(_ context.Context, body []byte) ([]byte, error) {
	r, err := decodeRule(body, byRule, "rule")
	if err != nil {
		return nil, err
	}
	rule, err := a.buses.Rule(busOf(r.EventBusName), *r.Rule)
	if err != nil {
		return nil, err
	}
	found, next, err := page(rule.Targets, r.NextToken, r.Limit)
	if err != nil {
		return nil, err
	}
	out := struct {
		Targets   []target
		NextToken string `json:",omitzero"`
	}{[]target{}, next}
	for _, t := range found {
		out.Targets = append(out.Targets, wire(t))
	}
	return json.Marshal(out)
}
