package history

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int) types.AttributeValue  { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

func keyItem(key int) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": text(pk(key)), "sk": number(sk(key))}
}

// itemOf returns the item that an action puts.
func itemOf(a action) map[string]types.AttributeValue {
	out := keyItem(a.key)
	out["n"] = number(a.n)
	if a.status != "" {
		out["status"] = text(a.status)
	}
	return out
}

// texts returns items as the model has them.
func texts(items ...map[string]types.AttributeValue) (out []string) {
	for _, it := range items {
		if len(it) == 0 {
			continue
		}
		number := func(name string) int {
			v, ok := it[name].(*types.AttributeValueMemberN)
			if !ok {
				return -1
			}
			n, _ := strconv.Atoi(v.Value)
			return n
		}
		str := func(name string) string {
			v, _ := it[name].(*types.AttributeValueMemberS)
			if v == nil {
				return ""
			}
			return v.Value
		}
		out = append(out, row{str("status"), number("n")}.text(keyOf(str("pk"), number("sk"))))
	}
	return out
}

// conditionOf returns the condition of an action, with the names and values of
// both it and the action's update.
func conditionOf(a action) (*string, map[string]string, map[string]types.AttributeValue) {
	switch a.condition {
	case "exists":
		return aws.String("attribute_exists(pk)"), nil, nil
	case "absent":
		return aws.String("attribute_not_exists(pk)"), nil, nil
	case "equal":
		return aws.String("n = :want"), nil, map[string]types.AttributeValue{":want": number(a.want)}
	}
	return nil, nil, nil
}

// updateOf returns the update of an action, with the names and values of both it
// and the action's condition.
func updateOf(a action) (*string, map[string]string, map[string]types.AttributeValue) {
	_, _, values := conditionOf(a)
	if values == nil {
		values = map[string]types.AttributeValue{}
	}
	var names map[string]string
	update := "REMOVE #s"
	switch {
	case a.update == "add":
		update, values[":n"] = "ADD n :n", number(a.n)
	case a.update == "default":
		update, values[":n"] = "SET n = if_not_exists(n, :n)", number(a.n)
	case a.status != "":
		update, values[":s"] = "SET #s = :s", text(a.status)
	}
	if a.update == "status" {
		names = map[string]string{"#s": "status"}
	}
	if len(values) == 0 {
		values = nil
	}
	return &update, names, values
}

// partOf returns a part of a transaction.
func partOf(a action) types.TransactWriteItem {
	table := aws.String("orders")
	condition, names, values := conditionOf(a)
	switch a.op {
	case "PutItem":
		return types.TransactWriteItem{Put: &types.Put{TableName: table, Item: itemOf(a), ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}}
	case "DeleteItem":
		return types.TransactWriteItem{Delete: &types.Delete{TableName: table, Key: keyItem(a.key), ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}}
	case "UpdateItem":
		update, names, values := updateOf(a)
		return types.TransactWriteItem{Update: &types.Update{TableName: table, Key: keyItem(a.key), UpdateExpression: update, ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}}
	}
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: table, Key: keyItem(a.key), ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}}
}

// statementOf returns the PartiQL statement of an action.
func statementOf(a action) string {
	where := fmt.Sprintf("WHERE pk = '%s' AND sk = %d", pk(a.key), sk(a.key))
	switch a.op {
	case "Insert":
		status := ""
		if a.status != "" {
			status = fmt.Sprintf(", 'status': '%s'", a.status)
		}
		return fmt.Sprintf(`INSERT INTO "orders" VALUE {'pk': '%s', 'sk': %d, 'n': %d%s}`, pk(a.key), sk(a.key), a.n, status)
	case "Update":
		return fmt.Sprintf(`UPDATE "orders" SET n = %d %s`, a.n, where)
	case "Delete":
		return `DELETE FROM "orders" ` + where
	}
	return fmt.Sprintf(`SELECT * FROM "orders" WHERE pk = '%s'`, pk(a.key))
}

// ofItems returns the events of each item, in their order. Those that clients put
// have none.
func ofItems(of string, events []news) map[string][]string {
	out := map[string][]string{}
	for _, e := range events {
		name := fmt.Sprint(of, " item ", e.key)
		out[name] = append(out[name], e.text)
	}
	slices.Sort(out[of+" item -1"])
	return out
}

// inAnyOrder returns events without their items, and with that without their order.
func inAnyOrder(events []news) []news {
	out := slices.Clone(events)
	for i := range out {
		out[i].key = -1
	}
	return out
}

// difference returns in what two lists by name differ; empty if they do not.
func difference[K int | string](what string, want, got map[K][]string) (diff string) {
	names := maps.Clone(want)
	maps.Copy(names, got)
	for name := range names {
		if !slices.Equal(want[name], got[name]) {
			diff += fmt.Sprintf("\n%s %v:\n  want %q\n  got  %q", what, name, want[name], got[name])
		}
	}
	return diff
}
