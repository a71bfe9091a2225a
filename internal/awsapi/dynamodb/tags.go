package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

type tag struct{ Key, Value *string }

// Limits of tags, in characters.
const (
	maxTagKey   = 128
	maxTagValue = 256
)

// tagMap checks tags and returns them by their keys.
func tagMap(tags []tag) (map[string]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	var v awsjson.Validator
	out := make(map[string]string, len(tags))
	for i, t := range tags {
		at := fmt.Sprintf("tags.%d.member.", i+1)
		v.RequiredText(t.Key, at+"key", awsjson.Text{Min: 1, Max: maxTagKey})
		v.RequiredText(t.Value, at+"value", awsjson.Text{Max: maxTagValue})
		if t.Key != nil && t.Value != nil {
			if _, twice := out[*t.Key]; twice {
				return nil, awsjson.Validation(invalidOnes + "Duplicate tag keys: " + *t.Key)
			}
			out[*t.Key] = *t.Value
		}
	}
	if len(out) > table.MaxTags {
		return nil, awsjson.Validation(fmt.Sprintf(invalidOnes+"Too many tags: at most %d are allowed", table.MaxTags))
	}
	return out, v.Err()
}

// resource returns the name of the table that an ARN means.
func (a *api) resource(arn *string) (string, error) {
	var v awsjson.Validator
	v.RequiredText(arn, "resourceArn", awsjson.Text{Min: 1, Max: 1283})
	if err := v.Err(); err != nil {
		return "", err
	}
	name := a.plainName(*arn)
	if isForeign(name) {
		return name, nil
	}
	if name == *arn || strings.Contains(name, "/") {
		return "", awsjson.Validation("Invalid TableArn: Invalid ResourceArn provided as input " + *arn)
	}
	return name, nil
}

// missingResource returns the error that there is no table of the ARN.
func missingResource(err error, arn *string) error {
	if errors.Is(err, table.ErrNotFound) {
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Requested resource not found: ResourcArn: " + *arn + " not found"}
	}
	return err
}

func (a *api) tagResource(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		ResourceArn *string
		Tags        []tag
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	name, err := a.resource(r.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(r.Tags)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, awsjson.Validation("Atleast one Tag Key should be provided as Input.")
	}
	return nil, missingResource(a.tables.Tag(name, tags), r.ResourceArn)
}

func (a *api) untagResource(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		ResourceArn *string
		TagKeys     []string
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	name, err := a.resource(r.ResourceArn)
	if err != nil {
		return nil, err
	}
	if len(r.TagKeys) == 0 {
		return nil, awsjson.Validation("Atleast one Tag Key should be provided as Input.")
	}
	return nil, missingResource(a.tables.Untag(name, r.TagKeys), r.ResourceArn)
}

// tagsPage is how many tags one answer lists.
const tagsPage = 10

func (a *api) listTagsOfResource(_ context.Context, body []byte) ([]byte, error) {
	var r struct{ ResourceArn, NextToken *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	name, err := a.resource(r.ResourceArn)
	if err != nil {
		return nil, err
	}
	d, err := a.tables.Describe(name)
	if err != nil {
		return nil, missingResource(err, r.ResourceArn)
	}
	var out struct {
		Tags      []tag
		NextToken string `json:",omitzero"`
	}
	out.Tags = []tag{}
	for k, v := range inOrder(d.Tags) {
		switch {
		case r.NextToken != nil && k <= *r.NextToken:
		case len(out.Tags) == tagsPage:
			out.NextToken = *out.Tags[tagsPage-1].Key
		default:
			out.Tags = append(out.Tags, tag{&k, &v})
		}
	}
	out.Tags = slices.Clip(out.Tags)
	return json.Marshal(out)
}
