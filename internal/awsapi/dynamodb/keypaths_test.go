package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"
)

const scalars = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "

// ordersBody returns a request about the table orders, whose item has a key.
func ordersBody(members string) string {
	return `{"TableName":"orders","Key":{"pk":{"S":"p"},"sk":{"N":"1"}},` + members + `}`
}

// updateBody returns an UpdateItem of the table orders; #s is the attribute sum.
func updateBody(update, values string) string {
	body := fmt.Sprintf(`"UpdateExpression":%q`, update)
	if strings.Contains(update, "#s") {
		body += `,"ExpressionAttributeNames":{"#s":"sum"}`
	}
	if values != "" {
		body += `,"ExpressionAttributeValues":{` + values + `}`
	}
	return ordersBody(body)
}

const (
	nOne   = `":n":{"N":"1"}`
	setOne = `":t":{"SS":["a"]}`
)

// withOrders starts a node with the table orders, which has indexes with the keys
// who and sum, and one item.
func withOrders(t *testing.T) *node {
	t.Helper()
	n := start(t, true)
	if _, err := n.client().CreateTable(t.Context(), ordersTable()); err != nil {
		t.Fatal(err)
	}
	n.Must(t, "PutItem", `{"TableName":"orders","Item":{"pk":{"S":"p"},"sk":{"N":"1"},"who":{"S":"ann"},"sum":{"N":"5"},"num":{"N":"7"},"l":{"L":[]},"note":{"S":"n"}}}`)
	return n
}

// Paths do not lead into key attributes, of the table or of any index of it, whatever
// expression they stand in.
func TestPathsIntoKeys(t *testing.T) {
	n := withOrders(t)
	key := `{"pk":{"S":"p"},"sk":{"N":"1"}}`
	condition := func(c string) string {
		return ordersBody(`"ConditionExpression":"` + c + `","ExpressionAttributeValues":{` + nOne + `}`)
	}
	read := func(members string) string { return `{"TableName":"orders",` + members + `}` }
	byPK := `"KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"},` + nOne + `},`
	for _, c := range []wireCase{
		{"UpdateItem", updateBody("SET x = pk.b", ""), validate, scalars + "Key: pk"},
		{"UpdateItem", updateBody("SET x = if_not_exists(who[0], :n)", nOne), validate, scalars + "IndexKey: who"},
		{"UpdateItem", updateBody("SET x = list_append(l, #s[0])", ""), validate, scalars + "IndexKey: sum"},
		{"UpdateItem", updateBody("SET x = num + who.x", ""), validate, scalars + "IndexKey: who"},
		{"UpdateItem", updateBody("SET who.b = :n", nOne), validate, scalars + "IndexKey: who"},
		{"UpdateItem", updateBody("ADD who.b :n", nOne), validate, scalars + "IndexKey: who"},
		{"UpdateItem", updateBody("REMOVE #s[1]", ""), validate, scalars + "IndexKey: sum"},
		{"UpdateItem", updateBody("DELETE who[1] :t", setOne), validate, scalars + "IndexKey: who"},
		{"UpdateItem", updateBody("ADD pk.b :n", nOne), validate, ones + "Cannot update attribute pk. This attribute is part of the key"},
		{"UpdateItem", updateBody("SET x[1] = :n ADD sk.b :n", nOne), validate, ones + "Cannot update attribute sk. This attribute is part of the key"},
		{"UpdateItem", condition("who.x = :n"), validate, scalars + "IndexKey: who"},
		{"UpdateItem", condition("attribute_exists(pk.x) AND num = :n"), validate, scalars + "Key: pk"},
		{"DeleteItem", condition("NOT (num = :n OR sk[1] IN (:n))"), validate, scalars + "Key: sk"},
		{"DeleteItem", condition("size(who.x) BETWEEN :n AND num"), validate, scalars + "IndexKey: who"},
		{"PutItem", strings.Replace(condition("num > :n OR who[0] = num"), `"Key"`, `"Item"`, 1), validate, scalars + "IndexKey: who"},
		{"GetItem", ordersBody(`"ProjectionExpression":"note, pk.b.c"`), validate, scalars + "Key: pk"},
		{"GetItem", ordersBody(`"ProjectionExpression":"who[0]"`), validate, scalars + "IndexKey: who"},
		{"BatchGetItem", `{"RequestItems":{"orders":{"Keys":[` + key + `],"ProjectionExpression":"who.a"}}}`, validate, scalars + "IndexKey: who"},
		{"Scan", read(`"ProjectionExpression":"sk[0]"`), validate, scalars + "Key: sk"},
		{"Scan", read(`"FilterExpression":"attribute_exists(pk.x)"`), validate, scalars + "Key: pk"},
		{"Scan", read(`"IndexName":"byWho","FilterExpression":"attribute_exists(who.x)"`), validate, scalars + "IndexKey: who"},
		{"Query", read(byPK + `"FilterExpression":"who[1] = :n"`), validate, scalars + "IndexKey: who"},
		{"Query", read(byPK + `"FilterExpression":"num = :n","ProjectionExpression":"who[1]"`), validate, scalars + "IndexKey: who"},
		{"Query", read(byPK + `"FilterExpression":"sk[1] = :n"`), validate, "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"},
		{"ExecuteStatement", `{"Statement":"UPDATE orders SET who.x = 1 WHERE pk = 'p' AND sk = 1"}`, validate, scalars + "IndexKey: who"},
		{"ExecuteStatement", `{"Statement":"UPDATE orders SET x = 1 WHERE pk = 'p' AND sk = 1 AND who.x = 1"}`, validate, scalars + "IndexKey: who"},
		{"ExecuteStatement", `{"Statement":"DELETE FROM orders WHERE pk = 'p' AND sk = 1 AND who[0] = 1"}`, validate, scalars + "IndexKey: who"},
		{"ExecuteStatement", `{"Statement":"SELECT * FROM orders WHERE pk = 'p' AND who.x = 1"}`, validate, scalars + "IndexKey: who"},
	} {
		c.check(t, n)
	}
	for _, c := range []struct{ op, body, text string }{
		{"TransactWriteItems", `{"TransactItems":[{"ConditionCheck":` + condition("who.x = :n") + `}]}`, scalars + "IndexKey: who"},
		{"TransactWriteItems", `{"TransactItems":[{"Update":` + updateBody("SET x = pk.b", "") + `}]}`, scalars + "Key: pk"},
		{"TransactGetItems", `{"TransactItems":[{"Get":` + ordersBody(`"ProjectionExpression":"who.a"`) + `}]}`, scalars + "IndexKey: who"},
	} {
		if status, answer := n.Call(t, c.op, c.body); status != 400 || !strings.Contains(answer, "TransactionCanceledException") || !strings.Contains(answer, `"Message":"`+c.text+`"`) {
			t.Errorf("%s %s\n got %d %s\nwant %s", c.op, c.body, status, answer, c.text)
		}
	}
}

// A value that cannot be a key of an index is refused, by what the request says or by
// what the item has.
func TestUpdatesOfIndexKeys(t *testing.T) {
	n := withOrders(t)
	mismatch := func(name, expected, actual, index string) string {
		return ones + "Type mismatch for Index Key " + name + " Expected: " + expected + " Actual: " + actual + " IndexName: " + index
	}
	const unsupported = "The update expression attempted to update the secondary index key to unsupported type"
	const empty = "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value."
	long := `":s":{"S":"` + strings.Repeat("x", 2049) + `"}`
	for _, c := range []wireCase{
		{"UpdateItem", updateBody("SET who = :n", nOne), validate, mismatch("who", "S", "N", "byWho")},
		{"UpdateItem", updateBody("SET x.a = pk ADD who :n", nOne), validate, mismatch("who", "S", "N", "byWho")},
		{"UpdateItem", updateBody("SET x = who[1], who = sk + :n", nOne), validate, mismatch("who", "S", "N", "byWho")},
		{"UpdateItem", updateBody("SET #s = list_append(l, l)", ""), validate, mismatch("sum", "N", "L", "bySum")},
		{"UpdateItem", updateBody("SET who = :m", `":m":{"M":{"a":{"N":"1"}}}`), validate, mismatch("who", "S", "M", "byWho")},
		{"UpdateItem", updateBody("DELETE who :t", setOne), validate, mismatch("who", "S", "SS", "byWho")},
		{"UpdateItem", ordersBody(`"AttributeUpdates":{"who":{"Value":{"NULL":true}}}`), validate, mismatch("who", "S", "NULL", "byWho")},
		{"UpdateItem", strings.Replace(updateBody("SET who = :n", nOne), `"p"`, `"absent"`, 1), validate, mismatch("who", "S", "N", "byWho")},
		{"UpdateItem", updateBody("SET who = num", ""), validate, unsupported},
		{"UpdateItem", updateBody("SET who = if_not_exists(gone, :n)", nOne), validate, unsupported},
		{"UpdateItem", updateBody("SET who = :e", `":e":{"S":""}`), validate, empty},
		{"UpdateItem", updateBody("SET who = :s", long), validate, "The update expression attempted to update the secondary index key beyond allowed size limits"},
		{"ExecuteStatement", `{"Statement":"UPDATE orders SET who = 1 WHERE pk = 'p' AND sk = 1"}`, validate, mismatch("who", "S", "N", "byWho")},
		{"ExecuteStatement", `{"Statement":"UPDATE orders SET who = num WHERE pk = 'p' AND sk = 1"}`, validate, unsupported},
		{"PutItem", `{"TableName":"orders","Item":{"pk":{"S":"p"},"sk":{"N":"1"},"who":{"N":"1"}}}`, validate, mismatch("who", "S", "N", "byWho")},
	} {
		c.check(t, n)
	}
	for element, msg := range map[string]string{
		`"Put":{"TableName":"orders","Item":{"pk":{"S":"p"},"sk":{"N":"1"},"who":{"S":""}}}`:                      "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: byWho, IndexKey: who",
		`"Update":` + updateBody("SET who = :e", `":e":{"S":""}`):                                                 empty,
		`"Delete":` + strings.Replace(ordersBody(`"ConditionExpression":"attribute_exists(pk)"`), `"p"`, `""`, 1): "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
	} {
		wireCase{"TransactWriteItems", `{"TransactItems":[{` + element + `}]}`, validate, msg}.check(t, n)
	}
	for _, body := range []string{updateBody("SET who = if_not_exists(who, :n)", nOne), updateBody("SET who = note", ""), updateBody("REMOVE who", "")} {
		n.Must(t, "UpdateItem", body)
	}
}

// An update that only takes away is no error where there is no item, whatever it
// names, and makes none.
func TestRemovalsFromAbsentItems(t *testing.T) {
	n := withOrders(t)
	absent := func(update, values string) string {
		return strings.Replace(updateBody(update, values), `"p"`, `"absent"`, 1)
	}
	for _, body := range []string{absent("REMOVE x", ""), absent("REMOVE x.y, z[0]", ""), absent("DELETE x.y :t", setOne), absent("REMOVE x[0] DELETE y :t", setOne)} {
		n.Must(t, "UpdateItem", body)
		if got := n.Must(t, "GetItem", `{"TableName":"orders","Key":{"pk":{"S":"absent"},"sk":{"N":"1"}}}`); got != "{}" {
			t.Errorf("%s made %s", body, got)
		}
	}
	for _, body := range []string{absent("SET x.y = :n", nOne), absent("SET x = :n REMOVE z[0]", nOne), updateBody("REMOVE x.y", ""), updateBody("DELETE note.x :t", setOne)} {
		wireCase{"UpdateItem", body, validate, invalidPath}.check(t, n)
	}
}

// An item that is older than an index, and is unfit for it, can still be updated in its
// other attributes. It is in the index once its attribute fits.
func TestUnfitItemsOfYoungerIndexes(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	unfit := map[string]string{"number": `{"N":"1"}`, "empty": `{"S":""}`, "long": `{"S":"` + strings.Repeat("x", 2049) + `"}`, "list": `{"L":[]}`}
	for id, v := range unfit {
		n.Must(t, "PutItem", `{"TableName":"users","Item":{"id":{"S":"`+id+`"},"who":`+v+`}}`)
	}
	n.Must(t, "UpdateTable", `{"TableName":"users","AttributeDefinitions":[{"AttributeName":"who","AttributeType":"S"}],"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"byWho","KeySchema":[{"AttributeName":"who","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}}]}`)
	for strings.Contains(n.Must(t, "DescribeTable", `{"TableName":"users"}`), `"IndexStatus":"CREATING"`) {
		n.Must(t, "PutItem", `{"TableName":"users","Item":{"id":{"S":"other"}}}`)
	}
	for id := range unfit {
		about := `{"TableName":"users","Key":{"id":{"S":"` + id + `"}},`
		for _, update := range []string{
			`"UpdateExpression":"SET note = :n ADD visits :n","ExpressionAttributeValues":{":n":{"N":"1"}}`,
			`"AttributeUpdates":{"note":{"Value":{"S":"x"}}}`,
		} {
			n.Must(t, "UpdateItem", about+update+`}`)
		}
		n.Must(t, "ExecuteStatement", `{"Statement":"UPDATE users SET note = 'y' WHERE id = '`+id+`'"}`)
		n.Must(t, "TransactWriteItems", `{"TransactItems":[{"Update":`+about+`"UpdateExpression":"REMOVE note"}}]}`)
		if status, answer := n.Call(t, "UpdateItem", about+`"UpdateExpression":"SET who = who"}`); status != 400 {
			t.Errorf("%s was written again: %s", id, answer)
		}
		n.Must(t, "UpdateItem", about+`"UpdateExpression":"SET who = :w","ExpressionAttributeValues":{":w":{"S":"ann"}}}`)
	}
	if got := n.Must(t, "Scan", `{"TableName":"users","IndexName":"byWho","Select":"COUNT"}`); !strings.Contains(got, fmt.Sprintf(`"Count":%d`, len(unfit))) {
		t.Error(got)
	}
	if got := n.Must(t, "DescribeTable", `{"TableName":"users"}`); !strings.Contains(got, fmt.Sprintf(`"ItemCount":%d`, len(unfit))) {
		t.Error(got)
	}
}
