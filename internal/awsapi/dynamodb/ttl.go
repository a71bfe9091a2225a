package dynamodb

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
)

func (a *api) updateTimeToLive(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		TableName               *string
		TimeToLiveSpecification *struct {
			AttributeName *string
			Enabled       *bool
		}
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	name, err := a.controlTable(r.TableName, &v)
	if err != nil {
		return nil, err
	}
	v.Required(r.TimeToLiveSpecification != nil, "timeToLiveSpecification")
	if s := r.TimeToLiveSpecification; s != nil {
		v.Required(s.Enabled != nil, "timeToLiveSpecification.enabled")
		v.RequiredText(s.AttributeName, "timeToLiveSpecification.attributeName", awsjson.Text{Min: 1, Max: 255})
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	s := r.TimeToLiveSpecification
	if err := a.expire(name, *s.AttributeName, *s.Enabled); err != nil {
		return nil, missing(err, name)
	}
	return json.Marshal(map[string]any{"TimeToLiveSpecification": map[string]any{"AttributeName": *s.AttributeName, "Enabled": *s.Enabled}})
}

// expire turns the time to live of a table on or off.
func (a *api) expire(name, attribute string, on bool) error {
	if on {
		return a.tables.SetTTL(name, attribute)
	}
	old, _, err := a.tables.TTL(name)
	if err != nil {
		return err
	}
	if old != "" && old != attribute {
		return awsjson.Validation("TimeToLive is active on a different AttributeName: current AttributeName is " + old)
	}
	return a.tables.SetTTL(name, "")
}

func (a *api) describeTimeToLive(_ context.Context, body []byte) ([]byte, error) {
	name, err := a.named(body)
	if err != nil {
		return nil, err
	}
	attribute, whole, err := a.tables.TTL(name)
	if err != nil {
		return nil, missing(err, name)
	}
	out := map[string]string{"TimeToLiveStatus": "DISABLED"}
	switch {
	case attribute != "" && whole:
		out = map[string]string{"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}
	case attribute != "":
		out = map[string]string{"TimeToLiveStatus": "ENABLING", "AttributeName": attribute}
	}
	return json.Marshal(map[string]any{"TimeToLiveDescription": out}, json.Deterministic(true))
}
