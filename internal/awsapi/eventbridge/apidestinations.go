package eventbridge

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/target/connection"
)

type apiDestinationMembers struct {
	Name, Description, ConnectionArn, InvocationEndpoint, HttpMethod *string
	InvocationRateLimitPerSecond                                     *int
}

var (
	httpMethods = awsjson.Text{Enum: []string{"POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}}
	calledURL   = whole(2048, `((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?`)
)

func (r *apiDestinationMembers) validate(v *awsjson.Validator) {
	v.RequiredText(r.Name, "name", ruleName)
	v.Text(r.Description, "description", description)
	v.Text(r.ConnectionArn, "connectionArn", anARN)
	v.Text(r.InvocationEndpoint, "invocationEndpoint", calledURL)
	v.Text(r.HttpMethod, "httpMethod", httpMethods)
	awsjson.Range(v, r.InvocationRateLimitPerSecond, "invocationRateLimitPerSecond", 1, 1<<31-1)
}

// meaning returns the error of members that satisfy the model and name nothing that
// can be called.
func (r *apiDestinationMembers) meaning(a *api) error {
	if u := value(r.InvocationEndpoint); u != "" && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		return awsjson.Validation("Parameter InvocationEndpoint is not valid. Reason: It must begin with https:// or http://.")
	}
	if r.ConnectionArn != nil && a.connectionOf(*r.ConnectionArn) == "" {
		return awsjson.Validation("Parameter ConnectionArn is not valid. Reason: Provided Arn is not in correct format.")
	}
	return nil
}

// connectionOf returns the name of the connection that an ARN names: the part of
// connection/NAME/ID before the id.
func (a *api) connectionOf(arn string) string {
	name, _, _ := strings.Cut(a.resourceName(arn, "connection"), "/")
	return name
}

func (r *apiDestinationMembers) change(a *api, d *connection.Destination) {
	assign(&d.Description, r.Description)
	assign(&d.Endpoint, r.InvocationEndpoint)
	assign(&d.Method, r.HttpMethod)
	if r.ConnectionArn != nil {
		d.Connection = a.connectionOf(*r.ConnectionArn)
	}
	if r.InvocationRateLimitPerSecond != nil {
		d.Rate = *r.InvocationRateLimitPerSecond
	}
}

// An apiDestinationItem is an API destination as lists have it.
type apiDestinationItem struct {
	ApiDestinationArn, Name, ApiDestinationState, ConnectionArn, InvocationEndpoint, HttpMethod string
	InvocationRateLimitPerSecond                                                                int
	CreationTime, LastModifiedTime                                                              float64
}

func (a *api) apiDestinationItem(d connection.Destination) apiDestinationItem {
	state, id := "INACTIVE", ""
	if _, active, err := a.conns.Destination(d.Name); err == nil && active {
		state = "ACTIVE"
	}
	if c, _, err := a.conns.Describe(d.Connection); err == nil {
		id = "/" + c.ID
	}
	return apiDestinationItem{
		a.arn("api-destination/" + d.Name + "/" + d.ID), d.Name, state, a.arn("connection/" + d.Connection + id), d.Endpoint, d.Method,
		d.Rate, epoch(d.Created), epoch(d.Modified),
	}
}

// apiDestinationAnswer is the answer of CreateApiDestination and
// UpdateApiDestination.
func (a *api) apiDestinationAnswer(d connection.Destination) ([]byte, error) {
	x := a.apiDestinationItem(d)
	return json.Marshal(struct {
		ApiDestinationArn, ApiDestinationState string
		CreationTime, LastModifiedTime         float64
	}{x.ApiDestinationArn, x.ApiDestinationState, x.CreationTime, x.LastModifiedTime})
}

func (a *api) createApiDestination(_ context.Context, body []byte) ([]byte, error) {
	var r apiDestinationMembers
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Required(r.ConnectionArn != nil, "connectionArn")
		v.Required(r.InvocationEndpoint != nil, "invocationEndpoint")
		v.Required(r.HttpMethod != nil, "httpMethod")
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	if err := r.meaning(a); err != nil {
		return nil, err
	}
	d := connection.Destination{Name: *r.Name}
	r.change(a, &d)
	made, err := a.conns.CreateDestination(d)
	if err != nil {
		return nil, err
	}
	return a.apiDestinationAnswer(made)
}

func (a *api) updateApiDestination(_ context.Context, body []byte) ([]byte, error) {
	var r apiDestinationMembers
	err := awsjson.DecodeValid(body, &r, r.validate)
	if err != nil {
		return nil, err
	}
	if err := r.meaning(a); err != nil {
		return nil, err
	}
	d, err := a.conns.UpdateDestination(*r.Name, func(d *connection.Destination) { r.change(a, d) })
	if err != nil {
		return nil, err
	}
	return a.apiDestinationAnswer(d)
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
		apiDestinationItem
	}{d.Description, a.apiDestinationItem(d)})
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
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Text(r.NamePrefix, "namePrefix", ruleName)
		v.Text(r.ConnectionArn, "connectionArn", anARN)
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	var wanted []connection.Destination
	for _, d := range a.conns.Destinations(value(r.NamePrefix)) {
		if r.ConnectionArn == nil || a.connectionOf(*r.ConnectionArn) == d.Connection {
			wanted = append(wanted, d)
		}
	}
	return answer(&r.paging, "ApiDestinations", wanted, func(d connection.Destination) string { return d.Name }, a.apiDestinationItem)
}
