package eventbridge

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

type deadLetterConfig struct {
	Arn *string `json:",omitzero"`
}

type logConfig struct {
	IncludeDetail *string `json:",omitzero"`
	Level         *string `json:",omitzero"`
}

// optional returns a pointer to a text, or nil if it is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

type createEventBusRequest struct {
	Name, EventSourceName, Description, KmsKeyIdentifier *string
	DeadLetterConfig                                     *deadLetterConfig
	LogConfig                                            *logConfig
	Tags                                                 list[tag]
}

func (r *createEventBusRequest) validate() error {
	var v awsjson.Validator
	v.RequiredText(r.Name, "name", busName)
	v.Text(r.Description, "description", description)
	if r.DeadLetterConfig != nil {
		v.Text(r.DeadLetterConfig.Arn, "deadLetterConfig.arn", anARN)
	}
	if r.LogConfig != nil {
		v.Text(r.LogConfig.IncludeDetail, "logConfig.includeDetail", logDetails)
		v.Text(r.LogConfig.Level, "logConfig.level", logLevels)
	}
	validateTags(&v, r.Tags)
	if err := v.Err(); err != nil {
		return err
	}
	if r.EventSourceName != nil {
		return &awsjson.Error{Type: notFound, Message: "Event source " + *r.EventSourceName + " does not exist."}
	}
	if r.KmsKeyIdentifier != nil {
		return awsjson.Validation("Parameter KmsKeyIdentifier is not valid. Reason: Encryption with customer managed keys is not offered here.")
	}
	return nil
}

func (a *api) createEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r createEventBusRequest
	if err := decode(body, &r); err != nil {
		return nil, err
	}
	tags, err := tagMap(r.Tags)
	if err != nil {
		return nil, err
	}
	b := bus.Bus{Name: *r.Name, Description: value(r.Description), Tags: tags}
	if r.DeadLetterConfig != nil {
		b.DeadLetterARN = value(r.DeadLetterConfig.Arn)
	}
	if r.LogConfig != nil {
		b.LogLevel, b.LogDetail = value(r.LogConfig.Level), value(r.LogConfig.IncludeDetail)
	}
	if err := a.buses.Create(b); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		EventBusArn      string
		Description      string            `json:",omitzero"`
		DeadLetterConfig *deadLetterConfig `json:",omitzero"`
		LogConfig        *logConfig        `json:",omitzero"`
	}{a.buses.ARN(b.Name), b.Description, r.DeadLetterConfig, r.LogConfig})
}

type busDescription struct {
	Name             string
	Arn              string
	Description      string            `json:",omitzero"`
	DeadLetterConfig *deadLetterConfig `json:",omitzero"`
	LogConfig        *logConfig        `json:",omitzero"`
	Policy           string            `json:",omitzero"`
	CreationTime     float64
	LastModifiedTime float64
}

// listed describes a bus as lists do.
func (a *api) listed(b bus.Bus) busDescription {
	return busDescription{
		Name: b.Name, Arn: a.buses.ARN(b.Name), Description: b.Description, Policy: b.Policy,
		CreationTime: epoch(b.Created), LastModifiedTime: epoch(b.Modified),
	}
}

func (a *api) describeEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ Name *string }
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) { v.Text(r.Name, "name", busRef) })
	if err != nil {
		return nil, err
	}
	b, err := a.buses.Describe(a.busOf(r.Name))
	if err != nil {
		return nil, err
	}
	return json.Marshal(a.described(b))
}

// described describes a bus in full.
func (a *api) described(b bus.Bus) busDescription {
	out := a.listed(b)
	if b.DeadLetterARN != "" {
		out.DeadLetterConfig = &deadLetterConfig{&b.DeadLetterARN}
	}
	if b.LogLevel != "" || b.LogDetail != "" {
		out.LogConfig = &logConfig{optional(b.LogDetail), optional(b.LogLevel)}
	}
	return out
}

func (a *api) listEventBuses(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		NamePrefix *string
		paging
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Text(r.NamePrefix, "namePrefix", busName)
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	return answer(&r.paging, "EventBuses", a.buses.List(value(r.NamePrefix)), func(b bus.Bus) string { return b.Name }, a.listed)
}

func (a *api) deleteEventBus(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ Name *string }
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) { v.RequiredText(r.Name, "name", busName) })
	if err != nil {
		return nil, err
	}
	return blank, a.buses.Delete(*r.Name)
}
