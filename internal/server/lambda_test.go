package server_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	eb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

const role = "arn:aws:iam::000000000000:role/any"

func lambdaClient(url string) *lambda.Client {
	return lambda.NewFromConfig(apitest.Config(url))
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		out, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails checks that an error is an exception of the service.
func fails(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("error %v, want %s: %s", err, code, text)
	}
}

const python = `import os
def handler(event, context):
    print("saw", event)
    if "fail" in event:
        raise ValueError("no luck")
    return {"id": context.aws_request_id, "greeting": os.environ.get("GREETING"), "arn": context.invoked_function_arn}
`

func create(t *testing.T, c *lambda.Client, name string, code *types.FunctionCode, runtime types.Runtime, handler string) *lambda.CreateFunctionOutput {
	t.Helper()
	out, err := c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Code: code, Runtime: runtime, Handler: &handler, Role: aws.String(role), Timeout: aws.Int32(30), MemorySize: aws.Int32(512),
	})
	ok(t, err)
	return out
}

// The life of a function, as the SDK for Go sees it.
func TestLambda(t *testing.T) {
	_, url := serve(t, server.Options{})
	c, ctx := lambdaClient(url), t.Context()
	code := zipped(t, map[string]string{"app.py": python})
	made := create(t, c, "f", &types.FunctionCode{ZipFile: code}, types.RuntimePython312, "app.handler")
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
	if made.State != types.StatePending || *made.FunctionArn != arn || *made.Version != "$LATEST" || made.CodeSize != int64(len(code)) {
		t.Errorf("created %+v", made)
	}
	ok(t, lambda.NewFunctionActiveV2Waiter(c).Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute))
	_, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Code: &types.FunctionCode{ZipFile: code}, Runtime: types.RuntimePython312, Handler: aws.String("app.handler"), Role: aws.String(role)})
	fails(t, err, "ResourceConflictException", "Function already exist: f")

	for _, name := range []string{"f", arn, arn + ":$LATEST", "000000000000:function:f"} {
		got, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail})
		ok(t, err)
		if got.StatusCode != 200 || got.FunctionError != nil || *got.ExecutedVersion != "$LATEST" || !strings.Contains(string(got.Payload), `"greeting": null`) || got.LogResult == nil {
			t.Errorf("%s: %+v %s", name, got, got.Payload)
		}
	}
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("7")})
	fails(t, err, "ResourceNotFoundException", "Function not found: "+arn+":7")
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{`)})
	fails(t, err, "InvalidRequestContentException", "Could not parse request body into json")
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("none")})
	fails(t, err, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none")
	got, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"fail":1}`)})
	ok(t, err)
	if got.StatusCode != 200 || *got.FunctionError != "Unhandled" || !strings.Contains(string(got.Payload), `"errorType": "ValueError"`) {
		t.Errorf("%+v %s", got, got.Payload)
	}
	dry, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
	ok(t, err)
	if dry.StatusCode != 204 {
		t.Errorf("dry run %d", dry.StatusCode)
	}

	conf, err := c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Environment: &types.Environment{Variables: map[string]string{"GREETING": "hi"}}, Description: aws.String("d"),
	})
	ok(t, err)
	if conf.Environment.Variables["GREETING"] != "hi" || *conf.Description != "d" || *conf.Timeout != 30 || conf.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		t.Errorf("%+v", conf)
	}
	_, err = c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), RevisionId: made.RevisionId, Timeout: aws.Int32(5)})
	fails(t, err, "PreconditionFailedException", "The Revision Id provided does not match")
	_, err = c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Environment: &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}})
	fails(t, err, "InvalidParameterValueException", "Reserved keys used in this request: AWS_REGION")
	_, err = c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Timeout: aws.Int32(901)})
	fails(t, err, "ValidationException", "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900")
	got, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	ok(t, err)
	if !strings.Contains(string(got.Payload), `"greeting": "hi"`) {
		t.Errorf("%s", got.Payload)
	}
	updated, err := c.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: zipped(t, map[string]string{"app.py": "def handler(e, c): return 2"})})
	ok(t, err)
	if *updated.CodeSha256 == *made.CodeSha256 {
		t.Error("other code has the same digest")
	}
	got, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	ok(t, err)
	if string(got.Payload) != "2" {
		t.Errorf("%s", got.Payload)
	}
	_, err = c.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: []byte("no zip")})
	fails(t, err, "InvalidParameterValueException", "Could not unzip uploaded file.")

	_, err = c.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	ok(t, err)
	_, err = c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	fails(t, err, "ResourceNotFoundException", "Function not found: "+arn)
	_, err = c.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: aws.String("f")})
	fails(t, err, "UnknownOperationException", "is not offered here")
}

// What is kept beside a function: policy, tags, concurrency, events.
func TestLambdaSettings(t *testing.T) {
	_, url := serve(t, server.Options{})
	c, ctx := lambdaClient(url), t.Context()
	name := aws.String("f")
	made := create(t, c, "f", &types.FunctionCode{ZipFile: zipped(t, map[string]string{"app.py": python})}, types.RuntimePython312, "app.handler")
	for i := range 4 {
		create(t, c, fmt.Sprintf("g%d", i), &types.FunctionCode{S3Bucket: aws.String("hot-reload"), S3Key: aws.String("/nowhere/at/all")}, types.RuntimeProvidedal2023, "x")
	}
	var names []string
	pages := lambda.NewListFunctionsPaginator(c, &lambda.ListFunctionsInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ok(t, err)
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
		}
	}
	if got := strings.Join(names, " "); got != "f g0 g1 g2 g3" {
		t.Errorf("listed %s", got)
	}
	failed, err := c.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("g0")})
	ok(t, err)
	if failed.State != types.StateFailed || failed.StateReasonCode != types.StateReasonCodeFunctionError || !strings.Contains(*failed.StateReason, "/nowhere/at/all is not a directory") {
		t.Errorf("%s %s %s", failed.State, failed.StateReasonCode, aws.ToString(failed.StateReason))
	}

	grant := &lambda.AddPermissionInput{FunctionName: name, StatementId: aws.String("s1"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String("arn:x")}
	added, err := c.AddPermission(ctx, grant)
	ok(t, err)
	if want := `{"Sid":"s1","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + *made.FunctionArn + `","Condition":{"ArnLike":{"AWS:SourceArn":"arn:x"}}}`; *added.Statement != want {
		t.Errorf("%s", *added.Statement)
	}
	_, err = c.AddPermission(ctx, grant)
	fails(t, err, "ResourceConflictException", "The statement id (s1) provided already exists.")
	policy, err := c.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: name})
	ok(t, err)
	if *policy.Policy != `{"Version":"2012-10-17","Id":"default","Statement":[`+*added.Statement+`]}` {
		t.Errorf("%s", *policy.Policy)
	}
	_, err = c.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: name, StatementId: aws.String("s1")})
	ok(t, err)
	_, err = c.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: name})
	fails(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")

	_, err = c.TagResource(ctx, &lambda.TagResourceInput{Resource: made.FunctionArn, Tags: map[string]string{"a": "1", "b": "2"}})
	ok(t, err)
	_, err = c.UntagResource(ctx, &lambda.UntagResourceInput{Resource: made.FunctionArn, TagKeys: []string{"a"}})
	ok(t, err)
	tags, err := c.ListTags(ctx, &lambda.ListTagsInput{Resource: made.FunctionArn})
	ok(t, err)
	if len(tags.Tags) != 1 || tags.Tags["b"] != "2" {
		t.Errorf("%v", tags.Tags)
	}

	_, err = c.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)})
	ok(t, err)
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: name})
	fails(t, err, "TooManyRequestsException", "Rate Exceeded")
	_, err = c.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: name})
	ok(t, err)
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: name})
	ok(t, err)

	_, err = c.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name})
	fails(t, err, "ResourceNotFoundException", "doesn't have an EventInvokeConfig")
	bus := "arn:aws:events:us-east-1:000000000000:event-bus/default"
	events, err := c.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(0), DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &bus}}})
	ok(t, err)
	if *events.MaximumRetryAttempts != 0 || *events.MaximumEventAgeInSeconds != 21600 || *events.DestinationConfig.OnFailure.Destination != bus {
		t.Errorf("%+v", events)
	}
	_, err = c.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("nowhere")}}})
	fails(t, err, "InvalidParameterValueException", "The destination ARN nowhere is invalid.")

	// The record of an event that fails goes to the bus, and by a rule to a function.
	out := filepath.Join(t.TempDir(), "out")
	create(t, c, "hear", &types.FunctionCode{ZipFile: zipped(t, map[string]string{"app.py": "import json\ndef handler(e, c):\n    open(" + fmt.Sprintf("%q", out) + ", 'w').write(json.dumps(e['detail']['requestContext']['condition']))\n"})}, types.RuntimePython312, "app.handler")
	rule(t, url, `{"source":["lambda"]}`, "hear")
	queued, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: name, InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"fail":1}`)})
	ok(t, err)
	if queued.StatusCode != 202 || len(queued.Payload) != 0 {
		t.Errorf("%+v", queued)
	}
	await(t, func() bool { text, _ := os.ReadFile(out); return string(text) == `"RetriesExhausted"` })
}

// rule sends the events that match to a function.
func rule(t *testing.T, url, pattern, function string) {
	t.Helper()
	c := eb.NewFromConfig(apitest.Config(url))
	_, err := c.PutRule(t.Context(), &eb.PutRuleInput{Name: &function, EventPattern: &pattern})
	ok(t, err)
	arn := "arn:aws:lambda:us-east-1:000000000000:function:" + function
	_, err = c.PutTargets(t.Context(), &eb.PutTargetsInput{Rule: &function, Targets: []ebtypes.Target{{Id: aws.String("1"), Arn: &arn}}})
	ok(t, err)
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited too long")
		}
	}
}

// A server with keys wants each request of Lambda's API signed.
func TestLambdaSigned(t *testing.T) {
	_, url := serve(t, server.Options{Keys: servertest.Keys{"KEY": "SECRET"}})
	c := lambda.New(lambda.Options{Region: "us-east-1", BaseEndpoint: &url, Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("KEY", "SECRET", "")})
	made := create(t, c, "f", &types.FunctionCode{ZipFile: zipped(t, map[string]string{"app.py": python})}, types.RuntimePython312, "app.handler")
	_, err := c.UntagResource(t.Context(), &lambda.UntagResourceInput{Resource: made.FunctionArn, TagKeys: []string{"a b", "c/d"}})
	ok(t, err)
	_, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: made.FunctionArn, InvocationType: types.InvocationTypeDryRun})
	ok(t, err)
	resp, err := http.Get(url + "/2015-03-31/functions")
	ok(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("without a signature: %d %v", resp.StatusCode, resp.Header)
	}
}

const publisher = `import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
const client = new EventBridgeClient({});
export const handler = async (event) => {
  const inserted = event.Records.filter((r) => r.eventName === "INSERT");
  const result = await client.send(new PutEventsCommand({ Entries: inserted.map((r) => ({
    Source: "myapp.users", DetailType: "UserCreated", Detail: JSON.stringify({ id: r.dynamodb.NewImage.id.S }),
  })) }));
  if (result.FailedEntryCount > 0) throw new Error("PutEvents failed");
};
`

// users makes a table with a stream, whose ARN it returns, and what puts users
// into it.
func users(t *testing.T, url string) (string, func(id string)) {
	t.Helper()
	c := ddb.NewFromConfig(apitest.Config(url))
	made, err := c.CreateTable(t.Context(), &ddb.CreateTableInput{
		TableName: aws.String("users"), BillingMode: ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddbtypes.ScalarAttributeTypeS}},
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddbtypes.KeyTypeHash}},
		StreamSpecification:  &ddbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: ddbtypes.StreamViewTypeNewAndOldImages},
	})
	ok(t, err)
	return *made.TableDescription.LatestStreamArn, func(id string) {
		t.Helper()
		_, err := c.PutItem(t.Context(), &ddb.PutItemInput{TableName: aws.String("users"), Item: map[string]ddbtypes.AttributeValue{"id": &ddbtypes.AttributeValueMemberS{Value: id}}})
		ok(t, err)
	}
}

// Event source mappings as the SDK for Go sees them.
func TestEventSourceMappings(t *testing.T) {
	_, url := serve(t, server.Options{})
	c, ctx := lambdaClient(url), t.Context()
	stream, put := users(t, url)
	out := filepath.Join(t.TempDir(), "out")
	code := fmt.Sprintf(`import json
def handler(event, context):
    for r in event["Records"]:
        id = r["dynamodb"]["Keys"]["id"]["S"]
        if id == "poison":
            raise ValueError("poison")
        open(%q, "a").write(id + " " + r["eventSourceARN"] + "\n")
`, out)
	create(t, c, "hear", &types.FunctionCode{ZipFile: zipped(t, map[string]string{"app.py": code})}, types.RuntimePython312, "app.handler")
	in := &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("hear"), EventSourceArn: &stream, StartingPosition: types.EventSourcePositionLatest}
	put("before")
	made, err := c.CreateEventSourceMapping(ctx, in)
	ok(t, err)
	if *made.State != "Creating" || *made.BatchSize != 100 || *made.MaximumRetryAttempts != -1 || *made.LastProcessingResult != "No records processed" || *made.StateTransitionReason != "User action" ||
		*made.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:hear" || *made.EventSourceMappingArn != "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:"+*made.UUID {
		t.Errorf("%+v", made)
	}
	for _, id := range []string{"ada", "poison", "grace"} {
		put(id)
	}
	await(t, func() bool {
		text, _ := os.ReadFile(out)
		return strings.Contains(string(text), "ada "+stream) && strings.Contains(string(text), "grace "+stream)
	})
	if text, _ := os.ReadFile(out); strings.Contains(string(text), "before") {
		t.Errorf("LATEST brought what was written before: %s", text)
	}

	_, err = c.CreateEventSourceMapping(ctx, in)
	fails(t, err, "ResourceConflictException", "The event source arn (\" "+stream+" \") and function (\" hear \") provided mapping already exists. Please update or delete the existing mapping with UUID "+*made.UUID)
	for want, change := range map[string]func(*lambda.CreateEventSourceMappingInput){
		"Function does not exist":           func(in *lambda.CreateEventSourceMappingInput) { in.FunctionName = aws.String("nobody") },
		"Stream not found: " + stream + "9": func(in *lambda.CreateEventSourceMappingInput) { in.EventSourceArn = aws.String(stream + "9") },
		"Unrecognized event source.":        func(in *lambda.CreateEventSourceMappingInput) { in.EventSourceArn = aws.String("arn:x") },
		"Member must not be null":           func(in *lambda.CreateEventSourceMappingInput) { in.StartingPosition = "" },
		"Unsupported starting position for arn type: " + stream: func(in *lambda.CreateEventSourceMappingInput) {
			in.StartingPosition = types.EventSourcePositionAtTimestamp
		},
		"Invalid filter pattern definition.": func(in *lambda.CreateEventSourceMappingInput) {
			in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"a":[]}`)}}}
		},
		"Unsupported DestinationConfig parameter": func(in *lambda.CreateEventSourceMappingInput) {
			in.DestinationConfig = &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: aws.String("arn:x")}}
		},
		"The destination ARN nowhere is invalid.": func(in *lambda.CreateEventSourceMappingInput) {
			in.DestinationConfig = &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("nowhere")}}
		},
	} {
		bad := *in
		change(&bad)
		_, err := c.CreateEventSourceMapping(ctx, &bad)
		fails(t, err, "InvalidParameterValueException", want)
	}

	await(t, func() bool {
		resp, err := http.Get(url + "/_api/v1/status")
		ok(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		ok(t, err)
		return strings.Contains(string(text), `"function":"hear","state":"Enabled","lastProcessingResult":"`) && strings.Contains(string(text), `"delivered":2,"parked":1}`)
	})
	list, err := c.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: aws.String("hear"), EventSourceArn: &stream})
	ok(t, err)
	if len(list.EventSourceMappings) != 1 || *list.EventSourceMappings[0].State != "Enabled" {
		t.Errorf("%+v", list.EventSourceMappings)
	}
	updated, err := c.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{
		UUID: made.UUID, Enabled: aws.Bool(false), BatchSize: aws.Int32(7), FunctionResponseTypes: []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
		FilterCriteria: &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"eventName":["INSERT"]}`)}}},
	})
	ok(t, err)
	if *updated.State != "Disabling" || *updated.BatchSize != 7 || len(updated.FilterCriteria.Filters) != 1 || len(updated.FunctionResponseTypes) != 1 {
		t.Errorf("%+v", updated)
	}
	_, err = c.TagResource(ctx, &lambda.TagResourceInput{Resource: made.EventSourceMappingArn, Tags: map[string]string{"team": "red", "gone": "soon"}})
	ok(t, err)
	_, err = c.UntagResource(ctx, &lambda.UntagResourceInput{Resource: made.EventSourceMappingArn, TagKeys: []string{"gone"}})
	ok(t, err)
	tags, err := c.ListTags(ctx, &lambda.ListTagsInput{Resource: made.EventSourceMappingArn})
	ok(t, err)
	if len(tags.Tags) != 1 || tags.Tags["team"] != "red" {
		t.Errorf("%v", tags.Tags)
	}
	_, err = c.ListTags(ctx, &lambda.ListTagsInput{Resource: aws.String(*made.EventSourceMappingArn + "9")})
	fails(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")
	get := func() (*lambda.GetEventSourceMappingOutput, error) {
		return c.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: made.UUID})
	}
	await(t, func() bool { s, err := get(); return err == nil && *s.State == "Disabled" })
	_, err = c.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: made.UUID})
	ok(t, err)
	await(t, func() bool { _, err := get(); return err != nil })
	_, err = get()
	fails(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")
}

// A user is inserted; Node reads the stream and publishes with AWS's own SDK, a
// rule matches, a Go program consumes: all made over the API, run as they are.
func TestLambdaPublishAndConsume(t *testing.T) {
	modules, err := filepath.Abs("../../test/clients/node_modules")
	ok(t, err)
	if _, err := os.Stat(filepath.Join(modules, "@aws-sdk/client-eventbridge")); err != nil {
		t.Skip("the AWS SDK for JavaScript is not installed: run test/install")
	}
	_, url := serve(t, server.Options{})
	c := lambdaClient(url)
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(publisher), 0o600))
	ok(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	create(t, c, "publish", &types.FunctionCode{S3Bucket: aws.String("hot-reload"), S3Key: &dir}, types.RuntimeNodejs20x, "index.handler")

	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(t.TempDir(), "bootstrap"), "./testdata/consume")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	program, err := os.ReadFile(build.Args[5])
	ok(t, err)
	out := filepath.Join(t.TempDir(), "out")
	create(t, c, "consume", &types.FunctionCode{ZipFile: zipped(t, map[string]string{"bootstrap": string(program)})}, types.RuntimeProvidedal2023, "bootstrap")
	_, err = c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("consume"), Environment: &types.Environment{Variables: map[string]string{"OUT": out}}})
	ok(t, err)
	rule(t, url, `{"detail-type":["UserCreated"]}`, "consume")

	stream, put := users(t, url)
	_, err = c.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("publish"), EventSourceArn: &stream, StartingPosition: types.EventSourcePositionTrimHorizon,
	})
	ok(t, err)
	put("ada")
	put("grace")
	await(t, func() bool {
		text, _ := os.ReadFile(out)
		return strings.Contains(string(text), "UserCreated ada\n") && strings.Contains(string(text), "UserCreated grace\n")
	})
}

// No request to Lambda's API, however broken, is answered as our fault.
func TestHostileLambdaRequests(t *testing.T) {
	_, url := serve(t, server.Options{})
	stream, _ := users(t, url)
	seeds := []struct{ method, path, body string }{
		{"POST", "/2015-03-31/functions", `{"FunctionName":"f","Role":"` + role + `","Runtime":"python3.12","Handler":"app.h","Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="},"Tags":{"a":"b"},"Environment":{"Variables":{"A":"b"}}}`},
		{"PUT", "/2015-03-31/functions/f/configuration", `{"Timeout":3,"MemorySize":128,"Layers":["x"],"Environment":{"Variables":null}}`},
		{"PUT", "/2015-03-31/functions/f/code", `{"S3Bucket":"hot-reload","S3Key":"/x","DryRun":true}`},
		{"GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af?Qualifier=1", ``},
		{"GET", "/2015-03-31/functions?MaxItems=5&Marker=x", ``},
		{"POST", "/2015-03-31/functions/f/policy", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`},
		{"PUT", "/2019-09-25/functions/f/event-invoke-config", `{"MaximumRetryAttempts":1,"DestinationConfig":{"OnFailure":{"Destination":null},"OnSuccess":null}}`},
		{"POST", "/2015-03-31/event-source-mappings", `{"FunctionName":"f","EventSourceArn":"` + stream + `","StartingPosition":"LATEST","BatchSize":5,"FilterCriteria":{"Filters":[{"Pattern":"{\"a\":[1]}"},null]},"FunctionResponseTypes":["ReportBatchItemFailures"]}`},
		{"POST", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af", `{"Tags":{"a":"b"}}`},
	}
	r := rand.New(rand.NewPCG(3, 4))
	mutate := func(s string, n int) string {
		b := []byte(s)
		for range n {
			if len(b) == 0 {
				return ""
			}
			at := r.IntN(len(b))
			switch r.IntN(3) {
			case 0:
				b[at] = byte(33 + r.IntN(90))
			case 1:
				b = append(b[:at:at], b[min(at+1+r.IntN(5), len(b)):]...)
			default:
				b = append(b[:at:at], append([]byte(`"null]}`[r.IntN(7):][:1]), b[at:]...)...)
			}
		}
		return string(b)
	}
	for i := range 1500 {
		s := seeds[i%len(seeds)]
		path := s.path
		if r.IntN(4) == 0 {
			path = "/20" + strings.ReplaceAll(mutate(s.path[3:], 1), "%", "%25")
		}
		body := mutate(s.body, r.IntN(4))
		req, err := http.NewRequestWithContext(t.Context(), s.method, url+path, strings.NewReader(body))
		if err != nil {
			continue // no URL
		}
		resp, err := http.DefaultClient.Do(req)
		ok(t, err)
		answer, err := io.ReadAll(resp.Body)
		ok(t, err)
		resp.Body.Close()
		if resp.StatusCode >= 500 {
			t.Fatalf("%s %s %s: %d %s", s.method, path, body, resp.StatusCode, answer)
		}
	}
}
