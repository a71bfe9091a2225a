package server_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

// A new stream has a shard for each partition that DynamoDB gives the table, unless
// the file says how many.
func TestShardsOfNewStreams(t *testing.T) {
	for file, wants := range map[string]map[[2]int64]int{ // by reads and writes; none: on demand
		"":                       {{}: 4, {1, 1}: 1, {1500, 500}: 1, {3000, 1}: 2, {1, 2000}: 3, {9000, 3000}: 6, {40_000, 100_000}: 64},
		"streams: { shards: 3 }": {{}: 3, {1, 1}: 3},
	} {
		_, url := servertest.Start(t, servertest.Options{Memory: true, Config: file})
		c := apitest.Config(url)
		tables, streams := dynamodb.NewFromConfig(c), dynamodbstreams.NewFromConfig(c)
		for units, want := range wants {
			in := &dynamodb.CreateTableInput{
				TableName: aws.String("users"), BillingMode: types.BillingModePayPerRequest,
				AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
				KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
			}
			if units[0] > 0 {
				in.BillingMode, in.ProvisionedThroughput = types.BillingModeProvisioned, &types.ProvisionedThroughput{ReadCapacityUnits: &units[0], WriteCapacityUnits: &units[1]}
			}
			if _, err := tables.CreateTable(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			updated, err := tables.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: in.TableName, StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeKeysOnly}})
			if err != nil {
				t.Fatal(err)
			}
			described, err := streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: updated.TableDescription.LatestStreamArn})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(described.StreamDescription.Shards); got != want {
				t.Errorf("%q, %v: %d shards, want %d", file, units, got, want)
			}
			if _, err := tables.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: in.TableName}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
