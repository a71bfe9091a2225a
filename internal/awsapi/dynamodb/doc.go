// Package dynamodb is the wire of Amazon DynamoDB over package table: it
// decodes a request, makes one domain call, and encodes the answer. errors.go
// is the one place that knows DynamoDB's exception names.
//
// Source: Amazon DynamoDB API reference.
package dynamodb

import (
	"context"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

// Service returns the operations over the tables.
func Service(tables *table.Tables, region string) awsjson.Service {
	a := &api{tables: tables, region: region}
	return awsjson.Service{
		TargetPrefix: "DynamoDB_20120810", ContentType: "application/x-amz-json-1.0", SigningName: "dynamodb",
		Model: "com.amazonaws.dynamodb.v20120810", MapError: mapError,
		Ops: map[string]awsjson.Op{
			"CreateTable": a.createTable, "DescribeTable": a.describeTable, "ListTables": a.listTables,
			"DeleteTable": a.deleteTable, "UpdateTable": a.updateTable,
			"PutItem": a.putItem, "GetItem": a.getItem, "UpdateItem": a.updateItem, "DeleteItem": a.deleteItem,
			"Query": a.query, "Scan": a.scan, "BatchWriteItem": a.batchWriteItem,
			"DescribeEndpoints": a.describeEndpoints, "DescribeLimits": a.describeLimits,
		},
	}
}

type api struct {
	tables *table.Tables
	region string
}

func (a *api) describeEndpoints(context.Context, []byte) ([]byte, error) {
	return []byte(`{"Endpoints":[{"Address":"dynamodb.` + a.region + `.amazonaws.com","CachePeriodInMinutes":1440}]}`), nil
}

func (a *api) describeLimits(context.Context, []byte) ([]byte, error) {
	return []byte(`{"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,"TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000}`), nil
}
