package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/kv/kvtest"
)

const limit = "com.amazonaws.dynamodb.v20120810#LimitExceededException"

// createParts makes a table with the key a of type S, the sort key s, the local
// index near on n, and the global index far on x, both of type N.
func createParts(name, billing, throughput string) string {
	index := func(name, keys, throughput string) string {
		return `{"IndexName":"` + name + `","KeySchema":[` + keys + `],"Projection":{"ProjectionType":"ALL"}` + throughput + `}`
	}
	const a, s = `{"AttributeName":"a","KeyType":"HASH"}`, `{"AttributeName":"s","KeyType":"RANGE"}`
	return `{"TableName":"` + name + `","KeySchema":[` + a + `,` + s + `],"BillingMode":"` + billing + `"` + throughput + `,"AttributeDefinitions":[` +
		`{"AttributeName":"a","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"},{"AttributeName":"x","AttributeType":"N"}],` +
		`"LocalSecondaryIndexes":[` + index("near", a+`,{"AttributeName":"n","KeyType":"RANGE"}`, "") + `],` +
		`"GlobalSecondaryIndexes":[` + index("far", `{"AttributeName":"x","KeyType":"HASH"}`, throughput) + `]}`
}

const oneEach = `,"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}`

// partsNode has the table open on demand and the table fixed with provisioned
// throughput.
func partsNode(t *testing.T) *node {
	n := start(t, true)
	n.Must(t, "CreateTable", createParts("open", "PAY_PER_REQUEST", ""))
	n.Must(t, "CreateTable", createParts("fixed", "PROVISIONED", oneEach))
	return n
}

// creation is the creation of a global index named more on one attribute.
func creation(attribute, rest string) string {
	return `{"Create":{"IndexName":"more","KeySchema":[{"AttributeName":"` + attribute + `","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}` + rest + `}}`
}

// changes is an UpdateTable of indexes with attribute definitions: name, type,
// name, type.
func changes(table, rest string, defs []string, actions ...string) string {
	var all []string
	for i := 0; i < len(defs); i += 2 {
		all = append(all, `{"AttributeName":"`+defs[i]+`","AttributeType":"`+defs[i+1]+`"}`)
	}
	given := ""
	if defs != nil {
		given = `,"AttributeDefinitions":[` + strings.Join(all, ",") + `]`
	}
	return `{"TableName":"` + table + `","GlobalSecondaryIndexUpdates":[` + strings.Join(actions, ",") + `]` + given + rest + `}`
}

// A new index cannot give a key attribute of the table, or of another index, a
// second type: nothing could be written any more.
func TestAttributesAreNotRedefined(t *testing.T) {
	n := partsNode(t)
	const redefined = ones + "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: "
	for _, c := range []struct{ attribute, kind, old, now string }{
		{"a", "N", "SchemaElement: key{a:S:HASH}, SchemaElement: key{s:S:RANGE}", "SchemaElement: key{a:N:HASH}"},
		{"s", "B", "SchemaElement: key{a:S:HASH}, SchemaElement: key{s:S:RANGE}", "SchemaElement: key{s:B:HASH}"},
		{"n", "S", "SchemaElement: key{a:S:HASH}, SchemaElement: key{n:N:RANGE}", "SchemaElement: key{n:S:HASH}"},
		{"x", "S", "SchemaElement: key{x:N:HASH}", "SchemaElement: key{x:S:HASH}"},
	} {
		wireCase{"UpdateTable", changes("open", "", []string{c.attribute, c.kind}, creation(c.attribute, "")), validate,
			redefined + "Schema:[" + c.old + "] New schema: Schema:[" + c.now + "]"}.check(t, n)
	}
	// Definitions that no new key uses are as if they were not given.
	n.Must(t, "UpdateTable", changes("open", "", []string{"a", "N", "y", "S", "z", "S"}, creation("y", "")))
	n.Must(t, "PutItem", `{"TableName":"open","Item":{"a":{"S":"1"},"s":{"S":"1"},"n":{"N":"1"},"x":{"N":"1"},"y":{"S":"1"},"z":{"N":"1"}}}`)
}

func TestUpdateTableIndexErrors(t *testing.T) {
	n := partsNode(t)
	const drop, units = `{"Delete":{"IndexName":"far"}}`, `"ProvisionedThroughput":{"ReadCapacityUnits":%d,"WriteCapacityUnits":%d}`
	update := func(name string, read, write int) string {
		return `{"Update":{"IndexName":"` + name + `",` + fmt.Sprintf(units, read, write) + `}}`
	}
	y := []string{"y", "S"}
	for _, c := range []wireCase{
		{"UpdateTable", changes("open", "", nil, creation("y", "")), validate, ones + "AttributeDefinitions is not specified for index: more"},
		{"UpdateTable", changes("open", "", []string{"z", "S"}, creation("x", "")), validate, ones + "Some index key attributes are not defined in AttributeDefinitions. Keys: [x], AttributeDefinitions: [z]"},
		{"UpdateTable", changes("open", "", []string{"y", "S", "y", "S"}, creation("y", "")), validate, "Attribute Name is duplicated: y"},
		{"UpdateTable", changes("none", "", y, strings.TrimSuffix(creation("y", ""), "}")+","+drop[1:]), validate, ones + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object"},
		{"UpdateTable", changes("none", "", nil, update("far", 2, 2), drop), validate, ones + "Only one global secondary index update per index is allowed simultaneously. Index: far"},
		{"UpdateTable", changes("none", "", nil, drop, `{}`), validate, ones + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null"},
		{"UpdateTable", changes("none", `,"BillingMode":"PAY_PER_REQUEST"`, nil), validate, ones + "List of GlobalSecondaryIndexUpdates is empty"},
		{"UpdateTable", changes("none", "", nil, update("far", 1000000000001, 1)), validate, "Given value 1000000000001 for ReadCapacityUnits is out of bounds for index far"},
		{"UpdateTable", changes("none", "", nil, update("far", 1, 1000000000001)), validate, "Given value 1000000000001 for WriteCapacityUnits is out of bounds for index far"},
		{"UpdateTable", changes("open", "", y, creation("y", oneEach)), validate, ones + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: more when BillingMode is PAY_PER_REQUEST"},
		{"UpdateTable", changes("fixed", "", y, creation("y", "")), validate, ones + "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: more"},
		{"UpdateTable", changes("open", "", nil, update("far", 1, 1)), validate, ones + "The only Updates for index: far when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"},
		{"UpdateTable", changes("fixed", "", nil, update("far", 1, 1)), validate, "The provisioned throughput for the index far will not change. The requested value equals the current value. " +
			"Current ReadCapacityUnits provisioned for index far: 1. Requested ReadCapacityUnits: 1. Current WriteCapacityUnits provisioned for index far: 1. Requested WriteCapacityUnits: 1. " +
			"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."},
		{"UpdateTable", changes("open", "", nil, drop, `{"Delete":{"IndexName":"other"}}`), limit, "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"},
		{"UpdateTable", changes("open", "", nil, `{"Delete":{"IndexName":"other"}}`), notFound, "Requested resource not found: Index other for table open"},
		{"UpdateTable", changes("fixed", "", nil, update("other", 1, 1)), notFound, "Requested resource not found: Index other for table fixed"},
		{"UpdateTable", changes("open", "", nil, `{"Delete":{"IndexName":"near"}}`), validate, "Cannot delete an index that is not a GlobalSecondaryIndex: near"},
		{"UpdateTable", changes("fixed", "", nil, update("near", 1, 1)), validate, "Cannot update an index that is not a GlobalSecondaryIndex: near"},
		{"UpdateTable", changes("open", "", []string{"y", "S"}, strings.Replace(creation("y", ""), "more", "near", 1)), validate, "Attempting to create an index which already exists"},
		{"UpdateTable", `{"TableName":"open","BillingMode":"PROVISIONED"` + oneEach + `}`, validate, ones + "ProvisionedThroughput must be specified for index: far"},
		{"UpdateTable", changes("open", `,"BillingMode":"PROVISIONED"`+oneEach, nil, `{"Update":{"IndexName":"far","OnDemandThroughput":{"MaxReadRequestUnits":5}}}`), validate, ones + "ProvisionedThroughput must be specified for index: far"},
		{"UpdateTable", changes("open", "", nil, `{"Update":{"IndexName":"other","OnDemandThroughput":{"MaxReadRequestUnits":5}}}`), notFound, "Requested resource not found: Index other for table open"},
	} {
		c.check(t, n)
	}
	// Each of these is what one of the refused requests should have been.
	n.Must(t, "UpdateTable", changes("open", `,"BillingMode":"PROVISIONED"`+oneEach, nil, update("far", 3, 3)))
	n.Must(t, "UpdateTable", changes("fixed", "", nil, update("far", 1, 2)))
	n.Must(t, "UpdateTable", changes("fixed", "", y, creation("y", oneEach), update("far", 2, 2)))
}

// An UpdateTable makes one change at a time.
func TestUpdateTableCombinations(t *testing.T) {
	n := partsNode(t)
	const (
		class, guard, stream = `,"TableClass":"STANDARD"`, `,"DeletionProtectionEnabled":true`, `,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}`
		sse, warm, onDemand  = `,"SSESpecification":{"Enabled":true}`, `,"WarmThroughput":{"ReadUnitsPerSecond":12000}`, `,"OnDemandThroughput":{"MaxReadRequestUnits":5}`
		more, free           = `,"ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":2}`, `,"BillingMode":"PAY_PER_REQUEST"`
		drop                 = `,"GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"far"}}]`
		alone                = " modification must be the only operation in the request"
	)
	fixed := func(rest string) string { return `{"TableName":"fixed"` + rest + `}` }
	for _, c := range []struct{ rest, want string }{
		{"", "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, " +
			"ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required"},
		{guard + sse + class, ones + "Server-Side Encryption" + alone},
		{class + guard, ones + "TableClass" + alone},
		{warm + guard, ones + "DeletionProtection" + alone},
		{guard + more, ones + "DeletionProtection" + alone},
		{guard + free, ones + "DeletionProtection" + alone},
		{class + drop, ones + "TableClass" + alone},
		{warm + stream, ones + "WarmThroughput must be the only operation in the request"},
		{onDemand + stream, ones + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"},
		{stream + more, ones + "You cannot modify stream status while updating table IOPS"},
		{stream + `,"BillingMode":"PROVISIONED"`, ones + "You cannot modify stream status while updating table IOPS"},
		{drop + more, ones + "You cannot create or delete index while updating table IOPS"},
		{drop + stream, ones + "You cannot create or delete index while changing stream status"},
		{`,"StreamSpecification":{"StreamEnabled":true}`, ones + "If stream is being enabled then UpdateViewType is required"},
		{`,"StreamSpecification":{"StreamEnabled":false,"StreamViewType":"KEYS_ONLY"}`, ones + "If stream is being disabled, then UpdateViewType must not be specified"},
	} {
		wireCase{"UpdateTable", fixed(c.rest), validate, c.want}.check(t, n)
	}
	for _, rest := range []string{sse, warm, class, guard, free + stream} {
		n.Must(t, "UpdateTable", fixed(rest))
	}
	n.Must(t, "UpdateTable", fixed(free+onDemand))
}

// UpdateTable words the limit of global indexes in another way than CreateTable.
func TestTwentyGlobalIndexes(t *testing.T) {
	n := start(t, true)
	c, ctx := n.client(), t.Context()
	in := ordersTable()
	proto := in.GlobalSecondaryIndexes[1]
	for i := len(in.GlobalSecondaryIndexes); i < 20; i++ {
		x := proto
		x.IndexName = aws.String(fmt.Sprintf("index-%d", i))
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, x)
	}
	if _, err := c.CreateTable(ctx, in); err != nil {
		t.Fatal(err)
	}
	_, err := c.UpdateTable(ctx, &sdk.UpdateTableInput{
		TableName: in.TableName, AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("who"), AttributeType: "S"}},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName: aws.String("index-20"), KeySchema: proto.KeySchema, Projection: proto.Projection,
		}}},
	})
	if want := "LimitExceededException: Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// While an index is being filled no other is created or deleted. Its own deletion
// is admitted, and so is other throughput for another index.
func TestOneIndexAtATime(t *testing.T) {
	n := serveIdle(t, kvtest.NewMem(t))
	n.Must(t, "CreateTable", createParts("fixed", "PROVISIONED", oneEach))
	n.Must(t, "UpdateTable", changes("fixed", "", []string{"y", "S"}, creation("y", oneEach)))
	const busy = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
	for _, body := range []string{
		changes("fixed", "", []string{"z", "S"}, strings.Replace(creation("z", oneEach), "more", "third", 1)),
		changes("fixed", "", nil, `{"Delete":{"IndexName":"far"}}`),
	} {
		wireCase{"UpdateTable", body, limit, busy}.check(t, n)
	}
	n.Must(t, "UpdateTable", changes("fixed", "", nil, `{"Update":{"IndexName":"far"`+strings.Replace(oneEach, "1", "2", 1)+`}}`))
	n.Must(t, "UpdateTable", changes("fixed", "", nil, `{"Delete":{"IndexName":"more"}}`))
	n.Must(t, "UpdateTable", changes("fixed", "", nil, `{"Delete":{"IndexName":"far"}}`))
}
