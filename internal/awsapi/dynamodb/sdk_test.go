package dynamodb_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type attrs = map[string]types.AttributeValue

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v any) types.AttributeValue    { return &types.AttributeValueMemberN{Value: fmt.Sprint(v)} }

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(
		types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{}, types.AttributeValueMemberBOOL{},
		types.AttributeValueMemberNULL{}, types.AttributeValueMemberM{}, types.AttributeValueMemberL{}, types.AttributeValueMemberSS{},
		types.AttributeValueMemberNS{}, types.AttributeValueMemberBS{}, types.ConsumedCapacity{}, types.Capacity{},
		types.BatchStatementResponse{}, types.BatchStatementError{}, types.ItemResponse{}, types.CancellationReason{}))
}

func TestTablesBySDK(t *testing.T) {
	node := start(t, false)
	c, ctx := node.client(), t.Context()
	created, err := c.CreateTable(ctx, &sdk.CreateTableInput{
		TableName:   aws.String("orders"),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
		},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeN},
		},
		StreamSpecification:       &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage},
		DeletionProtectionEnabled: aws.Bool(true),
		Tags:                      []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sdk.NewTableExistsWaiter(c).Wait(ctx, &sdk.DescribeTableInput{TableName: aws.String("orders")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	d, err := c.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: created.TableDescription.TableArn})
	if err != nil {
		t.Fatal(err)
	}
	if billing := created.TableDescription.BillingModeSummary; billing.LastUpdateToPayPerRequestDateTime == nil {
		billing.LastUpdateToPayPerRequestDateTime = d.Table.CreationDateTime
	} else {
		t.Error("the creation tells since when the table is on demand")
	}
	if diff := cmp.Diff(created.TableDescription, d.Table, cmpopts.IgnoreUnexported(types.TableDescription{}, types.KeySchemaElement{}, types.AttributeDefinition{},
		types.ProvisionedThroughputDescription{}, types.BillingModeSummary{}, types.StreamSpecification{})); diff != "" {
		t.Error(diff)
	}
	table := d.Table
	if *table.TableArn != "arn:aws:dynamodb:us-east-1:000000000000:table/orders" || table.TableStatus != types.TableStatusActive ||
		time.Since(*table.CreationDateTime) > time.Minute || table.StreamSpecification.StreamViewType != types.StreamViewTypeNewImage ||
		!strings.HasPrefix(*table.LatestStreamArn, *table.TableArn+"/stream/") || !strings.HasSuffix(*table.LatestStreamArn, *table.LatestStreamLabel) {
		t.Errorf("%+v", table)
	}
	var protected interface{ ErrorCode() string }
	if _, err := c.DeleteTable(ctx, &sdk.DeleteTableInput{TableName: aws.String("orders")}); !errors.As(err, &protected) || protected.ErrorCode() != "ValidationException" {
		t.Errorf("delete of a protected table: %v", err)
	}
	if _, err := c.UpdateTable(ctx, &sdk.UpdateTableInput{TableName: aws.String("orders"), DeletionProtectionEnabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	updated, err := c.UpdateTable(ctx, &sdk.UpdateTableInput{TableName: aws.String("orders"), StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)}})
	if err != nil || updated.TableDescription.StreamSpecification != nil || *updated.TableDescription.LatestStreamArn != *table.LatestStreamArn {
		t.Errorf("update: %+v %v", updated, err)
	}
	var inUse *types.ResourceInUseException
	if _, err := c.CreateTable(ctx, &sdk.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: types.BillingModePayPerRequest, KeySchema: table.KeySchema, AttributeDefinitions: table.AttributeDefinitions,
	}); !errors.As(err, &inUse) {
		t.Errorf("create again: %v", err)
	}
	if _, err := c.DeleteTable(ctx, &sdk.DeleteTableInput{TableName: aws.String("orders")}); err != nil {
		t.Error(err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := c.DescribeTable(ctx, &sdk.DescribeTableInput{TableName: aws.String("orders")}); !errors.As(err, &missing) {
		t.Errorf("describe after delete: %v", err)
	}
}

func TestListTablesBySDK(t *testing.T) {
	node := start(t, true)
	for i := range 7 {
		node.Must(t, "CreateTable", strings.ReplaceAll(createUsers, `"users"`, fmt.Sprintf(`"table-%d"`, i)))
	}
	var names []string
	pages := sdk.NewListTablesPaginator(node.client(), &sdk.ListTablesInput{Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, page.TableNames...)
	}
	if got := strings.Join(names, " "); got != "table-0 table-1 table-2 table-3 table-4 table-5 table-6" {
		t.Error(got)
	}
	if empty := start(t, true).Must(t, "ListTables", "{}"); empty != `{"TableNames":[]}` {
		t.Error(empty)
	}
}

// Each kind of value comes back as it went in.
func TestValuesBySDK(t *testing.T) {
	node := start(t, false)
	node.Must(t, "CreateTable", createUsers)
	c, ctx := node.client(), t.Context()
	item := attrs{
		"id": s("u"), "empty": s(""), "text": s("\u2028 \"quoted\" \x00 \U0001F600"), "n": n("-1.5"), "big": n("12345678901234567890123456789012345678"),
		"b": &types.AttributeValueMemberB{Value: []byte{0, 255, 10}}, "t": &types.AttributeValueMemberBOOL{Value: true}, "null": &types.AttributeValueMemberNULL{Value: true},
		"m": &types.AttributeValueMemberM{Value: attrs{"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{s("x"), n(1), &types.AttributeValueMemberM{Value: attrs{}}}}}},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{}}, "ss": &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"ns": &types.AttributeValueMemberNS{Value: []string{"-3", "2"}}, "bs": &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2}}},
	}
	if _, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("users"), Item: item}); err != nil {
		t.Fatal(err)
	}
	out, err := c.GetItem(ctx, &sdk.GetItemInput{TableName: aws.String("users"), Key: attrs{"id": s("u")}})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(item, out.Item); d != "" {
		t.Error(d)
	}
	none, err := c.GetItem(ctx, &sdk.GetItemInput{TableName: aws.String("users"), Key: attrs{"id": s("absent")}})
	if err != nil || none.Item != nil {
		t.Errorf("%v %v", none, err)
	}
}

func TestWritesBySDK(t *testing.T) {
	node := start(t, false)
	node.Must(t, "CreateTable", createUsers)
	c, ctx := node.client(), t.Context()
	users, key := aws.String("users"), attrs{"id": s("u")}
	put, err := c.PutItem(ctx, &sdk.PutItemInput{TableName: users, Item: attrs{"id": s("u"), "n": n(1), "pad": s(strings.Repeat("x", 1500))}, ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes, ReturnValues: types.ReturnValueAllOld})
	if err != nil || put.Attributes != nil {
		t.Fatal(put, err)
	}
	if d := diff(&types.ConsumedCapacity{TableName: users, CapacityUnits: aws.Float64(2), Table: &types.Capacity{CapacityUnits: aws.Float64(2)}}, put.ConsumedCapacity); d != "" {
		t.Error(d)
	}
	add, err := c.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName: users, Key: key, ReturnValues: types.ReturnValueAllNew, UpdateExpression: aws.String("SET #n = #n + :five REMOVE #p"), ConditionExpression: aws.String("attribute_exists(id)"),
		ExpressionAttributeNames: map[string]string{"#n": "n", "#p": "pad"}, ExpressionAttributeValues: attrs{":five": n(5)}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(attrs{"id": s("u"), "n": n(6)}, add.Attributes); d != "" {
		t.Error(d)
	}
	if *add.ConsumedCapacity.CapacityUnits != 2 {
		t.Errorf("an update that shrinks an item of 1.5 KB took %v units", *add.ConsumedCapacity.CapacityUnits)
	}
	var failed *types.ConditionalCheckFailedException
	_, err = c.DeleteItem(ctx, &sdk.DeleteItemInput{
		TableName: users, Key: key, ConditionExpression: aws.String("n < :z"), ExpressionAttributeValues: attrs{":z": n(0)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if d := diff(attrs{"id": s("u"), "n": n(6)}, failed.Item); d != "" {
		t.Error(d)
	}
	gone, err := c.DeleteItem(ctx, &sdk.DeleteItemInput{TableName: users, Key: key, ReturnValues: types.ReturnValueAllOld, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(failed.Item, gone.Attributes); d != "" {
		t.Error(d)
	}
	if d := diff(&types.ConsumedCapacity{TableName: users, CapacityUnits: aws.Float64(1)}, gone.ConsumedCapacity); d != "" {
		t.Error(d)
	}
}

func TestReturnValues(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	const put = `{"TableName":"users","Item":{"id":{"S":"u"},"a":{"N":"1"},"l":{"L":[{"S":"x"},{"S":"y"}]},"m":{"M":{"x":{"N":"1"},"y":{"N":"2"}}}}}`
	for _, c := range []struct{ returns, update, want string }{
		{"NONE", "SET a = :n", `{}`},
		{"ALL_OLD", "SET a = :n", `{"Attributes":{"a":{"N":"1"},"id":{"S":"u"},"l":{"L":[{"S":"x"},{"S":"y"}]},"m":{"M":{"x":{"N":"1"},"y":{"N":"2"}}}}}`},
		{"ALL_NEW", "REMOVE l, m", `{"Attributes":{"a":{"N":"1"},"id":{"S":"u"}}}`},
		{"UPDATED_OLD", "SET a = :n", `{"Attributes":{"a":{"N":"1"}}}`},
		{"UPDATED_NEW", "SET a = :n", `{"Attributes":{"a":{"N":"7"}}}`},
		{"UPDATED_OLD", "SET fresh = :n", `{}`},
		{"UPDATED_NEW", "REMOVE a", `{}`},
		{"UPDATED_NEW", "SET m.x = :n, l[1] = :n", `{"Attributes":{"l":{"L":[{"N":"7"}]},"m":{"M":{"x":{"N":"7"}}}}}`},
	} {
		node.Must(t, "PutItem", put)
		values := ""
		if strings.Contains(c.update, ":n") {
			values = `,"ExpressionAttributeValues":{":n":{"N":"7"}}`
		}
		got := node.Must(t, "UpdateItem", `{"TableName":"users","Key":{"id":{"S":"u"}},"ReturnValues":"`+c.returns+`","UpdateExpression":"`+c.update+`"`+values+`}`)
		if got != c.want {
			t.Errorf("%s of %s: %s", c.returns, c.update, got)
		}
	}
	if got := node.Must(t, "PutItem", put[:len(put)-1]+`,"ReturnValues":"ALL_OLD"}`); !strings.HasPrefix(got, `{"Attributes":{"id":{"S":"u"}`) && !strings.Contains(got, `"Attributes"`) {
		t.Error(got)
	}
	if got := node.Must(t, "UpdateItem", `{"TableName":"users","Key":{"id":{"S":"new"}},"ReturnValues":"ALL_NEW"}`); got != `{"Attributes":{"id":{"S":"new"}}}` {
		t.Error(got)
	}
}

func TestQueryAndScanBySDK(t *testing.T) {
	node := start(t, false)
	node.Must(t, "CreateTable", createLines)
	c, ctx := node.client(), t.Context()
	lines := aws.String("lines")
	for p := range 2 {
		var writes []types.WriteRequest
		for i := range 20 {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: attrs{"pk": s(fmt.Sprint("p", p)), "sk": n(i), "odd": &types.AttributeValueMemberBOOL{Value: i%2 == 1}, "pad": s("x")}}})
		}
		out, err := c.BatchWriteItem(ctx, &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"lines": writes}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil || len(out.UnprocessedItems) != 0 || *out.ConsumedCapacity[0].CapacityUnits != 20 {
			t.Fatal(out, err)
		}
	}
	var got []string
	pages := sdk.NewQueryPaginator(c, &sdk.QueryInput{
		TableName: lines, Limit: aws.Int32(4), ScanIndexForward: aws.Bool(false), KeyConditionExpression: aws.String("pk = :p AND sk BETWEEN :a AND :b"),
		FilterExpression: aws.String("odd = :t"), ProjectionExpression: aws.String("sk"),
		ExpressionAttributeValues: attrs{":p": s("p1"), ":a": n(3), ":b": n(12), ":t": &types.AttributeValueMemberBOOL{Value: true}},
	})
	scanned := int32(0)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		scanned += page.ScannedCount
		for _, it := range page.Items {
			if len(it) != 1 {
				t.Errorf("projection: %v", it)
			}
			got = append(got, it["sk"].(*types.AttributeValueMemberN).Value)
		}
	}
	if strings.Join(got, " ") != "11 9 7 5 3" || scanned != 10 {
		t.Errorf("%v, %d scanned", got, scanned)
	}
	count, err := c.Query(ctx, &sdk.QueryInput{
		TableName: lines, Select: types.SelectCount, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: attrs{":p": s("p0")},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal, ConsistentRead: aws.Bool(true),
	})
	if err != nil || count.Count != 20 || count.Items != nil || *count.ConsumedCapacity.CapacityUnits != 1 || count.LastEvaluatedKey != nil {
		t.Errorf("%+v %v", count, err)
	}
	seen := map[string]int{}
	for segment := range int32(3) {
		scan := sdk.NewScanPaginator(c, &sdk.ScanInput{TableName: lines, Segment: aws.Int32(segment), TotalSegments: aws.Int32(3), Limit: aws.Int32(7)})
		for scan.HasMorePages() {
			page, err := scan.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				seen[it["pk"].(*types.AttributeValueMemberS).Value+"/"+it["sk"].(*types.AttributeValueMemberN).Value]++
			}
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d items scanned", len(seen))
	}
	for k, times := range seen {
		if times != 1 {
			t.Errorf("%s scanned %d times", k, times)
		}
	}
}

// Keys that begin alike are divided evenly among the segments of a parallel scan.
func TestEvenSegmentsBySDK(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	for i := range 1000 {
		node.Must(t, "PutItem", fmt.Sprintf(`{"TableName":"users","Item":{"id":{"S":"USER#%d"}}}`, i))
	}
	all := map[string]bool{}
	for segment := range int32(16) {
		scan := sdk.NewScanPaginator(node.client(), &sdk.ScanInput{TableName: aws.String("users"), Segment: aws.Int32(segment), TotalSegments: aws.Int32(16), Limit: aws.Int32(9)})
		items := 0
		for scan.HasMorePages() {
			page, err := scan.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				all[it["id"].(*types.AttributeValueMemberS).Value] = true
			}
			items += len(page.Items)
		}
		if items < 30 || items > 125 {
			t.Errorf("segment %d of 16 has %d of 1000 items", segment, items)
		}
	}
	if len(all) != 1000 {
		t.Errorf("%d of 1000 items scanned", len(all))
	}
}

func TestBatchGetBySDK(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	node.Must(t, "CreateTable", createLines)
	pad := strings.Repeat("x", 390<<10)
	for i := range 50 {
		node.Must(t, "PutItem", fmt.Sprintf(`{"TableName":"users","Item":{"id":{"S":"u%d"},"pad":{"S":"%s"}}}`, i, pad))
	}
	node.Must(t, "PutItem", `{"TableName":"lines","Item":{"pk":{"S":"p"},"sk":{"N":"1"},"a":{"S":"x"},"b":{"S":"y"}}}`)
	var keys []attrs
	for i := range 52 {
		keys = append(keys, attrs{"id": s(fmt.Sprint("u", i))})
	}
	for _, users := range []types.KeysAndAttributes{
		{Keys: keys, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("#id"), ExpressionAttributeNames: map[string]string{"#id": "id"}},
		{Keys: keys, AttributesToGet: []string{"id", "none"}},
	} {
		batchGet(t, node, users)
	}
}

// batchGet asks for 52 users and two lines until nothing is left unprocessed.
func batchGet(t *testing.T, node *node, users types.KeysAndAttributes) {
	t.Helper()
	ask := map[string]types.KeysAndAttributes{
		"users": users,
		"lines": {Keys: []attrs{{"pk": s("p"), "sk": n(1)}, {"pk": s("p"), "sk": n(2)}}, ProjectionExpression: aws.String("a")},
	}
	found, rounds := map[string]bool{}, 0
	for len(ask) > 0 {
		rounds++
		out, err := node.client().BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: ask, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range out.Responses["users"] {
			if len(it) != 1 {
				t.Errorf("projection: %d attributes", len(it))
			}
			found[it["id"].(*types.AttributeValueMemberS).Value] = true
		}
		if rounds == 1 {
			if d := diff([]attrs{{"a": s("x")}}, out.Responses["lines"]); d != "" {
				t.Error(d)
			}
			if d := diff(types.ConsumedCapacity{TableName: aws.String("lines"), CapacityUnits: aws.Float64(1)}, out.ConsumedCapacity[0]); d != "" {
				t.Error(d)
			}
		}
		ask = out.UnprocessedKeys
	}
	if len(found) != 50 || rounds != 2 {
		t.Errorf("%d found in %d rounds", len(found), rounds)
	}
}
