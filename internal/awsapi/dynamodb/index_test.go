package dynamodb_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"
)

// ordersTable has an index of each kind.
func ordersTable() *sdk.CreateTableInput {
	keys := func(hash, sort string) []types.KeySchemaElement {
		out := []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}}
		if sort != "" {
			out = append(out, types.KeySchemaElement{AttributeName: &sort, KeyType: types.KeyTypeRange})
		}
		return out
	}
	define := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	return &sdk.CreateTableInput{
		TableName: aws.String("orders"), KeySchema: keys("pk", "sk"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{define("pk", "S"), define("sk", "N"), define("who", "S"), define("sum", "N")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			{IndexName: aws.String("byWho"), KeySchema: keys("who", "sum"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}},
			{IndexName: aws.String("keysByWho"), KeySchema: keys("who", ""), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}},
		},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{
			{IndexName: aws.String("bySum"), KeySchema: keys("pk", "sum"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"note"}}},
		},
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("sales")}}, TableClass: types.TableClassStandardInfrequentAccess,
	}
}

func TestIndexesBySDK(t *testing.T) {
	node := start(t, false)
	c, ctx := node.client(), t.Context()
	created, err := c.CreateTable(ctx, ordersTable())
	if err != nil {
		t.Fatal(err)
	}
	if x := created.TableDescription.GlobalSecondaryIndexes; len(x) != 2 || x[0].IndexStatus != types.IndexStatusActive || !strings.HasSuffix(*x[0].IndexArn, "table/orders/index/byWho") {
		t.Errorf("%+v", x)
	}
	if len(created.TableDescription.AttributeDefinitions) != 4 || created.TableDescription.TableClassSummary.TableClass != types.TableClassStandardInfrequentAccess {
		t.Errorf("%+v", created.TableDescription)
	}
	orders := aws.String("orders")
	for i := range 6 {
		row := attrs{"pk": s("p"), "sk": n(i), "sum": n(10 - i), "note": s("n"), "extra": s(strings.Repeat("x", 2000))}
		if i%2 == 0 {
			row["who"] = s("ann")
		}
		put, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: orders, Item: row, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes, ReturnItemCollectionMetrics: types.ReturnItemCollectionMetricsSize})
		if err != nil {
			t.Fatal(err)
		}
		used := put.ConsumedCapacity
		if i%2 == 0 && (*used.CapacityUnits != 6 || *used.GlobalSecondaryIndexes["byWho"].CapacityUnits != 2 || *used.GlobalSecondaryIndexes["keysByWho"].CapacityUnits != 1 || *used.LocalSecondaryIndexes["bySum"].CapacityUnits != 1) {
			t.Errorf("item %d took %v: %+v", i, *used.CapacityUnits, used)
		}
		if i%2 == 1 && (*used.CapacityUnits != 3 || used.GlobalSecondaryIndexes != nil) {
			t.Errorf("item %d took %v", i, *used.CapacityUnits)
		}
		if m := put.ItemCollectionMetrics; m == nil || len(m.SizeEstimateRangeGB) != 2 || m.ItemCollectionKey["pk"] == nil {
			t.Errorf("metrics %+v", m)
		}
	}
	query := func(in *sdk.QueryInput) (*sdk.QueryOutput, error) {
		in.TableName, in.ReturnConsumedCapacity = orders, types.ReturnConsumedCapacityIndexes
		return c.Query(ctx, in)
	}
	byWho := func() *sdk.QueryInput {
		return &sdk.QueryInput{IndexName: aws.String("byWho"), KeyConditionExpression: aws.String("who = :w AND #s > :n"), ExpressionAttributeNames: map[string]string{"#s": "sum"}, ExpressionAttributeValues: attrs{":w": s("ann"), ":n": n(6)}}
	}
	got, err := query(byWho())
	if err != nil || got.Count != 2 || diff(got.Items[0]["sk"], n(2)) != "" || len(got.Items[0]) != 6 {
		t.Errorf("%+v, %v", got, err)
	}
	if used := got.ConsumedCapacity; *used.CapacityUnits != 0.5 || *used.GlobalSecondaryIndexes["byWho"].CapacityUnits != 0.5 || *used.Table.CapacityUnits != 0 {
		t.Errorf("%+v", used)
	}
	in := byWho()
	in.Limit = aws.Int32(1)
	first, err := query(in)
	if err != nil || len(first.LastEvaluatedKey) != 4 {
		t.Fatalf("%+v, %v", first, err)
	}
	in.ExclusiveStartKey = first.LastEvaluatedKey
	if rest, err := query(in); err != nil || rest.Count != 1 || diff(rest.Items[0]["sk"], n(0)) != "" {
		t.Errorf("%+v, %v", rest, err)
	}
	bySum := &sdk.QueryInput{IndexName: aws.String("bySum"), KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: attrs{":p": s("p")}, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(false)}
	if got, err := query(bySum); err != nil || got.Count != 6 || len(got.Items[0]) != 4 || diff(got.Items[0]["sk"], n(0)) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	bySum.Select = types.SelectAllAttributes
	if got, err := query(bySum); err != nil || len(got.Items[0]) != 6 || *got.ConsumedCapacity.Table.CapacityUnits != 6 {
		t.Errorf("%+v, %v", got, err)
	}
	scan, err := c.Scan(ctx, &sdk.ScanInput{TableName: orders, IndexName: aws.String("keysByWho")})
	if err != nil || scan.Count != 3 || len(scan.Items[0]) != 3 {
		t.Errorf("%+v, %v", scan, err)
	}
}

func TestIndexErrors(t *testing.T) {
	node := start(t, true)
	if _, err := node.client().CreateTable(t.Context(), ordersTable()); err != nil {
		t.Fatal(err)
	}
	const ones = "One or more parameter values were invalid: "
	for _, c := range []struct{ op, body, want string }{
		{"PutItem", `{"TableName":"orders","Item":{"pk":{"S":"p"},"sk":{"N":"1"},"who":{"N":"1"}}}`, ones + "Type mismatch for Index Key who Expected: S Actual: N IndexName: byWho"},
		{"PutItem", `{"TableName":"orders","Item":{"pk":{"S":"p"},"sk":{"N":"1"},"who":{"S":""}}}`, "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: byWho, IndexKey: who"},
		{"UpdateItem", `{"TableName":"orders","Key":{"pk":{"S":"p"},"sk":{"N":"1"}},"UpdateExpression":"SET who = :w","ExpressionAttributeValues":{":w":{"N":"1"}}}`, ones + "Type mismatch for Index Key who Expected: S Actual: N IndexName: byWho"},
		{"Query", `{"TableName":"orders","IndexName":"none","KeyConditionExpression":"who = :w","ExpressionAttributeValues":{":w":{"S":"a"}}}`, "The table does not have the specified index: none"},
		{"Query", `{"TableName":"orders","IndexName":"byWho","ConsistentRead":true,"KeyConditionExpression":"who = :w","ExpressionAttributeValues":{":w":{"S":"a"}}}`, "Consistent reads are not supported on global secondary indexes"},
		{"Query", `{"TableName":"orders","IndexName":"byWho","KeyConditionExpression":"pk = :w","ExpressionAttributeValues":{":w":{"S":"a"}}}`, "Query condition missed key schema element: who"},
		{"Query", `{"TableName":"orders","IndexName":"keysByWho","Select":"ALL_ATTRIBUTES","KeyConditionExpression":"who = :w","ExpressionAttributeValues":{":w":{"S":"a"}}}`, ones + "Select type ALL_ATTRIBUTES is not supported for global secondary index keysByWho because its projection type is not ALL"},
		{"Query", `{"TableName":"orders","IndexName":"keysByWho","ProjectionExpression":"note","KeyConditionExpression":"who = :w","ExpressionAttributeValues":{":w":{"S":"a"}}}`, ones + "Global secondary index keysByWho does not project [note]"},
		{"Query", `{"TableName":"orders","IndexName":"byWho","ExclusiveStartKey":{"pk":{"S":"p"},"sk":{"N":"1"}},"KeyConditionExpression":"who = :w","ExpressionAttributeValues":{":w":{"S":"a"}}}`, "The provided starting key is invalid"},
		{"UpdateTable", `{"TableName":"orders","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"none"}}]}`, "Requested resource not found: Index none for table orders"},
		{"UpdateTable", `{"TableName":"orders","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"byWho"}},{"Delete":{"IndexName":"keysByWho"}}]}`, "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"},
		{"UpdateTimeToLive", `{"TableName":"orders","TimeToLiveSpecification":{"Enabled":false,"AttributeName":"x"}}`, "TimeToLive is already disabled"},
		{"TagResource", `{"ResourceArn":"orders","Tags":[{"Key":"a","Value":"b"}]}`, "Invalid TableArn: Invalid ResourceArn provided as input orders"},
	} {
		status, answer := node.Call(t, c.op, c.body)
		if status != 400 || !strings.Contains(answer, `"`+c.want+`"`) {
			t.Errorf("%s %s\n got %d %s\nwant %s", c.op, c.body, status, answer, c.want)
		}
	}
}

// An index is added and removed while the table lives on.
func TestUpdateIndexesBySDK(t *testing.T) {
	node := start(t, true)
	c, ctx := node.client(), t.Context()
	in := ordersTable()
	adding := in.GlobalSecondaryIndexes[1]
	in.GlobalSecondaryIndexes = in.GlobalSecondaryIndexes[:1]
	if _, err := c.CreateTable(ctx, in); err != nil {
		t.Fatal(err)
	}
	orders := aws.String("orders")
	for i := range 200 {
		if _, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: orders, Item: attrs{"pk": s(fmt.Sprint(i)), "sk": n(i), "who": s("ann")}}); err != nil {
			t.Fatal(err)
		}
	}
	updated, err := c.UpdateTable(ctx, &sdk.UpdateTableInput{TableName: orders, AttributeDefinitions: in.AttributeDefinitions, GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{
		{Create: &types.CreateGlobalSecondaryIndexAction{IndexName: adding.IndexName, KeySchema: adding.KeySchema, Projection: adding.Projection}},
	}})
	if err != nil || len(updated.TableDescription.GlobalSecondaryIndexes) != 2 {
		t.Fatalf("%+v, %v", updated, err)
	}
	waiter := sdk.NewTableExistsWaiter(c, func(o *sdk.TableExistsWaiterOptions) { o.MinDelay = time.Millisecond })
	if err := waiter.Wait(ctx, &sdk.DescribeTableInput{TableName: orders}, time.Minute); err != nil {
		t.Fatal(err)
	}
	d, err := c.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: orders})
	if err != nil || *d.Table.GlobalSecondaryIndexes[1].ItemCount != 200 || d.Table.GlobalSecondaryIndexes[1].IndexStatus != types.IndexStatusActive {
		t.Errorf("%+v, %v", d.Table.GlobalSecondaryIndexes, err)
	}
	removed, err := c.UpdateTable(ctx, &sdk.UpdateTableInput{TableName: orders, GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{
		{Delete: &types.DeleteGlobalSecondaryIndexAction{IndexName: adding.IndexName}},
	}})
	if err != nil || !slices.ContainsFunc(removed.TableDescription.GlobalSecondaryIndexes, func(x types.GlobalSecondaryIndexDescription) bool { return x.IndexStatus == types.IndexStatusDeleting }) {
		t.Errorf("%+v, %v", removed, err)
	}
	if d, err = c.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: orders}); err != nil || len(d.Table.GlobalSecondaryIndexes) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestTagsAndTTLBySDK(t *testing.T) {
	node := start(t, true)
	c, ctx := node.client(), t.Context()
	created, err := c.CreateTable(ctx, ordersTable())
	if err != nil {
		t.Fatal(err)
	}
	arn := created.TableDescription.TableArn
	if _, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("env"), Value: aws.String("test")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := c.ListTagsOfResource(ctx, &sdk.ListTagsOfResourceInput{ResourceArn: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "env" {
		t.Errorf("%+v, %v", tags, err)
	}
	orders := aws.String("orders")
	ttl := &types.TimeToLiveSpecification{AttributeName: aws.String("ends"), Enabled: aws.Bool(true)}
	if _, err := c.UpdateTimeToLive(ctx, &sdk.UpdateTimeToLiveInput{TableName: orders, TimeToLiveSpecification: ttl}); err != nil {
		t.Fatal(err)
	}
	d, err := c.DescribeTimeToLive(ctx, &sdk.DescribeTimeToLiveInput{TableName: orders})
	if err != nil || *d.TimeToLiveDescription.AttributeName != "ends" {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = c.GetResourcePolicy(ctx, &sdk.GetResourcePolicyInput{ResourceArn: arn})
	var none *types.PolicyNotFoundException
	if !errors.As(err, &none) {
		t.Error(err)
	}
	k, err := c.DescribeKinesisStreamingDestination(ctx, &sdk.DescribeKinesisStreamingDestinationInput{TableName: orders})
	if err != nil || len(k.KinesisDataStreamDestinations) != 0 {
		t.Errorf("%+v, %v", k, err)
	}
}

// A query of a local index that fetches from the table takes units for the entries
// together and for each whole item.
func TestUnitsOfFetches(t *testing.T) {
	node := start(t, true)
	c, ctx := node.client(), t.Context()
	if _, err := c.CreateTable(ctx, ordersTable()); err != nil {
		t.Fatal(err)
	}
	for i, kilobytes := range []int{1, 9, 3, 0} {
		node.Must(t, "PutItem", fmt.Sprintf(`{"TableName":"orders","Item":{"pk":{"S":"p"},"sk":{"N":"%d"},"sum":{"N":"%d"},"extra":{"S":"%s"}}}`, i, i, strings.Repeat("x", kilobytes<<10)))
	}
	for _, q := range []struct {
		op, rest     string
		index, table float64
	}{
		{"Query", `"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}}`, 0.5, 0},
		{"Query", `"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"Select":"ALL_ATTRIBUTES"`, 0.5, 3},
		{"Query", `"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}},"ProjectionExpression":"extra","ConsistentRead":true`, 1, 6},
		{"Query", `"KeyConditionExpression":"pk = :p","FilterExpression":"attribute_exists(extra)","ExpressionAttributeValues":{":p":{"S":"p"}},"Limit":2`, 0.5, 2},
		{"Query", `"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"none"}},"Select":"ALL_ATTRIBUTES"`, 0.5, 0},
		{"Scan", `"Select":"ALL_ATTRIBUTES"`, 0.5, 3},
	} {
		var out struct {
			ConsumedCapacity struct {
				CapacityUnits         float64
				Table                 struct{ CapacityUnits float64 }
				LocalSecondaryIndexes map[string]struct{ CapacityUnits float64 }
			}
		}
		answer := node.Must(t, q.op, `{"TableName":"orders","IndexName":"bySum","ReturnConsumedCapacity":"INDEXES",`+q.rest+`}`)
		if err := json.Unmarshal([]byte(answer), &out); err != nil {
			t.Fatal(err)
		}
		used := out.ConsumedCapacity
		if used.LocalSecondaryIndexes["bySum"].CapacityUnits != q.index || used.Table.CapacityUnits != q.table || used.CapacityUnits != q.index+q.table {
			t.Errorf("%s %s took %+v, want %v of the index and %v of the table", q.op, q.rest, used, q.index, q.table)
		}
	}
	sql, err := c.ExecuteStatement(ctx, &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT extra FROM orders.bySum WHERE pk = 'p'`), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes})
	if err != nil || *sql.ConsumedCapacity.Table.CapacityUnits != 3 || *sql.ConsumedCapacity.LocalSecondaryIndexes["bySum"].CapacityUnits != 0.5 {
		t.Errorf("a statement took %+v, %v", sql, err)
	}
}
