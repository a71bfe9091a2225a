package dynamodb_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// keyed is a table with a sort key, an index without one and an index with one.
const keyed = `{"TableName":"keyed","KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"c","KeyType":"RANGE"}],"BillingMode":"PAY_PER_REQUEST",` +
	`"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"c","AttributeType":"N"},{"AttributeName":"x","AttributeType":"S"},{"AttributeName":"y","AttributeType":"S"}],` +
	`"GlobalSecondaryIndexes":[{"IndexName":"byX","KeySchema":[{"AttributeName":"x","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}},` +
	`{"IndexName":"byXY","KeySchema":[{"AttributeName":"x","KeyType":"HASH"},{"AttributeName":"y","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]}`

const (
	keyPrefix     = "Invalid KeyConditionExpression: "
	unsupported   = "Query key condition not supported"
	missed        = "Query condition missed key schema element: "
	wrongKind     = ones + "Condition parameter type does not match schema type"
	tooMany       = "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)"
	notIndexable  = "Attempted conditional constraint is not an indexable operation"
	badOperator   = "Invalid operator used in KeyConditionExpression: "
	badCondition  = "Invalid condition in KeyConditionExpression: "
	oncePerKey    = keyPrefix + "KeyConditionExpressions must only contain one condition per key"
	nestedPath    = keyPrefix + "KeyConditionExpressions cannot have conditions on nested attributes"
	nestedCall    = "KeyConditionExpressions cannot contain nested operations"
	severalNames  = badCondition + "Multiple attribute names used in one condition"
	noName        = badCondition + "No key attribute specified"
	betweenOnName = badCondition + "BETWEEN operator must have the key attribute as its first operand"
	beginsOnName  = badCondition + "begins_with operator must have the key attribute as its first operand"
)

// keyQuery is a query with a key condition, which may refer to :s, :t, :n, :m
// (strings, numbers) and :yes; the values that it does not refer to are left out.
func keyQuery(t *testing.T, table, index, condition, rest string) string {
	t.Helper()
	values := map[string]map[string]any{}
	for name, v := range map[string]map[string]any{
		":s": {"S": "a"}, ":t": {"S": "b"}, ":n": {"N": "1"}, ":m": {"N": "2"}, ":yes": {"BOOL": true},
	} {
		if strings.Contains(condition, name) {
			values[name] = v
		}
	}
	body := map[string]any{"TableName": table, "KeyConditionExpression": condition}
	if index != "" {
		body["IndexName"] = index
	}
	if len(values) > 0 {
		body["ExpressionAttributeValues"] = values
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "}") + rest + "}"
}

// A key condition that is not understood is refused, whatever it is on.
func TestKeyConditionsRefused(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	n.Must(t, "CreateTable", keyed)
	for _, c := range []struct{ table, index, condition, want string }{
		{"keyed", "", "p = :s AND c < :n AND a < :m", tooMany},
		{"keyed", "", "a < :m AND c < :n AND p = :s", tooMany},
		{"keyed", "byXY", "x = :s AND y = :t AND p = :s", tooMany},
		{"users", "", "id = :s AND a = :t AND b = :t", strings.Replace(tooMany, "(2)", "(1)", 1)},
		{"keyed", "", "p = :s AND a < :n", missed + "c"},
		{"keyed", "", "c = :n", missed + "p"},
		{"keyed", "", "a = :n", missed + "p"},
		{"keyed", "", "c = :n AND a = :m", missed + "p"},
		{"keyed", "byX", "p = :s", missed + "x"},
		{"keyed", "byXY", "x = :s AND c = :n", missed + "y"},
		{"keyed", "byXY", "y = :s", missed + "x"},
		{"users", "", "id = :s AND a = :t", unsupported},
		{"users", "", "a = :s AND b = :t", unsupported},
		{"keyed", "byX", "x = :s AND y = :t", unsupported},
		{"keyed", "byX", "x = :s AND c < :n", unsupported},
		{"keyed", "", "p < :s", unsupported},
		{"keyed", "", ":s <= p", unsupported},
		{"keyed", "", "begins_with(p, :s)", unsupported},
		{"keyed", "", "p BETWEEN :s AND :t AND c = :n", unsupported},
		{"keyed", "byXY", "x > :s AND y = :t", unsupported},
		{"keyed", "", "p = :n", wrongKind},
		{"keyed", "", ":n > p", wrongKind},
		{"keyed", "", "p = :s AND c = :t", wrongKind},
		{"keyed", "", "p = :s AND c = :yes", wrongKind},
		{"keyed", "", "p = :s AND begins_with(c, :t)", wrongKind},
		{"keyed", "", "c = :n AND p = :m", wrongKind},
		{"keyed", "", "a = :s AND p = :n", wrongKind},
		{"none", "", "p = :s AND p = :t", oncePerKey},
		{"none", "", "p = :s AND c >= :n AND c <= :m", oncePerKey},
		{"none", "", "(a > :n AND b > :n) AND (b > :m AND c > :n)", oncePerKey},
		{"none", "", "p.a = :s", nestedPath},
		{"none", "", "p = :s AND c[0] = :n", nestedPath},
		{"none", "", "begins_with(p.a, :s)", nestedPath},
		{"none", "", "b[0] > a", nestedPath},
		{"none", "", "p = c", severalNames},
		{"none", "", "b > a.b", severalNames},
		{"none", "", "begins_with(a, b)", severalNames},
		{"none", "", "a BETWEEN b AND size(a)", severalNames},
		{"none", "", ":s = :t", noName},
		{"none", "", "p = :s AND :n > :m", noName},
		{"none", "", "p = :s AND begins_with(:t, c)", beginsOnName},
		{"none", "", "p = :s AND :n BETWEEN c AND :m", betweenOnName},
		{"none", "", "p = :s AND :n BETWEEN :n AND c", betweenOnName},
		{"none", "", "p = :s AND :n BETWEEN :n AND :m", betweenOnName},
		{"none", "", "size(p) = :n", nestedCall},
		{"none", "", "p = :s AND c > size(b.d)", nestedCall},
		{"none", "", "a BETWEEN size(b) AND size(a)", nestedCall},
		{"none", "", "p = :s OR c = :n", badOperator + "OR"},
		{"none", "", "NOT p = :s AND c = :n", badOperator + "NOT"},
		{"none", "", "p = :s AND c <> :n", badOperator + "<>"},
		{"none", "", "p = :s AND c IN (:n, :m)", badOperator + "IN"},
		{"none", "", "p = :s AND attribute_exists(c)", badOperator + "attribute_exists"},
		{"none", "", "p = :s AND contains(c, :t)", badOperator + "contains"},
		{"none", "", "p = :s AND dog(c)", keyPrefix + "Invalid function name; function: dog"},
		{"none", "", "p = :s AND begins_with(c, :n)", keyPrefix + "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"},
		{"none", "", "begins_with(c, :n) AND p = :none", keyPrefix + "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"},
		{"none", "", "p = :none AND begins_with(c, :n)", keyPrefix + "An expression attribute value used in expression is not defined; attribute value: :none"},
	} {
		wireCase{"Query", keyQuery(t, c.table, c.index, c.condition, ""), validate, c.want}.check(t, n)
	}
	for _, c := range []wireCase{
		{"Query", keyQuery(t, "none", "", "p = :s AND c = :t AND a = :n", ""), notFound, "Requested resource not found"},
		// The other expressions are parsed before the key condition is judged.
		{"Query", keyQuery(t, "none", "", "p = :s OR c = :n", `,"FilterExpression":""`), validate, "Invalid FilterExpression: The expression can not be empty;"},
		{"Query", keyQuery(t, "none", "", "p = :s OR c = :n", `,"ProjectionExpression":"a,"`), validate, `Invalid ProjectionExpression: Syntax error; token: "<EOF>", near: ","`},
		{"Query", keyQuery(t, "none", "", "p = :s OR c = :n", `,"ExpressionAttributeNames":{"#a":"a"}`), validate, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}"},
	} {
		c.check(t, n)
	}
}

// The same is true of the legacy parameter.
func TestLegacyKeyConditionsRefused(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	n.Must(t, "CreateTable", keyed)
	on := func(name, op, values string) string {
		return `"` + name + `":{"ComparisonOperator":"` + op + `","AttributeValueList":[` + values + `]}`
	}
	const text, number = `{"S":"a"}`, `{"N":"1"}`
	for _, c := range []struct{ table, index, conditions, want string }{
		{"keyed", "", on("p", "EQ", text) + "," + on("a", "EQ", text), missed + "c"},
		{"keyed", "", on("c", "EQ", number), missed + "p"},
		{"keyed", "", on("z", "NULL", ""), missed + "p"},
		{"keyed", "byXY", on("x", "EQ", text) + "," + on("c", "NULL", ""), missed + "y"},
		{"users", "", on("id", "EQ", text) + "," + on("a", "EQ", text), unsupported},
		{"users", "", on("a", "CONTAINS", text) + "," + on("b", "NULL", ""), unsupported},
		{"keyed", "byX", on("x", "EQ", text) + "," + on("c", "EQ", number), unsupported},
		{"keyed", "", on("p", "BEGINS_WITH", text), unsupported},
		{"keyed", "", on("p", "BETWEEN", text+","+text), unsupported},
		{"keyed", "", on("p", "NULL", ""), notIndexable},
		{"keyed", "", on("p", "IN", text), notIndexable},
		{"keyed", "", on("p", "NE", number), notIndexable},
		{"keyed", "", on("p", "EQ", text) + "," + on("c", "CONTAINS", text), notIndexable},
		{"keyed", "", on("p", "EQ", text) + "," + on("c", "EQ", text), wrongKind},
		{"keyed", "", on("p", "EQ", number) + "," + on("c", "NULL", ""), wrongKind},
		{"none", "", "", "Conditions can be of length 1 or 2 only"},
		{"none", "", on("p", "EQ", text) + "," + on("c", "NULL", "") + "," + on("a", "NULL", ""), "Conditions can be of length 1 or 2 only"},
	} {
		index := ""
		if c.index != "" {
			index = `"IndexName":"` + c.index + `",`
		}
		wireCase{"Query", `{"TableName":"` + c.table + `",` + index + `"KeyConditions":{` + c.conditions + `}}`, validate, c.want}.check(t, n)
	}
	wireCase{"Query", `{"TableName":"none","KeyConditions":{` + on("z", "NULL", "") + `}}`, notFound, "Requested resource not found"}.check(t, n)
}
