package eventbridge

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/target/connection"
)

type wireParameter struct {
	Key           *string
	Value         *string `json:",omitzero"`
	IsValueSecret *bool   `json:",omitzero"`
}

type wireParameters struct {
	HeaderParameters      []wireParameter `json:",omitzero"`
	QueryStringParameters []wireParameter `json:",omitzero"`
	BodyParameters        []wireParameter `json:",omitzero"`
}

type wireAuth struct {
	BasicAuthParameters *struct {
		Username *string
		Password *string `json:",omitzero"`
	} `json:",omitzero"`
	ApiKeyAuthParameters *struct {
		ApiKeyName  *string
		ApiKeyValue *string `json:",omitzero"`
	} `json:",omitzero"`
	OAuthParameters          *wireOAuth      `json:",omitzero"`
	InvocationHttpParameters *wireParameters `json:",omitzero"`
	ConnectivityParameters   jsontext.Value  `json:",omitzero"`
}

type wireOAuth struct {
	AuthorizationEndpoint, HttpMethod *string
	ClientParameters                  *wireClient
	OAuthHttpParameters               *wireParameters `json:",omitzero"`
}

type wireClient struct {
	ClientID     *string
	ClientSecret *string `json:",omitzero"`
}

type connectionMembers struct {
	Name, Description, AuthorizationType, KmsKeyIdentifier *string
	AuthParameters                                         *wireAuth
	InvocationConnectivityParameters                       jsontext.Value
}

var (
	authKinds   = awsjson.Text{Enum: []string{connection.Basic, connection.OAuth, connection.APIKey}}
	authText    = awsjson.Text{Min: 1, Max: 512}
	tokenMethod = awsjson.Text{Enum: []string{"GET", "POST", "PUT"}}
	endpoint    = awsjson.Text{Min: 1, Max: 2048}
)

func (p *wireParameters) validate(v *awsjson.Validator, at string) {
	if p == nil {
		return
	}
	for name, list := range map[string][]wireParameter{"headerParameters": p.HeaderParameters, "queryStringParameters": p.QueryStringParameters, "bodyParameters": p.BodyParameters} {
		if len(list) > 100 {
			v.Fail(members(len(list)), at+name, "Member must have length less than or equal to 100")
		}
		for i := range list {
			v.Text(list[i].Key, fmt.Sprintf("%s%s.%d.member.key", at, name, i+1), authText)
		}
	}
}

func (r *connectionMembers) validate(v *awsjson.Validator) {
	v.RequiredText(r.Name, "name", ruleName)
	v.Text(r.Description, "description", description)
	v.Text(r.AuthorizationType, "authorizationType", authKinds)
	p := r.AuthParameters
	if p == nil {
		return
	}
	if b := p.BasicAuthParameters; b != nil {
		v.Text(b.Username, "authParameters.basicAuthParameters.username", authText)
		v.Text(b.Password, "authParameters.basicAuthParameters.password", authText)
	}
	if k := p.ApiKeyAuthParameters; k != nil {
		v.Text(k.ApiKeyName, "authParameters.apiKeyAuthParameters.apiKeyName", authText)
		v.Text(k.ApiKeyValue, "authParameters.apiKeyAuthParameters.apiKeyValue", authText)
	}
	if o := p.OAuthParameters; o != nil {
		v.Text(o.AuthorizationEndpoint, "authParameters.oAuthParameters.authorizationEndpoint", endpoint)
		v.Text(o.HttpMethod, "authParameters.oAuthParameters.httpMethod", tokenMethod)
		o.OAuthHttpParameters.validate(v, "authParameters.oAuthParameters.oAuthHttpParameters.")
	}
	p.InvocationHttpParameters.validate(v, "authParameters.invocationHttpParameters.")
}

// change sets what the members say in a connection, and returns the error of what
// its authorization type still lacks.
func (r *connectionMembers) change(c *connection.Connection, a *connection.AuthParameters) error {
	if r.Description != nil {
		c.Description = *r.Description
	}
	if r.AuthorizationType != nil {
		c.Kind = *r.AuthorizationType
	}
	if p := r.AuthParameters; p != nil {
		p.change(a)
	}
	if r.KmsKeyIdentifier != nil || r.InvocationConnectivityParameters != nil || r.AuthParameters != nil && r.AuthParameters.ConnectivityParameters != nil {
		return awsjson.Validation("Customer managed keys and private connectivity are not offered here.")
	}
	missing := map[string]bool{
		connection.Basic:  a.Username == "" || a.Password == "",
		connection.APIKey: a.KeyName == "" || a.KeyValue == "",
		connection.OAuth:  a.TokenURL == "" || a.TokenMethod == "" || a.ClientID == "" || a.ClientSecret == "",
	}
	if missing[c.Kind] {
		return awsjson.Validation("Parameter AuthParameters is not valid. Reason: It lacks parameters of authorization type " + c.Kind + ".")
	}
	return nil
}

func (p *wireAuth) change(a *connection.AuthParameters) {
	if b := p.BasicAuthParameters; b != nil {
		assign(&a.Username, b.Username)
		assign(&a.Password, b.Password)
	}
	if k := p.ApiKeyAuthParameters; k != nil {
		assign(&a.KeyName, k.ApiKeyName)
		assign(&a.KeyValue, k.ApiKeyValue)
	}
	if o := p.OAuthParameters; o != nil {
		assign(&a.TokenURL, o.AuthorizationEndpoint)
		assign(&a.TokenMethod, o.HttpMethod)
		if o.ClientParameters != nil {
			assign(&a.ClientID, o.ClientParameters.ClientID)
			assign(&a.ClientSecret, o.ClientParameters.ClientSecret)
		}
		if o.OAuthHttpParameters != nil {
			a.TokenParameters = o.OAuthHttpParameters.domain()
		}
	}
	if p.InvocationHttpParameters != nil {
		a.Invocation = p.InvocationHttpParameters.domain()
	}
}

func assign(to, from *string) {
	if from != nil {
		*to = *from
	}
}

func (p *wireParameters) domain() connection.Parameters {
	list := func(in []wireParameter) (out []connection.Parameter) {
		for _, x := range in {
			out = append(out, connection.Parameter{Key: value(x.Key), Value: value(x.Value), Secret: x.IsValueSecret != nil && *x.IsValueSecret})
		}
		return out
	}
	return connection.Parameters{Header: list(p.HeaderParameters), Query: list(p.QueryStringParameters), Body: list(p.BodyParameters)}
}

func wireParametersOf(p connection.Parameters) *wireParameters {
	if len(p.Header)+len(p.Query)+len(p.Body) == 0 {
		return nil
	}
	list := func(in []connection.Parameter) (out []wireParameter) {
		for _, x := range in {
			out = append(out, wireParameter{&x.Key, optional(x.Value), &x.Secret})
		}
		return out
	}
	return &wireParameters{list(p.Header), list(p.Query), list(p.Body)}
}

// shown returns parameters as DescribeConnection has them, without secrets.
func shown(kind string, a connection.AuthParameters) *wireAuth {
	out := &wireAuth{InvocationHttpParameters: wireParametersOf(a.Invocation)}
	switch kind {
	case connection.Basic:
		out.BasicAuthParameters = &struct {
			Username *string
			Password *string `json:",omitzero"`
		}{&a.Username, nil}
	case connection.APIKey:
		out.ApiKeyAuthParameters = &struct {
			ApiKeyName  *string
			ApiKeyValue *string `json:",omitzero"`
		}{&a.KeyName, nil}
	case connection.OAuth:
		out.OAuthParameters = &wireOAuth{&a.TokenURL, &a.TokenMethod, &wireClient{&a.ClientID, nil}, wireParametersOf(a.TokenParameters)}
	}
	return out
}

// A connectionItem is a connection as most answers have it.
type connectionItem struct {
	ConnectionArn, ConnectionState string
	CreationTime, LastModifiedTime float64
	LastAuthorizedTime             *float64 `json:",omitzero"`
}

func (a *api) connectionItem(c connection.Connection) connectionItem {
	return connectionItem{a.arn("connection/" + c.Name + "/" + c.ID), c.State, epoch(c.Created), epoch(c.Modified), optionalTime(c.Authorized)}
}

func (a *api) createConnection(_ context.Context, body []byte) ([]byte, error) {
	var r connectionMembers
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Required(r.AuthorizationType != nil, "authorizationType")
		v.Required(r.AuthParameters != nil, "authParameters")
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	c, auth := connection.Connection{Name: *r.Name}, connection.AuthParameters{}
	if err := r.change(&c, &auth); err != nil {
		return nil, err
	}
	made, err := a.conns.Create(c, auth)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a.connectionItem(made))
}

func (a *api) updateConnection(_ context.Context, body []byte) ([]byte, error) {
	var r connectionMembers
	err := awsjson.DecodeValid(body, &r, r.validate)
	if err != nil {
		return nil, err
	}
	c, err := a.conns.Update(*r.Name, r.change)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a.connectionItem(c))
}

func (a *api) describeConnection(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "name", ruleName)
	if err != nil {
		return nil, err
	}
	c, auth, err := a.conns.Describe(name)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Name              string
		Description       string `json:",omitzero"`
		AuthorizationType string
		StateReason       string `json:",omitzero"`
		AuthParameters    *wireAuth
		connectionItem
	}{name, c.Description, c.Kind, c.Reason, shown(c.Kind, auth), a.connectionItem(c)})
}

func (a *api) deleteConnection(_ context.Context, body []byte) ([]byte, error) {
	return a.endConnection(body, a.conns.Delete, "DELETING")
}

func (a *api) deauthorizeConnection(_ context.Context, body []byte) ([]byte, error) {
	return a.endConnection(body, a.conns.Deauthorize, "DEAUTHORIZING")
}

func (a *api) endConnection(body []byte, end func(string) (connection.Connection, error), state string) ([]byte, error) {
	name, err := named(body, "name", ruleName)
	if err != nil {
		return nil, err
	}
	c, err := end(name)
	if err != nil {
		return nil, err
	}
	c.State = state
	return json.Marshal(a.connectionItem(c))
}

// A listedConnection is a connection as lists have it.
type listedConnection struct {
	Name, AuthorizationType string
	StateReason             string `json:",omitzero"`
	connectionItem
}

func (a *api) listedConnection(c connection.Connection) listedConnection {
	return listedConnection{c.Name, c.Kind, c.Reason, a.connectionItem(c)}
}

func (a *api) listConnections(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		NamePrefix, ConnectionState *string
		paging
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		v.Text(r.NamePrefix, "namePrefix", ruleName)
		r.validate(v)
	})
	if err != nil {
		return nil, err
	}
	var wanted []connection.Connection
	for _, c := range a.conns.List(value(r.NamePrefix)) {
		if r.ConnectionState == nil || *r.ConnectionState == c.State {
			wanted = append(wanted, c)
		}
	}
	return answer(&r.paging, "Connections", wanted, func(c connection.Connection) string { return c.Name }, a.listedConnection)
}
