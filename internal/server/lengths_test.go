package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

// Lengths of texts count characters, not bytes, in every service.
func TestLengthsCountCharacters(t *testing.T) {
	node, url := servertest.Start(t, servertest.Options{Memory: true, Config: "tables: { users: { key: id } }\nbuses: { orders: {} }\n"})
	c := apitest.Config(url)
	tables, events, functions, streams := dynamodb.NewFromConfig(c), eventbridge.NewFromConfig(c), lambda.NewFromConfig(c), dynamodbstreams.NewFromConfig(c)
	d, err := node.Tables().Describe("users")
	if err != nil {
		t.Fatal(err)
	}
	bus := aws.String("arn:aws:events:us-east-1:000000000000:event-bus/orders")
	for name, text := range map[string]struct {
		most int
		call func(context.Context, *string) error
	}{
		"dynamodb: key of a tag": {128, func(ctx context.Context, s *string) error {
			_, err := tables.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: &d.ARN, Tags: []dynamodbtypes.Tag{{Key: s, Value: aws.String("")}}})
			return err
		}},
		"dynamodb: value of a tag": {256, func(ctx context.Context, s *string) error {
			_, err := tables.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: &d.ARN, Tags: []dynamodbtypes.Tag{{Key: aws.String("k"), Value: s}}})
			return err
		}},
		"dynamodb: statement": {8192, func(ctx context.Context, s *string) error {
			text := "SELECT * FROM users WHERE id = '" + strings.TrimPrefix(*s, strings.Repeat("é", 33)) + "'"
			_, err := tables.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: &text})
			return err
		}},
		"dynamodb: token": {36, func(ctx context.Context, s *string) error {
			_, err := tables.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{ClientRequestToken: s, TransactItems: []dynamodbtypes.TransactWriteItem{
				{Delete: &dynamodbtypes.Delete{TableName: aws.String("users"), Key: map[string]dynamodbtypes.AttributeValue{"id": &dynamodbtypes.AttributeValueMemberS{Value: "a"}}}},
			}})
			return err
		}},
		"eventbridge: value of a tag": {256, func(ctx context.Context, s *string) error {
			_, err := events.TagResource(ctx, &eventbridge.TagResourceInput{ResourceARN: bus, Tags: []eventtypes.Tag{{Key: aws.String("k"), Value: s}}})
			return err
		}},
		"eventbridge: description of a rule": {512, func(ctx context.Context, s *string) error {
			_, err := events.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), Description: s, EventPattern: aws.String(`{"source":["a"]}`)})
			return err
		}},
		"eventbridge: group of an event": {128, func(_ context.Context, s *string) error {
			text := fmt.Sprintf(`{"Entries":[{"Source":"s","DetailType":"t","Detail":"{}","EventGroupId":%q}]}`, *s)
			if status, _, body := post(t, url, "AWSEvents.PutEvents", text); status != http.StatusOK {
				return errors.New(body)
			}
			return nil
		}},
		"lambda: description of a function": {256, func(ctx context.Context, s *string) error {
			_, err := functions.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: s})
			return refusedLength(err)
		}},
		"lambda: filter of a mapping": {4096, func(ctx context.Context, s *string) error {
			text := `{"a":["` + strings.TrimPrefix(*s, strings.Repeat("é", 10)) + `"]}`
			_, err := functions.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: aws.String(d.ARN + "/stream/2026-01-01T00:00:00.000"), StartingPosition: lambdatypes.EventSourcePositionLatest,
				FilterCriteria: &lambdatypes.FilterCriteria{Filters: []lambdatypes.Filter{{Pattern: &text}}}})
			return refusedLength(err)
		}},
		"streams: id of a shard": {65, func(ctx context.Context, s *string) error {
			_, err := streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: aws.String(d.ARN + "/stream/2026-01-01T00:00:00.000"), ShardId: s, ShardIteratorType: types.ShardIteratorTypeLatest})
			return refusedLength(err)
		}},
	} {
		for n, want := range map[int]bool{text.most: true, text.most + 1: false} {
			s := strings.Repeat("é", n)
			if err := text.call(t.Context(), &s); (err == nil) != want {
				t.Errorf("%s: %d characters: %v", name, n, err)
			}
		}
	}
}

// refusedLength returns an error that complains of a length, and no other: what a
// text belongs to does not exist.
func refusedLength(err error) error {
	if err == nil || strings.Contains(err.Error(), "length") || strings.Contains(err.Error(), "Invalid filter pattern") {
		return err
	}
	return nil
}
