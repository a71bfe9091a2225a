package dynamodb_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestTransactionsBySDK(t *testing.T) {
	node := start(t, false)
	node.Must(t, "CreateTable", createUsers)
	node.Must(t, "CreateTable", createLines)
	c, ctx := node.client(), t.Context()
	users, lines := aws.String("users"), aws.String("lines")
	in := &sdk.TransactWriteItemsInput{
		ClientRequestToken: aws.String("once"), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes,
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: users, Item: attrs{"id": s("a"), "n": n(1)}}},
			{Update: &types.Update{TableName: lines, Key: attrs{"pk": s("p"), "sk": n(1)}, UpdateExpression: aws.String("ADD #c :one"), ExpressionAttributeNames: map[string]string{"#c": "count"}, ExpressionAttributeValues: attrs{":one": n(1)}}},
			{ConditionCheck: &types.ConditionCheck{TableName: users, Key: attrs{"id": s("b")}, ConditionExpression: aws.String("attribute_not_exists(id)")}},
		},
	}
	for round, kind := range []string{"Write", "Read"} {
		out, err := c.TransactWriteItems(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		used := out.ConsumedCapacity
		if len(used) != 2 || *used[0].CapacityUnits != 4 || *used[1].CapacityUnits != 2 {
			t.Errorf("round %d took %+v", round, used)
		}
		if (used[0].WriteCapacityUnits != nil) != (kind == "Write") || (used[0].ReadCapacityUnits != nil) != (kind == "Read") {
			t.Errorf("round %d took %+v, want %s units", round, used[0], kind)
		}
	}
	in.TransactItems = in.TransactItems[:2]
	var mismatch *types.IdempotentParameterMismatchException
	if _, err := c.TransactWriteItems(ctx, in); !errors.As(err, &mismatch) {
		t.Error(err)
	}
	got, err := c.TransactGetItems(ctx, &sdk.TransactGetItemsInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal, TransactItems: []types.TransactGetItem{
		{Get: &types.Get{TableName: lines, Key: attrs{"pk": s("p"), "sk": n(1)}, ProjectionExpression: aws.String("#c"), ExpressionAttributeNames: map[string]string{"#c": "count"}}},
		{Get: &types.Get{TableName: users, Key: attrs{"id": s("none")}}},
	}})
	if err != nil || len(got.Responses) != 2 || got.Responses[1].Item != nil || *got.ConsumedCapacity[0].CapacityUnits != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := diff(attrs{"count": n(1)}, got.Responses[0].Item); d != "" {
		t.Error(d)
	}
	_, err = c.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: users, Key: attrs{"id": s("a")}, ConditionExpression: aws.String("n > :z"), ExpressionAttributeValues: attrs{":z": n(5)}, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
		{Put: &types.Put{TableName: users, Item: attrs{"id": s("c")}}},
		{Put: &types.Put{TableName: users, Item: attrs{"id": n(1)}}},
	}})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != 3 {
		t.Fatal(err)
	}
	if !strings.HasSuffix(canceled.ErrorMessage(), "[None, None, ValidationError]") {
		t.Error(canceled.ErrorMessage())
	}
	_, err = c.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: users, Key: attrs{"id": s("a")}, ConditionExpression: aws.String("n > :z"), ExpressionAttributeValues: attrs{":z": n(5)}, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
		{Put: &types.Put{TableName: users, Item: attrs{"id": s("c")}}},
	}})
	if !errors.As(err, &canceled) || *canceled.CancellationReasons[0].Code != "ConditionalCheckFailed" || *canceled.CancellationReasons[1].Code != "None" {
		t.Fatal(err)
	}
	if d := diff(attrs{"id": s("a"), "n": n(1)}, canceled.CancellationReasons[0].Item); d != "" {
		t.Error(d)
	}
}

func TestTransactionErrors(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	put := `{"Put":{"TableName":"users","Item":{"id":{"S":"a"}}}}`
	for _, c := range []struct{ op, body, want string }{
		{"TransactWriteItems", `{"TransactItems":[]}`, "1 validation error detected: Value '[...]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"TransactWriteItems", `{"TransactItems":[` + strings.Repeat(put+",", 100) + put + `]}`, "1 validation error detected: Value '[...]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"},
		{"TransactWriteItems", `{"TransactItems":[` + put + "," + put + `]}`, "Transaction request cannot include multiple operations on one item"},
		{"TransactWriteItems", `{"TransactItems":[{}]}`, "TransactItems can only contain one of Check, Put, Update or Delete"},
		{"TransactWriteItems", `{"TransactItems":[{"ConditionCheck":{"TableName":"users","Key":{"id":{"S":"a"}}}}]}`, "1 validation error detected: Value null at 'transactItems.1.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null"},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"none","Item":{"id":{"S":"a"}}}}]}`, "Requested resource not found"},
		{"TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"users","Key":{"id":{"S":"a"}}}},{"Get":{"TableName":"users","Key":{"id":{"S":"a"}}}}]}`, "Transaction request cannot include multiple operations on one item"},
		{"TransactGetItems", `{"TransactItems":[{}]}`, "1 validation error detected: Value null at 'transactItems.1.member.get' failed to satisfy constraint: Member must not be null"},
	} {
		status, answer := node.Call(t, c.op, c.body)
		if status != 400 || !strings.Contains(answer, `"`+c.want+`"`) {
			t.Errorf("%s %.200s\n got %d %s\nwant %s", c.op, c.body, status, answer, c.want)
		}
	}
}

// 4 MB are counted of the request, in both languages, and too much is an error of the
// call.
func TestTransactionBytesOverTheWire(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	pad := strings.Repeat("x", 390<<10)
	var puts, updates, larger, deletes, gets, inserts, sets []string
	for i := range 11 {
		key := fmt.Sprintf(`"id":{"S":"%d"}`, i)
		item := "{" + key + `,"stuff":{"S":"` + pad + `"}}`
		node.Must(t, "PutItem", `{"TableName":"users","Item":`+item+`}`)
		add := func(to *[]string, action, rest string) {
			*to = append(*to, `{"`+action+`":{"TableName":"users",`+rest+`}}`)
		}
		add(&puts, "Put", `"Item":`+item)
		add(&updates, "Update", `"Key":{`+key+`},"UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":{"N":"1"}}`)
		add(&larger, "Update", `"Key":{`+key+`},"UpdateExpression":"SET stuff = :p","ExpressionAttributeValues":{":p":{"S":"`+pad+`"}}`)
		add(&deletes, "Delete", `"Key":{`+key+`}`)
		add(&gets, "Get", `"Key":{`+key+`}`)
		inserts = append(inserts, fmt.Sprintf(`{"Statement":"INSERT INTO users VALUE {'id':'new%d','stuff':?}","Parameters":[{"S":"%s"}]}`, i, pad))
		sets = append(sets, fmt.Sprintf(`{"Statement":"UPDATE users SET stuff = ? WHERE id = '%d'","Parameters":[{"S":"%s"}]}`, i, pad))
	}
	const refused = "Transaction size exceeds the limit of 4194304 bytes"
	for _, c := range []struct {
		op, member string
		elements   []string
	}{
		{"TransactWriteItems", "TransactItems", puts}, {"TransactWriteItems", "TransactItems", larger}, {"TransactGetItems", "TransactItems", gets},
		{"ExecuteTransaction", "TransactStatements", inserts}, {"ExecuteTransaction", "TransactStatements", sets},
	} {
		wireCase{c.op, `{"` + c.member + `":[` + strings.Join(c.elements, ",") + `]}`, validate, refused}.check(t, node)
		if c.op != "ExecuteTransaction" || !strings.Contains(c.elements[0], "INSERT") {
			node.Must(t, c.op, `{"`+c.member+`":[`+strings.Join(c.elements[:10], ",")+`]}`)
		}
	}
	node.Must(t, "TransactWriteItems", `{"TransactItems":[`+strings.Join(updates, ",")+`]}`)
	node.Must(t, "TransactWriteItems", `{"TransactItems":[`+strings.Join(deletes, ",")+`]}`)
}
