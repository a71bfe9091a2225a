package dynamodb_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func ss(members ...string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: members}
}

func list(elements ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: elements}
}

// shelf returns a client of a node with a table of lines.
func shelf(t *testing.T, items ...attrs) *sdk.Client {
	t.Helper()
	node := start(t, true)
	node.Must(t, "CreateTable", createLines)
	c := node.client()
	for _, it := range items {
		if _, err := c.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("lines"), Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func line(sk int, rest attrs) attrs {
	out := attrs{"pk": s("a"), "sk": n(sk)}
	for k, v := range rest {
		out[k] = v
	}
	return out
}

func condition(op types.ComparisonOperator, values ...types.AttributeValue) types.Condition {
	return types.Condition{ComparisonOperator: op, AttributeValueList: values}
}

// Each comparison operator keeps the items that it should, in Scan and Query.
func TestLegacyFilters(t *testing.T) {
	c := shelf(t,
		line(1, attrs{"v": n(5), "s": s("abc")}),
		line(2, attrs{"v": n(7), "s": ss("abc", "x")}),
		line(3, attrs{"v": s("5"), "s": list(s("abc"), &types.AttributeValueMemberBOOL{Value: true})}),
		line(4, attrs{"w": n(5)}))
	for _, x := range []struct {
		name   string
		filter map[string]types.Condition
		logic  types.ConditionalOperator
		want   string // sort keys
	}{
		{"EQ", map[string]types.Condition{"v": condition("EQ", n("5.0"))}, "", "1"},
		{"EQ list", map[string]types.Condition{"s": condition("EQ", list(s("abc"), &types.AttributeValueMemberBOOL{Value: true}))}, "", "3"},
		{"NE", map[string]types.Condition{"v": condition("NE", n(5))}, "", "234"},
		{"LE", map[string]types.Condition{"v": condition("LE", n(5))}, "", "1"},
		{"LT", map[string]types.Condition{"v": condition("LT", n(7))}, "", "1"},
		{"GE", map[string]types.Condition{"v": condition("GE", n(5))}, "", "12"},
		{"GT", map[string]types.Condition{"v": condition("GT", n(5))}, "", "2"},
		{"NULL", map[string]types.Condition{"v": condition("NULL")}, "", "4"},
		{"NOT_NULL", map[string]types.Condition{"v": condition("NOT_NULL")}, "", "123"},
		{"CONTAINS", map[string]types.Condition{"s": condition("CONTAINS", s("abc"))}, "", "123"},
		{"CONTAINS part", map[string]types.Condition{"s": condition("CONTAINS", s("b"))}, "", "1"},
		{"CONTAINS element", map[string]types.Condition{"s": condition("CONTAINS", &types.AttributeValueMemberBOOL{Value: true})}, "", "3"},
		{"NOT_CONTAINS", map[string]types.Condition{"s": condition("NOT_CONTAINS", s("x"))}, "", "13"},
		{"BEGINS_WITH", map[string]types.Condition{"s": condition("BEGINS_WITH", s("ab"))}, "", "1"},
		{"IN", map[string]types.Condition{"v": condition("IN", n(7), n(5))}, "", "12"},
		{"BETWEEN", map[string]types.Condition{"v": condition("BETWEEN", n(6), n(8))}, "", "2"},
		{"and", map[string]types.Condition{"v": condition("NOT_NULL"), "s": condition("CONTAINS", s("b"))}, "", "1"},
		{"AND", map[string]types.Condition{"v": condition("EQ", n(7)), "s": condition("CONTAINS", s("x"))}, "AND", "2"},
		{"OR", map[string]types.Condition{"v": condition("EQ", n(7)), "w": condition("EQ", n(5))}, "OR", "24"},
	} {
		scanned, err := c.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("lines"), ScanFilter: x.filter, ConditionalOperator: x.logic, AttributesToGet: []string{"sk"}})
		if err != nil || keys(scanned.Items) != x.want {
			t.Errorf("Scan %s: %v, %v", x.name, scanned, err)
		}
		queried, err := c.Query(t.Context(), &sdk.QueryInput{
			TableName: aws.String("lines"), QueryFilter: x.filter, ConditionalOperator: x.logic,
			KeyConditions: map[string]types.Condition{"pk": condition("EQ", s("a"))},
		})
		if err != nil || keys(queried.Items) != x.want {
			t.Errorf("Query %s: %v, %v", x.name, queried, err)
		}
	}
}

// keys joins the sort keys of items in order.
func keys(items []attrs) string {
	var out []string
	for _, it := range items {
		out = append(out, it["sk"].(*types.AttributeValueMemberN).Value)
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

func TestLegacyKeyConditions(t *testing.T) {
	c := shelf(t, line(1, nil), line(2, nil), line(3, nil), line(4, nil))
	for op, want := range map[types.ComparisonOperator]string{"EQ": "2", "LE": "12", "LT": "1", "GE": "234", "GT": "34"} {
		out, err := c.Query(t.Context(), &sdk.QueryInput{TableName: aws.String("lines"), KeyConditions: map[string]types.Condition{
			"pk": condition("EQ", s("a")), "sk": condition(op, n(2)),
		}})
		if err != nil || keys(out.Items) != want {
			t.Errorf("%s: %v, %v", op, out, err)
		}
	}
	out, err := c.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String("lines"), Select: types.SelectSpecificAttributes, AttributesToGet: []string{"sk", "nope"}, ScanIndexForward: aws.Bool(false), Limit: aws.Int32(1),
		KeyConditions: map[string]types.Condition{"pk": condition("EQ", s("a")), "sk": condition("BETWEEN", n(2), n(3))},
	})
	if err != nil || diff([]attrs{{"sk": n(3)}}, out.Items) != "" || diff(line(3, nil), out.LastEvaluatedKey) != "" {
		t.Errorf("%v, %v", out, err)
	}
	mixed, err := c.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String("lines"), ProjectionExpression: aws.String("sk"), KeyConditions: map[string]types.Condition{"pk": condition("EQ", s("a"))},
	})
	if err != nil || mixed.Count != 4 || diff(attrs{"sk": n(1)}, mixed.Items[0]) != "" {
		t.Errorf("KeyConditions beside ProjectionExpression: %v, %v", mixed, err)
	}
}

func TestLegacyGets(t *testing.T) {
	c := shelf(t, line(1, attrs{"a.b": s("dotted"), "c": s("x")}))
	got, err := c.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("lines"), Key: line(1, nil), AttributesToGet: []string{"a.b", "nope"}})
	if err != nil || diff(attrs{"a.b": s("dotted")}, got.Item) != "" {
		t.Errorf("%v, %v", got, err)
	}
	batch, err := c.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"lines": {Keys: []attrs{line(1, nil)}, AttributesToGet: []string{"c"}},
	}})
	if err != nil || diff([]attrs{{"c": s("x")}}, batch.Responses["lines"]) != "" {
		t.Errorf("%v, %v", batch, err)
	}
}

func TestLegacyUpdates(t *testing.T) {
	old := attrs{"n": n(5), "set": ss("a", "b"), "l": list(n(1)), "gone": s("x"), "s": s("old")}
	put := func(action types.AttributeAction, v types.AttributeValue) types.AttributeValueUpdate {
		return types.AttributeValueUpdate{Action: action, Value: v}
	}
	for _, x := range []struct {
		name    string
		updates map[string]types.AttributeValueUpdate
		want    attrs
	}{
		{"PUT", map[string]types.AttributeValueUpdate{"s": put("PUT", s("new")), "t": put("", list(n(0)))}, attrs{"n": n(5), "set": ss("a", "b"), "l": list(n(1)), "gone": s("x"), "s": s("new"), "t": list(n(0))}},
		{"ADD", map[string]types.AttributeValueUpdate{"n": put("ADD", n(-2)), "set": put("ADD", ss("b", "c")), "l": put("ADD", list(n(2))), "m": put("ADD", n(1)), "l2": put("ADD", list(n(9)))},
			attrs{"n": n(3), "set": ss("a", "b", "c"), "l": list(n(1), n(2)), "gone": s("x"), "s": s("old"), "m": n(1), "l2": list(n(9))}},
		{"DELETE", map[string]types.AttributeValueUpdate{"gone": put("DELETE", nil), "nope": put("DELETE", nil), "set": put("DELETE", ss("a", "z"))}, attrs{"n": n(5), "set": ss("b"), "l": list(n(1)), "s": s("old")}},
	} {
		c := shelf(t, line(1, old))
		out, err := c.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("lines"), Key: line(1, nil), AttributeUpdates: x.updates, ReturnValues: types.ReturnValueAllNew})
		if err != nil || diff(line(1, x.want), out.Attributes) != "" {
			t.Errorf("%s: %v\n%s", x.name, err, diff(line(1, x.want), out.Attributes))
		}
	}
	c := shelf(t)
	out, err := c.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("lines"), Key: line(1, nil), ReturnValues: types.ReturnValueUpdatedNew,
		AttributeUpdates: map[string]types.AttributeValueUpdate{"n": put("ADD", n(1))}})
	if err != nil || diff(attrs{"n": n(1)}, out.Attributes) != "" {
		t.Errorf("an item that was not there: %v, %v", out, err)
	}
}

func TestLegacyExpected(t *testing.T) {
	exists := func(b bool, v types.AttributeValue) types.ExpectedAttributeValue {
		return types.ExpectedAttributeValue{Exists: aws.Bool(b), Value: v}
	}
	op := func(op types.ComparisonOperator, values ...types.AttributeValue) types.ExpectedAttributeValue {
		return types.ExpectedAttributeValue{ComparisonOperator: op, AttributeValueList: values}
	}
	c := shelf(t, line(1, attrs{"v": n(5)}))
	for _, x := range []struct {
		name     string
		expected map[string]types.ExpectedAttributeValue
		logic    types.ConditionalOperator
		ok       bool
	}{
		{"value", map[string]types.ExpectedAttributeValue{"v": {Value: n(5)}}, "", true},
		{"other value", map[string]types.ExpectedAttributeValue{"v": {Value: n(6)}}, "", false},
		{"exists", map[string]types.ExpectedAttributeValue{"v": exists(true, n(5))}, "", true},
		{"not exists", map[string]types.ExpectedAttributeValue{"w": exists(false, nil)}, "", true},
		{"not exists but does", map[string]types.ExpectedAttributeValue{"v": exists(false, nil)}, "", false},
		{"operator and value", map[string]types.ExpectedAttributeValue{"v": {ComparisonOperator: "GT", Value: n(4)}}, "", true},
		{"operator and list", map[string]types.ExpectedAttributeValue{"v": op("BETWEEN", n(6), n(9))}, "", false},
		{"none", map[string]types.ExpectedAttributeValue{}, "", true},
		{"or", map[string]types.ExpectedAttributeValue{"v": op("EQ", n(1)), "w": op("NULL")}, "OR", true},
		{"and", map[string]types.ExpectedAttributeValue{"v": op("EQ", n(1)), "w": op("NULL")}, "AND", false},
	} {
		_, err := c.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: aws.String("lines"), Key: line(1, nil), Expected: x.expected, ConditionalOperator: x.logic})
		check(t, "UpdateItem "+x.name, err, x.ok)
		_, err = c.PutItem(t.Context(), &sdk.PutItemInput{TableName: aws.String("lines"), Item: line(1, attrs{"v": n(5)}), Expected: x.expected, ConditionalOperator: x.logic})
		check(t, "PutItem "+x.name, err, x.ok)
	}
	_, err := c.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("lines"), Key: line(1, nil), Expected: map[string]types.ExpectedAttributeValue{"v": {Value: n(6)}}})
	check(t, "DeleteItem", err, false)
}

// check checks that a conditional write was made or was not.
func check(t *testing.T, what string, err error, ok bool) {
	t.Helper()
	var failed *types.ConditionalCheckFailedException
	if ok && err != nil || !ok && !errors.As(err, &failed) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestLegacyErrors(t *testing.T) {
	users := func(rest string) string { return `{"TableName":"users",` + rest + `}` }
	const (
		item = `"Item":{"id":{"S":"u"}},`
		key  = `"Key":{"id":{"S":"u"}},`
		eq   = `{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}`
		ops  = "satisfy enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]"
	)
	expected := func(e string) string { return users(item + `"Expected":{"a":` + e + `}`) }
	filter := func(e string) string { return users(`"ScanFilter":{"a":` + e + `}`) }
	args := func(op string) string {
		return ones + "Invalid number of argument(s) for the " + op + " ComparisonOperator"
	}
	runWire(t, []wireCase{
		{"PutItem", expected(`{"ComparisonOperator":"LT"}`), validate, ones + "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a"},
		{"PutItem", expected(`{"Exists":true,"ComparisonOperator":"LT"}`), validate, ones + "Exists and ComparisonOperator cannot be used together for Attribute: a"},
		{"PutItem", expected(`{"Value":{"S":"a"},"AttributeValueList":[{"S":"a"}],"ComparisonOperator":"LT"}`), validate, ones + "Value and AttributeValueList cannot be used together for Attribute: a"},
		{"PutItem", expected(`{"AttributeValueList":[{"S":"a"}]}`), validate, ones + "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"},
		{"PutItem", expected(`{"Exists":true,"AttributeValueList":[]}`), validate, ones + "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"},
		{"PutItem", expected(`{}`), validate, ones + "Value must be provided when Exists is null for Attribute: a"},
		{"PutItem", expected(`{"Exists":true}`), validate, ones + "Value must be provided when Exists is true for Attribute: a"},
		{"PutItem", expected(`{"Exists":false,"Value":{"S":"a"}}`), validate, ones + "Value cannot be used when Exists is false for Attribute: a"},
		{"PutItem", expected(`{"ComparisonOperator":"EQ","AttributeValueList":[]}`), validate, args("EQ")},
		{"PutItem", expected(`{"ComparisonOperator":"NULL","AttributeValueList":[{"S":"a"}]}`), validate, args("NULL")},
		{"PutItem", expected(`{"ComparisonOperator":"IN","AttributeValueList":[]}`), validate, args("IN")},
		{"PutItem", expected(`{"ComparisonOperator":"BETWEEN","AttributeValueList":[{"S":"a"}]}`), validate, args("BETWEEN")},
		{"PutItem", expected(`{"ComparisonOperator":"XX"}`), validate, one + at("expected.a.member.comparisonOperator", "'XX'", ops)},
		{"PutItem", users(item + `"ConditionalOperator":"XOR"`), validate, one + at("conditionalOperator", "'XOR'", "satisfy enum value set: [OR, AND]")},
		{"PutItem", users(item + `"ConditionalOperator":"OR"`), validate, "ConditionalOperator cannot be used without Filter or Expected"},
		{"Scan", users(`"ConditionalOperator":"AND","ScanFilter":{}`), validate, "ConditionalOperator cannot be used without Filter or Expected"},
		{"Query", users(`"ConditionalOperator":"AND"`), validate, "ConditionalOperator cannot be used without Filter or Expected"},
		{"Scan", users(`"ConditionalOperator":"AND","ScanFilter":{"a":` + eq + `}`), validate, "ConditionalOperator can only be used when Filter or Expected has two or more elements"},
		{"Scan", filter(`{}`), validate, one + at("scanFilter.a.member.comparisonOperator", "null", "not be null")},
		{"Scan", filter(`{"ComparisonOperator":"EQ"}`), validate, args("EQ")},
		{"Scan", filter(`{"ComparisonOperator":"EQ","AttributeValueList":[{}]}`), validate, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
		{"Scan", filter(`{"ComparisonOperator":"EQ","AttributeValueList":[null]}`), validate, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
		{"Scan", filter(`{"ComparisonOperator":"IN","AttributeValueList":[{"S":"a"},{"N":"1"}]}`), validate, ones + "AttributeValues inside AttributeValueList must be of same type"},
		{"Scan", filter(`{"ComparisonOperator":"LT","AttributeValueList":[{"SS":["a"]}]}`), validate, ones + "ComparisonOperator LT is not valid for SS AttributeValue type"},
		{"Scan", filter(`{"ComparisonOperator":"CONTAINS","AttributeValueList":[{"L":[]}]}`), validate, ones + "ComparisonOperator CONTAINS is not valid for L AttributeValue type"},
		{"Scan", filter(`{"ComparisonOperator":"BEGINS_WITH","AttributeValueList":[{"N":"1"}]}`), validate, ones + "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type"},
		{"Scan", filter(`{"ComparisonOperator":"BETWEEN","AttributeValueList":[{"N":"2"},{"N":"1"}]}`), validate, "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"},
		{"Scan", users(`"AttributesToGet":["a","b","a"]`), validate, ones + "Duplicate value in attribute name: a"},
		{"Scan", users(`"AttributesToGet":[]`), validate, one + at("attributesToGet", "'[]'", "have length greater than or equal to 1")},
		{"Scan", users(`"AttributesToGet":["a"],"Select":"COUNT"`), validate, "Cannot specify the AttributesToGet when choosing to get only the Count"},
		{"BatchGetItem", `{"RequestItems":{"users":{"Keys":[{"id":{"S":"a"}}],"AttributesToGet":["a","a"]}}}`, validate, ones + "Duplicate value in attribute name: a"},
		{"UpdateItem", users(key + `"AttributeUpdates":{"a":{}}`), validate, ones + "Only DELETE action is allowed when no attribute value is specified"},
		{"UpdateItem", users(key + `"AttributeUpdates":{"a":{"Action":"DELETE","Value":{"S":"a"}}}`), validate, ones + "DELETE action with value is not supported for the type S"},
		{"UpdateItem", users(key + `"AttributeUpdates":{"a":{"Action":"ADD","Value":{"S":"a"}}}`), validate, ones + "ADD action is not supported for the type S"},
		{"UpdateItem", users(key + `"AttributeUpdates":{"a":{"Action":"XX"}}`), validate, one + at("attributeUpdates.a.member.action", "'XX'", "satisfy enum value set: [ADD, DELETE, PUT]")},
		{"UpdateItem", users(key + `"AttributeUpdates":{"a":{"Value":{"N":"x"}}}`), validate, "The parameter cannot be converted to a numeric value: x"},
		{"UpdateItem", users(key + `"AttributeUpdates":{"n":{"Action":"ADD","Value":{"SS":["a"]}}}`), validate, "Type mismatch for attribute to update"},
		{"UpdateItem", users(key + `"AttributeUpdates":{"id":{"Value":{"S":"b"}}}`), validate, ones + "Cannot update attribute id. This attribute is part of the key"},
		{"Query", users(`"KeyConditions":{}`), validate, "Conditions can be of length 1 or 2 only"},
		{"Query", users(`"KeyConditions":{"a":` + eq + `,"b":` + eq + `,"c":` + eq + `}`), validate, "Conditions can be of length 1 or 2 only"},
		{"Query", users(`"KeyConditions":{"a":{"ComparisonOperator":"NULL"}},"QueryFilter":{"b":{"ComparisonOperator":"EQ"}}`), validate, args("EQ")},
		{"Query", users(`"KeyConditions":{"id":{"ComparisonOperator":"NE","AttributeValueList":[{"S":"a"}]}}`), validate, "Attempted conditional constraint is not an indexable operation"},
		{"Query", users(`"KeyConditions":{"id":{"ComparisonOperator":"GT","AttributeValueList":[{"S":"a"}]}}`), validate, "Query key condition not supported"},
		{"Query", users(`"KeyConditions":{"a":` + eq + `}`), validate, "Query condition missed key schema element: id"},
		{"Query", users(`"KeyConditions":{"id":` + eq + `},"QueryFilter":{"id":` + eq + `}`), validate, "QueryFilter can only contain non-primary key attributes: Primary key attribute: id"},
	})
}
