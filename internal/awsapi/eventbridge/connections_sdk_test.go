package eventbridge_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/bus"
)

// An API destination is called for an event of a rule, with the connection's key
// and a path out of the event; no answer holds the key.
func TestSDKConnections(t *testing.T) {
	n := start(t, bus.Options{})
	c, ctx := n.sdk(), t.Context()
	calls := make(chan *http.Request, 1)
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { calls <- r }))
	t.Cleanup(api.Close)
	made, err := c.CreateConnection(ctx, &sdk.CreateConnectionInput{
		Name: aws.String("conn"), AuthorizationType: types.ConnectionAuthorizationTypeApiKey,
		AuthParameters: &types.CreateConnectionAuthRequestParameters{
			ApiKeyAuthParameters:     &types.CreateConnectionApiKeyAuthRequestParameters{ApiKeyName: aws.String("X-Key"), ApiKeyValue: aws.String("s3cret")},
			InvocationHttpParameters: &types.ConnectionHttpParameters{HeaderParameters: []types.ConnectionHeaderParameter{{Key: aws.String("X-More"), Value: aws.String("s3cret"), IsValueSecret: true}}},
		},
	})
	check(t, err)
	if made.ConnectionState != types.ConnectionStateAuthorized || !strings.HasPrefix(*made.ConnectionArn, accountARN+"connection/conn/") {
		t.Errorf("created %+v", made)
	}
	_, err = c.CreateConnection(ctx, &sdk.CreateConnectionInput{Name: aws.String("conn"), AuthorizationType: types.ConnectionAuthorizationTypeBasic,
		AuthParameters: &types.CreateConnectionAuthRequestParameters{BasicAuthParameters: &types.CreateConnectionBasicAuthRequestParameters{Username: aws.String("u"), Password: aws.String("p")}}})
	fails(t, err, "ResourceAlreadyExistsException", "Connection conn already exists.")
	dest, err := c.CreateApiDestination(ctx, &sdk.CreateApiDestinationInput{
		Name: aws.String("dest"), ConnectionArn: made.ConnectionArn, InvocationEndpoint: aws.String(api.URL + "/users/*"), HttpMethod: types.ApiDestinationHttpMethodPatch,
	})
	check(t, err)
	_, err = c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)})
	check(t, err)
	_, err = c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{
		Id: aws.String("t"), Arn: dest.ApiDestinationArn, HttpParameters: &types.HttpParameters{PathParameterValues: []string{"$.detail.id"}},
	}}})
	check(t, err)
	_, err = c.PutEvents(ctx, &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(`{"id":"u1"}`)}}})
	check(t, err)
	if r := <-calls; r.Method != http.MethodPatch || r.URL.Path != "/users/u1" || r.Header.Get("X-Key") != "s3cret" || r.Header.Get("X-More") != "s3cret" {
		t.Errorf("called %s %s %v", r.Method, r.URL, r.Header)
	}
	for _, op := range []string{"DescribeConnection", "ListConnections", "UpdateConnection"} {
		body := `{"Name":"conn"}`
		if op == "ListConnections" {
			body = `{}`
		}
		if answer := n.Must(t, op, body); strings.Contains(answer, "s3cret") || !strings.Contains(answer, `"ConnectionState":"AUTHORIZED"`) {
			t.Errorf("%s: %s", op, answer)
		}
	}
	got, err := c.DescribeApiDestination(ctx, &sdk.DescribeApiDestinationInput{Name: aws.String("dest")})
	check(t, err)
	if *got.InvocationRateLimitPerSecond != 300 || got.ApiDestinationState != types.ApiDestinationStateActive || *got.ConnectionArn != *made.ConnectionArn {
		t.Errorf("described %+v", got)
	}
	_, err = c.DeauthorizeConnection(ctx, &sdk.DeauthorizeConnectionInput{Name: aws.String("conn")})
	check(t, err)
	list, err := c.ListApiDestinations(ctx, &sdk.ListApiDestinationsInput{ConnectionArn: made.ConnectionArn})
	check(t, err)
	if len(list.ApiDestinations) != 1 || list.ApiDestinations[0].ApiDestinationState != types.ApiDestinationStateInactive {
		t.Errorf("listed %+v", list.ApiDestinations)
	}
	_, err = c.DeleteApiDestination(ctx, &sdk.DeleteApiDestinationInput{Name: aws.String("dest")})
	check(t, err)
	_, err = c.DeleteConnection(ctx, &sdk.DeleteConnectionInput{Name: aws.String("conn")})
	check(t, err)
	_, err = c.DescribeConnection(ctx, &sdk.DescribeConnectionInput{Name: aws.String("conn")})
	fails(t, err, "ResourceNotFoundException", "Failed to describe the connection(s). Connection 'conn' does not exist.")
	_, err = c.DescribeApiDestination(ctx, &sdk.DescribeApiDestinationInput{Name: aws.String("dest")})
	fails(t, err, "ResourceNotFoundException", "Failed to describe the api-destination(s). An api-destination 'dest' does not exist.")
}
