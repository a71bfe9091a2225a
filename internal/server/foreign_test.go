package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eb "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

// An ARN of another account or region is not taken for what the node has under the
// same name, by any operation.
func TestForeignARNs(t *testing.T) {
	node, url := servertest.Start(t, servertest.Options{Memory: true, Config: `
tables: { users: { key: id, stream: keys-only } }
buses: { orders: {} }
`})
	c := apitest.Config(url)
	tables, events, functions, streams := dynamodb.NewFromConfig(c), eventbridge.NewFromConfig(c), lambda.NewFromConfig(c), dynamodbstreams.NewFromConfig(c)
	d, err := node.Tables().Describe("users")
	if err != nil {
		t.Fatal(err)
	}
	key := map[string]ddb.AttributeValue{"id": &ddb.AttributeValueMemberS{Value: "a"}}
	for _, at := range []string{"us-east-1:111111111111", "eu-west-1:000000000000"} {
		table := aws.String("arn:aws:dynamodb:" + at + ":table/users")
		stream := aws.String(strings.Replace(d.Stream.ARN(), "us-east-1:000000000000", at, 1))
		bus := aws.String("arn:aws:events:" + at + ":event-bus/orders")
		function := aws.String("arn:aws:lambda:" + at + ":function:f")
		for name, call := range map[string]func() (any, error){
			"GetItem": func() (any, error) {
				return tables.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: key})
			},
			"PutItem": func() (any, error) {
				return tables.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: key})
			},
			"Query": func() (any, error) {
				return tables.Query(t.Context(), &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("id = :a"), ExpressionAttributeValues: map[string]ddb.AttributeValue{":a": key["id"]}})
			},
			"BatchGetItem": func() (any, error) {
				return tables.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]ddb.KeysAndAttributes{*table: {Keys: []map[string]ddb.AttributeValue{key}}}})
			},
			"BatchWriteItem": func() (any, error) {
				return tables.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{*table: {{PutRequest: &ddb.PutRequest{Item: key}}}}})
			},
			"TransactWriteItems": func() (any, error) {
				return tables.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []ddb.TransactWriteItem{{Put: &ddb.Put{TableName: table, Item: key}}}})
			},
			"TransactGetItems": func() (any, error) {
				return tables.TransactGetItems(t.Context(), &dynamodb.TransactGetItemsInput{TransactItems: []ddb.TransactGetItem{{Get: &ddb.Get{TableName: table, Key: key}}}})
			},
			"DescribeTable": func() (any, error) {
				return tables.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: table})
			},
			"DeleteTable": func() (any, error) {
				return tables.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: table})
			},
			"TagResource of a table": func() (any, error) {
				return tables.TagResource(t.Context(), &dynamodb.TagResourceInput{ResourceArn: table, Tags: []ddb.Tag{{Key: aws.String("k"), Value: aws.String("")}}})
			},
			"DescribeStream": func() (any, error) {
				return streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: stream})
			},
			"PutEvents": func() (any, error) {
				out, err := events.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eb.PutEventsRequestEntry{{EventBusName: bus, Source: aws.String("s"), DetailType: aws.String("t"), Detail: aws.String("{}")}}})
				if err == nil && out.FailedEntryCount == 1 {
					err = &smithy.GenericAPIError{Code: *out.Entries[0].ErrorCode, Message: *out.Entries[0].ErrorMessage}
				}
				return out, err
			},
			"PutRule": func() (any, error) {
				return events.PutRule(t.Context(), &eventbridge.PutRuleInput{EventBusName: bus, Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)})
			},
			"DescribeEventBus": func() (any, error) {
				return events.DescribeEventBus(t.Context(), &eventbridge.DescribeEventBusInput{Name: bus})
			},
			"TagResource of a bus": func() (any, error) {
				return events.TagResource(t.Context(), &eventbridge.TagResourceInput{ResourceARN: bus, Tags: []eb.Tag{{Key: aws.String("k"), Value: aws.String("")}}})
			},
			"CreateArchive": func() (any, error) {
				return events.CreateArchive(t.Context(), &eventbridge.CreateArchiveInput{ArchiveName: aws.String("a"), EventSourceArn: bus})
			},
			"GetFunction": func() (any, error) {
				return functions.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: function})
			},
			"Invoke": func() (any, error) {
				return functions.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: function})
			},
			"CreateEventSourceMapping to a function": func() (any, error) {
				return functions.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: function, EventSourceArn: aws.String(d.Stream.ARN()), StartingPosition: lambdatypes.EventSourcePositionLatest})
			},
			"CreateEventSourceMapping from a stream": func() (any, error) {
				return functions.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: stream, StartingPosition: lambdatypes.EventSourcePositionLatest})
			},
		} {
			want := "ResourceNotFoundException"
			switch {
			case name == "CreateArchive":
				want = "ValidationException"
			case name == "PutEvents", strings.HasPrefix(at, "us-east-1") && (name == "GetFunction" || name == "Invoke" || strings.HasSuffix(name, "to a function")):
				want = "AccessDeniedException"
			case strings.HasPrefix(name, "CreateEventSourceMapping from"):
				want = "InvalidParameterValueException"
			}
			out, err := call()
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != want {
				t.Errorf("%s at %s: %v, %+v", name, at, err, out)
			}
		}
	}
	if n := len(node.Buses().List("")); n != 2 {
		t.Errorf("%d buses", n)
	}
}

// A target of another account or region is called in vain: its event is a dead letter
// with NO_RESOURCE, and what has the name here is not called.
func TestForeignTargets(t *testing.T) {
	node, url := servertest.Start(t, servertest.Options{Memory: true, Config: "buses: { orders: {} }\n"})
	events := eventbridge.NewFromConfig(apitest.Config(url))
	_, err := events.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	for i, to := range []string{"arn:aws:lambda:us-east-1:111111111111:function:f", "arn:aws:lambda:eu-west-1:000000000000:function:f", "arn:aws:events:us-east-1:111111111111:event-bus/orders", "arn:aws:events:eu-west-1:000000000000:event-bus/orders", "arn:aws:events:eu-west-1:000000000000:api-destination/d/1"} {
		_, err := events.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []eb.Target{{Id: aws.String(fmt.Sprint(i)), Arn: &to}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	put, err := events.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eb.PutEventsRequestEntry{{Source: aws.String("s"), DetailType: aws.String("t"), Detail: aws.String("{}")}}})
	if err != nil || put.FailedEntryCount != 0 {
		t.Fatal(err)
	}
	if err := node.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead := 0
	err = node.Queues().DeadLetters(t.Context(), delivery.DeadFilter{}, func(d delivery.DeadLetter) bool {
		if dead++; d.Code != "NO_RESOURCE" || d.Attempts != 1 {
			t.Errorf("%s: %s after %d attempts: %s", d.ARN, d.Code, d.Attempts, d.Msg)
		}
		return true
	})
	if err != nil || dead != 5 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}
