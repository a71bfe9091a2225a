// Package dynamodb serves the API of Amazon DynamoDB from package table: it decodes
// a request, makes one domain call, and encodes the answer. ops.go lists the
// operations and how much of each is offered; errors.go alone knows DynamoDB's
// exception names.
//
// A request is checked in DynamoDB's order, and the first error is the answer:
//
//  1. the JSON has the types of the request (SerializationException);
//  2. the table name, then all constraints of the model together;
//  3. parameters that exclude each other: expressions and legacy parameters;
//  4. attribute values: one type each, numbers in range, sets not empty;
//  5. sizes, then expressions, then names and values that none of them uses;
//  6. the table exists, the key is one of the table;
//  7. the condition holds.
//
// Errors of stages 3 to 5 have the prefix "1 validation error detected: " in
// PutItem, UpdateItem and DeleteItem and none in all other operations, as DynamoDB
// has it since 2026; see envelope.go.
//
// Source: Amazon DynamoDB API reference and developer guide, the service's
// model as AWS SDKs carry it, and texts recorded from the service by test
// suites that ran against it.
package dynamodb

import (
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

// Service returns DynamoDB's operations on the tables. The region appears in the
// answer of DescribeEndpoints.
func Service(tables *table.Tables, region string) awsjson.Service {
	a := &api{tables: tables, region: region, tableARN: tables.ARN("")}
	return awsjson.Service{
		TargetPrefix: "DynamoDB_20120810", ContentType: "application/x-amz-json-1.0", SigningName: "dynamodb",
		Model: "com.amazonaws.dynamodb.v20120810", MapError: mapError, Ops: awsjson.Bind("dynamodb", a, operations),
	}
}

type api struct {
	tables   *table.Tables
	region   string
	tableARN string // begins the ARN of each table of the node
}
