package eventbridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
)

type tag struct{ Key, Value *string }

var tagKey = awsjson.Text{Min: 1, Max: 128}

func validateTags(v *awsjson.Validator, tags []tag) {
	for i, t := range tags {
		at := fmt.Sprintf("tags.%d.member.", i+1)
		v.RequiredText(t.Key, at+"key", tagKey)
		v.RequiredText(t.Value, at+"value", awsjson.Text{Max: 256})
	}
}

// tagMap returns valid tags by their keys; nil if there are none.
func tagMap(tags []tag) (map[string]string, error) {
	var out map[string]string
	for _, t := range tags {
		if strings.HasPrefix(*t.Key, "aws:") {
			return nil, awsjson.Validation("Invalid parameter: Tag keys that begin with aws: are reserved.")
		}
		if _, twice := out[*t.Key]; twice {
			return nil, awsjson.Validation("Invalid parameter: Duplicated keys are not allowed.")
		}
		if out == nil {
			out = map[string]string{}
		}
		out[*t.Key] = *t.Value
	}
	return out, nil
}

func (a *api) tagResource(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		ResourceARN *string
		Tags        list[tag]
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.RequiredText(r.ResourceARN, "resourceARN", anARN)
		v.Required(r.Tags != nil, "tags")
		validateTags(v, r.Tags)
	})
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(r.Tags)
	if err != nil {
		return nil, err
	}
	name, rule, err := a.resourceOf(*r.ResourceARN)
	if err != nil {
		return nil, err
	}
	return blank, a.buses.Tag(name, rule, tags, nil)
}

func (a *api) untagResource(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		ResourceARN *string
		TagKeys     list[string]
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.RequiredText(r.ResourceARN, "resourceARN", anARN)
		v.Required(r.TagKeys != nil, "tagKeys")
		for i := range r.TagKeys {
			v.Text(&r.TagKeys[i], fmt.Sprintf("tagKeys.%d.member", i+1), tagKey)
		}
	})
	if err != nil {
		return nil, err
	}
	name, rule, err := a.resourceOf(*r.ResourceARN)
	if err != nil {
		return nil, err
	}
	return blank, a.buses.Tag(name, rule, nil, r.TagKeys)
}

func (a *api) listTagsForResource(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ ResourceARN *string }
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) { v.RequiredText(r.ResourceARN, "resourceARN", anARN) })
	if err != nil {
		return nil, err
	}
	name, rule, err := a.resourceOf(*r.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags, err := a.buses.Tags(name, rule)
	if err != nil {
		return nil, err
	}
	out := struct{ Tags []tag }{[]tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		out.Tags = append(out.Tags, tag{&key, &value})
	}
	return json.Marshal(out)
}
