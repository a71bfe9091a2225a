package eventbridge

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/target"
)

// A wireTarget is a target in requests and answers.
type wireTarget struct {
	Id, Arn          *string
	RoleArn          *string           `json:",omitzero"`
	Input            *string           `json:",omitzero"`
	InputPath        *string           `json:",omitzero"`
	InputTransformer *inputTransformer `json:",omitzero"`
	RetryPolicy      *retryPolicy      `json:",omitzero"`
	DeadLetterConfig *deadLetterConfig `json:",omitzero"`

	AppSyncParameters           jsontext.Value `json:",omitzero"`
	BatchParameters             jsontext.Value `json:",omitzero"`
	EcsParameters               jsontext.Value `json:",omitzero"`
	HttpParameters              jsontext.Value `json:",omitzero"`
	KinesisParameters           jsontext.Value `json:",omitzero"`
	RedshiftDataParameters      jsontext.Value `json:",omitzero"`
	RunCommandParameters        jsontext.Value `json:",omitzero"`
	SageMakerPipelineParameters jsontext.Value `json:",omitzero"`
	SqsParameters               jsontext.Value `json:",omitzero"`
}

type inputTransformer struct {
	InputPathsMap map[string]string `json:",omitzero"`
	InputTemplate *string
}

type retryPolicy struct {
	MaximumRetryAttempts     *int `json:",omitzero"`
	MaximumEventAgeInSeconds *int `json:",omitzero"`
}

// blocks returns the parameter blocks of AWS's kinds of targets by their names.
func (t *wireTarget) blocks() map[string]*jsontext.Value {
	return map[string]*jsontext.Value{
		"AppSyncParameters": &t.AppSyncParameters, "BatchParameters": &t.BatchParameters, "EcsParameters": &t.EcsParameters,
		"HttpParameters": &t.HttpParameters, "KinesisParameters": &t.KinesisParameters,
		"RedshiftDataParameters": &t.RedshiftDataParameters, "RunCommandParameters": &t.RunCommandParameters,
		"SageMakerPipelineParameters": &t.SageMakerPipelineParameters, "SqsParameters": &t.SqsParameters,
	}
}

// validate checks the constraints of the model; at is the path of the target.
func (t *wireTarget) validate(v *awsjson.Validator, at string) {
	v.RequiredText(t.Id, at+"id", ruleName)
	v.RequiredText(t.Arn, at+"arn", anARN)
	v.Text(t.RoleArn, at+"roleArn", anARN)
	v.Text(t.Input, at+"input", awsjson.Text{Max: 8192})
	v.Text(t.InputPath, at+"inputPath", awsjson.Text{Max: 256})
	if t.InputTransformer != nil {
		t.InputTransformer.validate(v, at+"inputTransformer.")
	}
	if t.DeadLetterConfig != nil {
		v.Text(t.DeadLetterConfig.Arn, at+"deadLetterConfig.arn", anARN)
	}
	if p := t.RetryPolicy; p != nil {
		awsjson.Range(v, p.MaximumRetryAttempts, at+"retryPolicy.maximumRetryAttempts", 0, 185)
		awsjson.Range(v, p.MaximumEventAgeInSeconds, at+"retryPolicy.maximumEventAgeInSeconds", 60, 86400)
	}
}

const (
	keyRules = "Map keys must satisfy constraint: [Member must have length less than or equal to 256, " +
		"Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
	valueRules = "Map value must satisfy constraint: [Member must have length less than or equal to 256, " +
		"Member must have length greater than or equal to 0]"
)

func (i *inputTransformer) validate(v *awsjson.Validator, at string) {
	paths := at + "inputPathsMap"
	names := slices.Sorted(maps.Keys(i.InputPathsMap))
	var all []string
	for _, name := range names {
		all = append(all, name+"="+i.InputPathsMap[name])
	}
	quoted := awsjson.Quote("{" + strings.Join(all, ", ") + "}")
	v.Length(len(names), quoted, paths, 0, 100)
	if slices.ContainsFunc(names, func(n string) bool { return len(n) > variable.Max || !variable.Match(n) }) {
		v.Fail(quoted, paths, keyRules+variable.Pattern+"]")
	}
	if slices.ContainsFunc(names, func(n string) bool { return utf8.RuneCountInString(i.InputPathsMap[n]) > 256 }) {
		v.Fail(quoted, paths, valueRules)
	}
	v.RequiredText(i.InputTemplate, at+"inputTemplate", awsjson.Text{Min: 1, Max: 8192})
}

// domain returns a valid target as package bus has it.
func (t *wireTarget) domain() bus.Target {
	out := bus.Target{ID: *t.Id, ARN: *t.Arn, RoleARN: value(t.RoleArn), Input: value(t.Input), InputPath: value(t.InputPath)}
	if i := t.InputTransformer; i != nil {
		out.Template, out.Paths = *i.InputTemplate, i.InputPathsMap
	}
	if p := t.RetryPolicy; p != nil {
		out.MaxRetries = p.MaximumRetryAttempts
		if p.MaximumEventAgeInSeconds != nil {
			out.MaxAgeSeconds = *p.MaximumEventAgeInSeconds
		}
	}
	if t.DeadLetterConfig != nil {
		out.DeadLetterARN = value(t.DeadLetterConfig.Arn)
	}
	for name, block := range t.blocks() {
		if *block == nil || block.Kind() == 'n' {
			continue
		}
		if out.Parameters == nil {
			out.Parameters = map[string]jsontext.Value{}
		}
		out.Parameters[name] = block.Clone()
	}
	return out
}

// wire returns a target as answers have it.
func wire(t bus.Target) wireTarget {
	out := wireTarget{Id: &t.ID, Arn: &t.ARN, RoleArn: optional(t.RoleARN), Input: optional(t.Input), InputPath: optional(t.InputPath)}
	if t.Template != "" {
		out.InputTransformer = &inputTransformer{t.Paths, &t.Template}
	}
	if t.MaxRetries != nil || t.MaxAgeSeconds != 0 {
		out.RetryPolicy = &retryPolicy{MaximumRetryAttempts: t.MaxRetries}
		if t.MaxAgeSeconds != 0 {
			out.RetryPolicy.MaximumEventAgeInSeconds = &t.MaxAgeSeconds
		}
	}
	if t.DeadLetterARN != "" {
		out.DeadLetterConfig = &deadLetterConfig{&t.DeadLetterARN}
	}
	for name, block := range out.blocks() {
		*block = t.Parameters[name]
	}
	return out
}

var arnForm = regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:.+$`)

// checkAddress returns why the API does not accept an ARN for a target, or nil.
// Only the operator's file may add a target that reaches into this machine, such as
// a command; PutTargets may repeat one that the rule has from there.
func checkAddress(t *bus.Target, rule *bus.Rule) error {
	if strings.HasPrefix(t.ARN, "arn:") {
		if arnForm.MatchString(t.ARN) {
			return nil
		}
		return awsjson.Validation(fmt.Sprintf("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN))
	}
	_, err := target.Open(t.ARN, target.Options{})
	if err != nil && slices.ContainsFunc(rule.Targets, func(o bus.Target) bool { return o.ID == t.ID && o.ARN == t.ARN }) {
		return nil
	}
	return err
}
