package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bustypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/bus"
)

// An action is one thing that a user does. Its fields mean what its operation
// takes: key is an item, or a rule; n a number, a target, a pattern or a file.
type action struct {
	op        string
	key, n    int
	status    string
	condition string // "", exists, absent, or equal: n is want
	want      int
	update    string // of UpdateItem: add, default or status
	repeat    bool   // of a transaction: it is sent again with the same token
	parts     []action
}

// operations are what users do, as often as they are listed.
var operations = []string{
	"PutItem", "PutItem", "UpdateItem", "UpdateItem", "UpdateItem", "DeleteItem", "GetItem", "BatchWriteItem", "BatchGetItem",
	"TransactWriteItems", "TransactWriteItems", "TransactGetItems", "Insert", "Update", "Delete", "Select", "Query", "QueryIndex", "QueryMany", "Scan", "Expire",
	"PutEvents", "PutEvents", "PutRule", "PutRule", "PutTargets", "PutTargets", "PutTargets", "RemoveTargets", "DeleteRule", "EnableRule", "DisableRule",
	"Reload", "Rotate", "Split", "Restart", "PowerLoss",
}

// randomAction returns the i-th action of a history.
func randomAction(rng *rand.Rand, i int) action {
	a := randomWrite(rng, operations[rng.IntN(len(operations))])
	distinct := rng.Perm(modelKeys)[:1+rng.IntN(3)]
	switch a.op {
	case "PutRule", "PutTargets", "RemoveTargets", "DeleteRule", "EnableRule", "DisableRule":
		a.key, a.n = rng.IntN(2), rng.IntN(2)
		if a.op == "PutRule" {
			a.n = rng.IntN(len(patterns))
		}
	case "Reload":
		a.n = rng.IntN(3)
	case "PutEvents":
		for part := range distinct {
			kinds := []string{"good", "good", "good", "malformed", "unsourced", "nowhere"}
			a.parts = append(a.parts, action{op: kinds[rng.IntN(len(kinds))], n: rng.IntN(5), want: 10*i + part})
		}
	case "BatchGetItem", "TransactGetItems", "BatchWriteItem", "TransactWriteItems":
		for _, key := range distinct {
			kinds := []string{"PutItem", "DeleteItem", "UpdateItem", "ConditionCheck"}
			part := randomWrite(rng, kinds[rng.IntN(len(kinds))])
			if a.op == "BatchWriteItem" {
				part = randomWrite(rng, kinds[rng.IntN(2)])
				part.condition = ""
			}
			if part.op == "ConditionCheck" && part.condition == "" {
				part.condition = "exists"
			}
			part.key = key
			a.parts = append(a.parts, part)
		}
	}
	return a
}

func randomWrite(rng *rand.Rand, op string) action {
	return action{
		op: op, key: rng.IntN(modelKeys), n: rng.IntN(5), want: rng.IntN(5), repeat: rng.IntN(4) == 0,
		status:    []string{"", "open", "paid", "sent"}[rng.IntN(4)],
		condition: []string{"", "", "exists", "absent", "equal"}[rng.IntN(5)],
		update:    []string{"add", "default", "status"}[rng.IntN(3)],
	}
}

// do does an action over the APIs and returns the answer as the model has it. An
// error is one that no action may meet.
func (w *world) do(a action, i int) (string, error) {
	switch a.op {
	case "PutEvents", "PutRule", "PutTargets", "RemoveTargets", "DeleteRule", "EnableRule", "DisableRule", "Reload":
		if err := w.quiet(); err != nil { // what was done so far was meant for the rules and the file of then
			return "", err
		}
	}
	ctx := context.Background()
	var out string
	var err error
	switch a.op {
	case "Expire":
		item := itemOf(a)
		item["ends"] = number(int(time.Now().Unix()) - 10)
		_, err = w.tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("orders"), Item: item})
		time.Sleep(15 * time.Second) // after it started, a node trusts no clock for a while
	case "Reload":
		err = w.reload(a.n)
	case "Rotate", "Split":
		err = w.reshard(a.op == "Split")
	case "Restart", "PowerLoss":
		err = w.restart(a.op == "PowerLoss")
	case "PutEvents", "PutRule", "PutTargets", "RemoveTargets", "DeleteRule", "EnableRule", "DisableRule":
		out, err = w.doNews(ctx, a)
	case "BatchWriteItem", "BatchGetItem", "TransactWriteItems", "TransactGetItems":
		out, err = w.doMany(ctx, a, i)
	case "Query", "QueryIndex", "QueryMany", "Scan", "Insert", "Update", "Delete", "Select":
		out, err = w.doRead(ctx, a)
	default:
		out, err = w.doOne(ctx, a)
	}
	var canceled *types.TransactionCanceledException
	var api smithy.APIError
	switch {
	case errors.As(err, &canceled):
		out = canceled.ErrorCode()
		for _, r := range canceled.CancellationReasons {
			out += " " + aws.ToString(r.Code)
		}
		return out, nil
	case errors.As(err, &api) && api.ErrorFault() != smithy.FaultServer:
		return api.ErrorCode(), nil
	case err == nil && out == "":
		out = answerOK
	}
	return out, err
}

// doOne writes or reads one item.
func (w *world) doOne(ctx context.Context, a action) (string, error) {
	table := aws.String("orders")
	condition, names, values := conditionOf(a)
	switch a.op {
	case "PutItem":
		out, err := w.tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: itemOf(a), ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllOld})
		if err != nil {
			return "", err
		}
		return listed(texts(out.Attributes)), nil
	case "UpdateItem":
		u, names, values := updateOf(a)
		out, err := w.tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: keyItem(a.key), UpdateExpression: u, ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew})
		if err != nil {
			return "", err
		}
		return listed(texts(out.Attributes)), nil
	case "DeleteItem":
		out, err := w.tables.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: keyItem(a.key), ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllOld})
		if err != nil {
			return "", err
		}
		return listed(texts(out.Attributes)), nil
	case "GetItem":
		out, err := w.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: keyItem(a.key), ConsistentRead: aws.Bool(true)})
		if err != nil {
			return "", err
		}
		return listed(texts(out.Item)), nil
	}
	return "", fmt.Errorf("no action is called %s", a.op)
}

// doMany writes or reads several items in one call.
func (w *world) doMany(ctx context.Context, a action, i int) (string, error) {
	var writes []types.WriteRequest
	var keys []map[string]types.AttributeValue
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String("token" + strconv.Itoa(i))}
	get := &dynamodb.TransactGetItemsInput{}
	for _, part := range a.parts {
		keys = append(keys, keyItem(part.key))
		get.TransactItems = append(get.TransactItems, types.TransactGetItem{Get: &types.Get{TableName: aws.String("orders"), Key: keyItem(part.key)}})
		in.TransactItems = append(in.TransactItems, partOf(part))
		if part.op == "DeleteItem" {
			writes = append(writes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: keyItem(part.key)}})
		} else {
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: itemOf(part)}})
		}
	}
	switch a.op {
	case "BatchWriteItem":
		_, err := w.tables.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"orders": writes}})
		return "", err
	case "BatchGetItem":
		out, err := w.tables.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"orders": {Keys: keys, ConsistentRead: aws.Bool(true)}}})
		if err != nil {
			return "", err
		}
		return listed(texts(out.Responses["orders"]...)), nil
	case "TransactGetItems":
		out, err := w.tables.TransactGetItems(ctx, get)
		if err != nil {
			return "", err
		}
		var items []map[string]types.AttributeValue
		for _, r := range out.Responses {
			items = append(items, r.Item)
		}
		return listed(texts(items...)), nil
	}
	_, err := w.tables.TransactWriteItems(ctx, in)
	if err == nil && a.repeat {
		_, err = w.tables.TransactWriteItems(ctx, in)
	}
	return "", err
}

// doRead reads pages, or executes a statement.
func (w *world) doRead(ctx context.Context, a action) (string, error) {
	table := aws.String("orders")
	var items []map[string]types.AttributeValue
	switch a.op {
	case "Query", "QueryIndex", "QueryMany":
		in := &dynamodb.QueryInput{TableName: table, Limit: aws.Int32(w.o.page), ScanIndexForward: aws.Bool(a.want%2 == 0)}
		in.KeyConditionExpression, in.FilterExpression = aws.String("pk = :pk"), aws.String("n >= :n")
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":pk": text(pk(a.key)), ":n": number(a.n)}
		if a.op == "QueryIndex" {
			in.IndexName, in.KeyConditionExpression, in.FilterExpression = aws.String("by-status"), aws.String("#s = :s"), nil
			in.ExpressionAttributeNames = map[string]string{"#s": "status"}
			in.ExpressionAttributeValues = map[string]types.AttributeValue{":s": text(cmp.Or(a.status, "none"))}
		}
		if a.op == "QueryMany" {
			in.IndexName, in.KeyConditionExpression, in.FilterExpression = aws.String("by-many"), aws.String("n >= :n AND pk = :pk AND #s = :s"), nil
			in.ExpressionAttributeNames = map[string]string{"#s": "status"}
			in.ExpressionAttributeValues[":s"] = text(cmp.Or(a.status, "none"))
		}
		for pages := dynamodb.NewQueryPaginator(w.tables, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return "", err
			}
			items = append(items, page.Items...)
		}
	case "Scan":
		for segment := range w.o.segments {
			in := &dynamodb.ScanInput{TableName: table, Limit: aws.Int32(w.o.page), Segment: aws.Int32(segment), TotalSegments: aws.Int32(w.o.segments)}
			for pages := dynamodb.NewScanPaginator(w.tables, in); pages.HasMorePages(); {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return "", err
				}
				items = append(items, page.Items...)
			}
		}
	default:
		out, err := w.tables.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: aws.String(statementOf(a))})
		if err != nil || a.op != "Select" {
			return "", err
		}
		items = out.Items
	}
	return listed(texts(items...)), nil
}

// doNews does what concerns the bus.
func (w *world) doNews(ctx context.Context, a action) (string, error) {
	rule := fmt.Sprintf("r%d", a.key)
	id := fmt.Sprintf("t%d", a.n)
	switch a.op {
	case "PutEvents":
		return w.putEvents(ctx, a)
	case "PutRule":
		_, err := w.events.PutRule(ctx, &eventbridge.PutRuleInput{Name: &rule, EventPattern: &patterns[a.n]})
		return "", err
	case "PutTargets":
		// Over the API only ARNs are targets. t1 asks for order.
		err := w.node.Buses().PutTargets(bus.Default, rule, []bus.Target{{ID: id, ARN: "go:sink", Ordered: a.n == 1}})
		if errors.Is(err, bus.ErrRuleNotFound) {
			return answerNoRule, nil
		}
		return "", err
	case "RemoveTargets":
		_, err := w.events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &rule, Ids: []string{id}})
		return "", err
	case "DeleteRule":
		_, err := w.events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &rule})
		return "", err
	case "EnableRule":
		_, err := w.events.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: &rule})
		return "", err
	}
	_, err := w.events.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: &rule})
	return "", err
}

func (w *world) putEvents(ctx context.Context, a action) (string, error) {
	in := &eventbridge.PutEventsInput{}
	for _, part := range a.parts {
		e := bustypes.PutEventsRequestEntry{
			Source: aws.String("app"), DetailType: aws.String(fmt.Sprintf("T%d", part.n%3)), Detail: aws.String(fmt.Sprintf(`{"id":%d,"n":%d}`, part.want, part.n)),
		}
		switch part.op {
		case "malformed":
			e.Detail = aws.String("{")
		case "unsourced":
			e.Source = nil
		case "nowhere":
			e.EventBusName = aws.String("nowhere")
		}
		in.Entries = append(in.Entries, e)
	}
	out, err := w.events.PutEvents(ctx, in)
	if err != nil {
		return "", err
	}
	var codes []string
	for _, e := range out.Entries {
		codes = append(codes, cmp.Or(aws.ToString(e.ErrorCode), answerOK))
	}
	return strings.Join(codes, " "), nil
}
