package eventbridge

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/target/connection"
)

type destinationMembers struct {
	Name, Description, ConnectionArn, InvocationEndpoint, HttpMethod *string
	InvocationRateLimitPerSecond                                     *int
}

var (
	httpMethods = awsjson.Text{Enum: []string{"POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}}
	calledURL   = whole(2048, `((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?`)
)

func (r *destinationMembers) validate(v *awsjson.Validator) {
	v.RequiredText(r.Name, "name", ruleName)
	v.Text(r.Description, "description", description)
	v.Text(r.ConnectionArn, "connectionArn", anARN)
	v.Text(r.InvocationEndpoint, "invocationEndpoint", calledURL)
	v.Text(r.HttpMethod, "httpMethod", httpMethods)
	awsjson.Range(v, r.InvocationRateLimitPerSecond, "invocationRateLimitPerSecond", 1, 1<<31-1)
}

// meaning returns what is wrong with what the members mean.
func (r *destinationMembers) meaning() error {
	if u := value(r.InvocationEndpoint); u != "" && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		return awsjson.Validation("Parameter InvocationEndpoint is not valid. Reason: It must begin with https:// or http://.")
	}
	if r.ConnectionArn != nil && connectionOf(*r.ConnectionArn) == "" {
		return awsjson.Validation("Parameter ConnectionArn is not valid. Reason: Provided Arn is not in correct format.")
	}
	return nil
}

// connectionOf returns the name of the connection that an ARN names.
func connectionOf(arn string) string {
	_, rest, _ := strings.Cut(arn, ":connection/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (r *destinationMembers) change(d *connection.Destination) {
	assign(&d.Description, r.Description)
	assign(&d.Endpoint, r.InvocationEndpoint)
	assign(&d.Method, r.HttpMethod)
	if r.ConnectionArn != nil {
		d.Connection = connectionOf(*r.ConnectionArn)
	}
	if r.InvocationRateLimitPerSecond != nil {
		d.Rate = *r.InvocationRateLimitPerSecond
	}
}

// A destinationItem is an API destination as lists have it.
type destinationItem struct {
	ApiDestinationArn, Name, ApiDestinationState, ConnectionArn, InvocationEndpoint, HttpMethod string
	InvocationRateLimitPerSecond                                                                int
	CreationTime, LastModifiedTime                                                              float64
}

func (a *api) destinationItem(d connection.Destination) destinationItem {
	state, id := "INACTIVE", ""
	if _, active, err := a.conns.Destination(d.Name); err == nil && active {
		state = "ACTIVE"
	}
	if c, _, err := a.conns.Describe(d.Connection); err == nil {
		id = "/" + c.ID
	}
	return destinationItem{
		a.arn("api-destination/" + d.Name + "/" + d.ID), d.Name, state, a.arn("connection/" + d.Connection + id), d.Endpoint, d.Method,
		d.Rate, epoch(d.Created), epoch(d.Modified),
	}
}

// destinationAnswer is the answer of CreateApiDestination and
// UpdateApiDestination.
func (a *api) destinationAnswer(d connection.Destination) ([]byte, error) {
	x := a.destinationItem(d)
	return json.Marshal(struct {
		ApiDestinationArn, ApiDestinationState string
		CreationTime, LastModifiedTime         float64
	}{x.ApiDestinationArn, x.ApiDestinationState, x.CreationTime, x.LastModifiedTime})
}

func (a *api) createApiDestination(_ context.Context, body []byte) ([]byte, error) {
	var r destinationMembers
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Required(r.ConnectionArn != nil, "connectionArn")
	v.Required(r.InvocationEndpoint != nil, "invocationEndpoint")
	v.Required(r.HttpMethod != nil, "httpMethod")
	r.validate(&v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	if err := r.meaning(); err != nil {
		return nil, err
	}
	d := connection.Destination{Name: *r.Name}
	r.change(&d)
	made, err := a.conns.CreateDestination(d)
	if err != nil {
		return nil, err
	}
	return a.destinationAnswer(made)
}

func (a *api) updateApiDestination(_ context.Context, body []byte) ([]byte, error) {
	var r destinationMembers
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	r.validate(&v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	if err := r.meaning(); err != nil {
		return nil, err
	}
	d, err := a.conns.UpdateDestination(*r.Name, r.change)
	if err != nil {
		return nil, err
	}
	return a.destinationAnswer(d)
}

func (a *api) describeApiDestination(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "name", ruleName)
	if err != nil {
		return nil, err
	}
	d, _, err := a.conns.Destination(name)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Description string `json:",omitzero"`
		destinationItem
	}{d.Description, a.destinationItem(d)})
}

func (a *api) deleteApiDestination(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "name", ruleName)
	if err != nil {
		return nil, err
	}
	return blank, a.conns.DeleteDestination(name)
}

func (a *api) listApiDestinations(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		NamePrefix, ConnectionArn *string
		paging
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.NamePrefix, "namePrefix", ruleName)
	v.Text(r.ConnectionArn, "connectionArn", anARN)
	r.validate(&v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	var wanted []connection.Destination
	for _, d := range a.conns.Destinations(value(r.NamePrefix)) {
		if r.ConnectionArn == nil || connectionOf(*r.ConnectionArn) == d.Connection {
			wanted = append(wanted, d)
		}
	}
	found, next, err := cut(&r.paging, wanted, func(d connection.Destination) string { return d.Name })
	if err != nil {
		return nil, err
	}
	out := struct {
		ApiDestinations []destinationItem
		NextToken       string `json:",omitzero"`
	}{[]destinationItem{}, next}
	for _, d := range found {
		out.ApiDestinations = append(out.ApiDestinations, a.destinationItem(d))
	}
	return json.Marshal(out)
}
