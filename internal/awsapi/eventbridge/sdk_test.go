package eventbridge_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tablecast/tablecast/bus"
)

// ignored leaves out what answers carry beside their members.
var ignored = cmp.Options{cmpopts.IgnoreTypes(middleware.Metadata{}), cmpopts.IgnoreUnexported(
	sdk.DescribeEventBusOutput{}, sdk.DescribeRuleOutput{}, types.EventBus{}, types.Rule{}, types.Target{}, types.InputTransformer{},
	types.RetryPolicy{}, types.DeadLetterConfig{}, types.SqsParameters{}, types.LogConfig{}, types.Tag{}, types.PutEventsResultEntry{},
	types.RemoveTargetsResultEntry{},
)}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(got, want, ignored); diff != "" {
		t.Error(diff)
	}
}

// fails checks that an error is an exception of the service with a text.
func fails(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() != text {
		t.Errorf("error %v, want %s: %s", err, code, text)
	}
}

// failsWith checks that an error is a ValidationException whose text begins so.
func failsWith(t *testing.T, err error, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" || !strings.HasPrefix(api.ErrorMessage(), text) {
		t.Errorf("error %v, want ValidationException: %s", err, text)
	}
}

func TestSDKBuses(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	c, ctx := start(t, bus.Options{Now: func() time.Time { return now }}).sdk(), t.Context()
	made, err := c.CreateEventBus(ctx, &sdk.CreateEventBusInput{
		Name: aws.String("main"), Description: aws.String("d"), DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:1:q")},
		LogConfig: &types.LogConfig{IncludeDetail: types.IncludeDetailFull, Level: types.LevelInfo},
		Tags:      []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})
	check(t, err)
	const arn = "arn:aws:events:us-east-1:000000000000:event-bus/main"
	if *made.EventBusArn != arn || *made.Description != "d" || made.LogConfig.Level != types.LevelInfo {
		t.Errorf("created %+v", made)
	}
	want := &sdk.DescribeEventBusOutput{
		Name: aws.String("main"), Arn: aws.String(arn), Description: aws.String("d"), CreationTime: &now, LastModifiedTime: &now,
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:1:q")},
		LogConfig:        &types.LogConfig{IncludeDetail: types.IncludeDetailFull, Level: types.LevelInfo},
	}
	for _, name := range []string{"main", arn} {
		got, err := c.DescribeEventBus(ctx, &sdk.DescribeEventBusInput{Name: &name})
		check(t, err)
		same(t, got, want)
	}
	got, err := c.DescribeEventBus(ctx, &sdk.DescribeEventBusInput{})
	check(t, err)
	if *got.Name != "default" {
		t.Errorf("without a name: %s", *got.Name)
	}
	list, err := c.ListEventBuses(ctx, &sdk.ListEventBusesInput{NamePrefix: aws.String("m")})
	check(t, err)
	same(t, list.EventBuses, []types.EventBus{{Name: aws.String("main"), Arn: aws.String(arn), Description: aws.String("d"), CreationTime: &now, LastModifiedTime: &now}})

	_, err = c.CreateEventBus(ctx, &sdk.CreateEventBusInput{Name: aws.String("main")})
	var exists *types.ResourceAlreadyExistsException
	if !errors.As(err, &exists) || exists.ErrorMessage() != "Event bus main already exists." {
		t.Errorf("twice: %v", err)
	}
	_, err = c.DescribeEventBus(ctx, &sdk.DescribeEventBusInput{Name: aws.String("nobody")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || missing.ErrorMessage() != "Event bus nobody does not exist." {
		t.Errorf("missing: %v", err)
	}
	for range 2 {
		_, err = c.DeleteEventBus(ctx, &sdk.DeleteEventBusInput{Name: aws.String("main")})
		check(t, err)
	}
	_, err = c.DeleteEventBus(ctx, &sdk.DeleteEventBusInput{Name: aws.String("default")})
	fails(t, err, "ValidationException", "Cannot delete event bus default.")
}

func TestSDKRules(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	_, err := c.CreateEventBus(ctx, &sdk.CreateEventBusInput{Name: aws.String("main")})
	check(t, err)
	const pattern = `{"source": ["myapp.users"]}`
	_, err = c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("z"), EventBusName: aws.String("main"), EventPattern: aws.String(pattern)})
	check(t, err)
	for _, name := range []*string{nil, aws.String("main")} {
		made, err := c.PutRule(ctx, &sdk.PutRuleInput{
			Name: aws.String("r"), EventBusName: name, EventPattern: aws.String(pattern), State: types.RuleStateDisabled,
			Description: aws.String("d"), RoleArn: aws.String("arn:aws:iam::1:role/x"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		})
		check(t, err)
		want := &sdk.DescribeRuleOutput{
			Name: aws.String("r"), Arn: made.RuleArn, EventBusName: aws.String("default"), EventPattern: aws.String(pattern), State: types.RuleStateDisabled,
			Description: aws.String("d"), RoleArn: aws.String("arn:aws:iam::1:role/x"), CreatedBy: aws.String("000000000000"),
		}
		arn := "arn:aws:events:us-east-1:000000000000:rule/r"
		if name != nil {
			want.EventBusName, arn = name, "arn:aws:events:us-east-1:000000000000:rule/main/r"
		}
		if *made.RuleArn != arn {
			t.Errorf("rule arn %s", *made.RuleArn)
		}
		got, err := c.DescribeRule(ctx, &sdk.DescribeRuleInput{Name: aws.String("r"), EventBusName: name})
		check(t, err)
		same(t, got, want)
		_, err = c.EnableRule(ctx, &sdk.EnableRuleInput{Name: aws.String("r"), EventBusName: name})
		check(t, err)
		list, err := c.ListRules(ctx, &sdk.ListRulesInput{EventBusName: name, NamePrefix: aws.String("r")})
		check(t, err)
		same(t, list.Rules, []types.Rule{{
			Name: want.Name, Arn: want.Arn, EventBusName: want.EventBusName, EventPattern: want.EventPattern, State: types.RuleStateEnabled,
			Description: want.Description, RoleArn: want.RoleArn,
		}})
		tags, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceARN: made.RuleArn})
		check(t, err)
		same(t, tags.Tags, []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}})
		_, err = c.DisableRule(ctx, &sdk.DisableRuleInput{Name: aws.String("r"), EventBusName: name})
		check(t, err)
		_, err = c.DeleteEventBus(ctx, &sdk.DeleteEventBusInput{Name: aws.String("main")})
		fails(t, err, "ValidationException", "Event bus main can't be deleted since it has rules.")
		for range 2 {
			_, err = c.DeleteRule(ctx, &sdk.DeleteRuleInput{Name: aws.String("r"), EventBusName: name})
			check(t, err)
		}
	}
}

func TestSDKTargets(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)})
	check(t, err)
	targets := []types.Target{
		{Id: aws.String("a"), Arn: aws.String("http://127.0.0.1:1/x"), Input: aws.String(`{"a":1}`)},
		{Id: aws.String("b"), Arn: aws.String("log:b"), InputPath: aws.String("$.detail"), RoleArn: aws.String("arn:aws:iam::1:role/x")},
		{
			Id: aws.String("c"), Arn: aws.String("arn:aws:sqs:us-east-1:000000000000:q.fifo"), SqsParameters: &types.SqsParameters{MessageGroupId: aws.String("g")},
			InputTransformer: &types.InputTransformer{InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: aws.String(`{"n": <n>}`)},
			RetryPolicy:      &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(0), MaximumEventAgeInSeconds: aws.Int32(60)},
			DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:000000000000:dlq")},
		},
	}
	put, err := c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: targets})
	check(t, err)
	if put.FailedEntryCount != 0 || put.FailedEntries == nil || len(put.FailedEntries) != 0 {
		t.Errorf("put: %+v", put)
	}
	list, err := c.ListTargetsByRule(ctx, &sdk.ListTargetsByRuleInput{Rule: aws.String("r")})
	check(t, err)
	same(t, list.Targets, targets)
	names, err := c.ListRuleNamesByTarget(ctx, &sdk.ListRuleNamesByTargetInput{TargetArn: aws.String("log:b")})
	check(t, err)
	same(t, names.RuleNames, []string{"r"})

	_, err = c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{
		{Id: aws.String("d"), Arn: aws.String("log:x")}, {Id: aws.String("e"), Arn: aws.String("log:x")}, {Id: aws.String("f"), Arn: aws.String("log:x")},
	}})
	var limit *types.LimitExceededException
	if !errors.As(err, &limit) || limit.ErrorMessage() != "The requested resource exceeds the maximum number allowed." {
		t.Errorf("sixth target: %v", err)
	}
	removed, err := c.RemoveTargets(ctx, &sdk.RemoveTargetsInput{Rule: aws.String("r"), Ids: []string{"b", "x"}})
	check(t, err)
	same(t, removed.FailedEntries, []types.RemoveTargetsResultEntry{{
		TargetId: aws.String("x"), ErrorCode: aws.String("ResourceNotFoundException"), ErrorMessage: aws.String("Rule 'r' does not have a target with the Id 'x'."),
	}})
	if removed.FailedEntryCount != 1 {
		t.Errorf("failed %d", removed.FailedEntryCount)
	}
	_, err = c.DeleteRule(ctx, &sdk.DeleteRuleInput{Name: aws.String("r")})
	fails(t, err, "ValidationException", "Rule can't be deleted since it has targets.")
	_, err = c.RemoveTargets(ctx, &sdk.RemoveTargetsInput{Rule: aws.String("nobody"), Ids: []string{"b"}})
	fails(t, err, "ResourceNotFoundException", "Rule nobody does not exist on EventBus default.")
}

// The pages of a list together are the list, in order.
func TestSDKPages(t *testing.T) {
	n := start(t, bus.Options{})
	c, ctx := n.sdk(), t.Context()
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprint("r", i))
		check(t, n.buses.PutRule(bus.Rule{Bus: bus.Default, Name: want[i], Pattern: `{"a":[1]}`}))
		check(t, n.buses.PutTargets(bus.Default, want[i], []bus.Target{{ID: "t", ARN: "log:x"}}))
	}
	var got []string
	var token *string
	for pages := 0; pages == 0 || token != nil; pages++ {
		page, err := c.ListRules(ctx, &sdk.ListRulesInput{Limit: aws.Int32(3), NextToken: token})
		check(t, err)
		for _, r := range page.Rules {
			got = append(got, *r.Name)
		}
		token = page.NextToken
		if pages == 0 { // what went and what came meanwhile is no confusion
			_, err := n.buses.RemoveTargets(bus.Default, "r2", []string{"t"})
			check(t, err)
			check(t, n.buses.DeleteRule(bus.Default, "r2"))
			check(t, n.buses.PutRule(bus.Rule{Bus: bus.Default, Name: "a", Pattern: `{"a":[1]}`}))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v", got)
	}
	names, err := c.ListRuleNamesByTarget(ctx, &sdk.ListRuleNamesByTargetInput{TargetArn: aws.String("log:x"), Limit: aws.Int32(6)})
	check(t, err)
	if len(names.RuleNames) != 6 || names.NextToken != nil {
		t.Errorf("a last page that is full: %v, %v", names.RuleNames, names.NextToken)
	}
}

func TestSDKTags(t *testing.T) {
	c, ctx := start(t, bus.Options{}).sdk(), t.Context()
	arn := aws.String("arn:aws:events:us-east-1:000000000000:event-bus/default")
	_, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}, {Key: aws.String("a"), Value: aws.String("")}}})
	check(t, err)
	got, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceARN: arn})
	check(t, err)
	same(t, got.Tags, []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("b"), Value: aws.String("2")}})
	_, err = c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"a", "b"}})
	check(t, err)
	got, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceARN: arn})
	check(t, err)
	if got.Tags == nil || len(got.Tags) != 0 {
		t.Errorf("tags %v", got.Tags)
	}
}

// An event put with the SDK arrives at a webhook.
func TestSDKPutEvents(t *testing.T) {
	arrived := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- string(body)
	}))
	defer hook.Close()
	n := start(t, bus.Options{})
	c, ctx := n.sdk(), t.Context()
	_, err := c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"],"detail":{"a":[1]}}`)})
	check(t, err)
	_, err = c.PutTargets(ctx, &sdk.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("t"), Arn: &hook.URL}}})
	check(t, err)
	entry := func(source, detail string) types.PutEventsRequestEntry {
		return types.PutEventsRequestEntry{
			Source: &source, DetailType: aws.String("T"), Detail: &detail, Resources: []string{"res"},
			Time: aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 999e6, time.UTC)), EventBusName: aws.String("arn:aws:events:us-east-1:000000000000:event-bus/default"),
		}
	}
	lost := entry("s", `{}`)
	lost.EventBusName = aws.String("nobody")
	out, err := c.PutEvents(ctx, &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry("", "{}"), entry("s", `{"a": 1}`), entry("s", "[]"), lost}})
	check(t, err)
	same(t, out.Entries, []types.PutEventsResultEntry{
		{ErrorCode: aws.String("InvalidArgument"), ErrorMessage: aws.String("Parameter Source is not valid. Reason: Source is a required argument.")},
		{EventId: out.Entries[1].EventId},
		{ErrorCode: aws.String("MalformedDetail"), ErrorMessage: aws.String("Detail is malformed.")},
		{EventId: out.Entries[3].EventId},
	})
	if out.FailedEntryCount != 2 || out.Entries[1].EventId == nil || out.Entries[3].EventId == nil || n.buses.Lost() != 1 {
		t.Errorf("failed %d, lost %d, %+v", out.FailedEntryCount, n.buses.Lost(), out.Entries)
	}
	want := `{"version":"0","id":"` + *out.Entries[1].EventId + `","detail-type":"T","source":"s","account":"000000000000","time":"2026-01-02T03:04:05Z",` +
		`"region":"us-east-1","resources":["res"],"detail":{"a":1}}`
	if got := <-arrived; got != want {
		t.Errorf("arrived %s\n   want %s", got, want)
	}
	tested, err := c.TestEventPattern(ctx, &sdk.TestEventPatternInput{Event: &want, EventPattern: aws.String(`{"detail":{"a":[{"numeric":[">",0]}]}}`)})
	check(t, err)
	if !tested.Result {
		t.Error("the pattern did not match")
	}
	_, err = c.PutRule(ctx, &sdk.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"a":1}`)})
	var bad *types.InvalidEventPatternException
	if !errors.As(err, &bad) || !strings.HasPrefix(bad.ErrorMessage(), `Event pattern is not valid. Reason: "a" must be an object or an array`) {
		t.Errorf("bad pattern: %v", err)
	}
	_, err = c.ListEndpoints(ctx, &sdk.ListEndpointsInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation that is not offered: %v", err)
	}
}
