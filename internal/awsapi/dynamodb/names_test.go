package dynamodb_test

import (
	"strings"
	"testing"
)

const (
	emptyName = "Empty attribute name"
	longName  = "Attribute name is too large, must be less than 65536 bytes"
)

// Names of attributes have 1 to 65,535 bytes, wherever they stand.
func TestAttributeNames(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	users := func(rest string) string { return `{"TableName":"users",` + rest + `}` }
	const key = `"Key":{"id":{"S":"u"}}`
	longest := strings.Repeat("é", 32767) + "x"
	put := func(name string) string {
		return users(`"Item":{"id":{"S":"u"},"m":{"M":{"` + name + `":{"S":"v"}}},"` + name + `":{"S":"v"}}`)
	}
	n.Must(t, "PutItem", put(longest))
	n.Must(t, "PutItem", put("x"))
	n.Must(t, "UpdateItem", users(key+`,"UpdateExpression":"SET #n = :v REMOVE m.#n","ExpressionAttributeNames":{"#n":"`+longest+`"},"ExpressionAttributeValues":{":v":{"S":"v"}}`))
	n.Must(t, "GetItem", users(key+`,"AttributesToGet":["`+longest+`"]`))

	for name, text := range map[string]string{"": emptyName, longest + "x": longName} {
		alias := "ExpressionAttributeNames contains invalid value: " + emptyName + " for key #n"
		if name != "" {
			alias = longName
		}
		names := `,"ExpressionAttributeNames":{"#n":"` + name + `"}`
		const values = `,"ExpressionAttributeValues":{":v":{"S":"v"}}`
		item, condition := `{"id":{"S":"u"},"`+name+`":{"S":"v"}}`, `{"`+name+`":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"v"}]}}`
		for _, c := range []wireCase{
			{"PutItem", users(`"Item":` + item), validate, one + text},
			{"PutItem", users(`"Item":{"id":{"S":"u"},"m":{"L":[{"M":{"` + name + `":{"S":"v"}}}]}}`), validate, one + text},
			{"PutItem", users(`"Item":{"id":{"S":"u"}},"Expected":` + condition), validate, text},
			{"GetItem", users(`"Key":` + item), validate, text},
			{"GetItem", users(key + `,"AttributesToGet":["id","` + name + `"]`), validate, text},
			{"GetItem", users(key + `,"ProjectionExpression":"#n"` + names), validate, alias},
			{"UpdateItem", users(key + `,"UpdateExpression":"REMOVE a.#n"` + names), validate, alias},
			{"UpdateItem", users(key + `,"UpdateExpression":"SET #n = :v"` + names + values), validate, alias},
			{"UpdateItem", users(key + `,"UpdateExpression":"SET a = :v","ExpressionAttributeValues":{":v":{"M":{"` + name + `":{"S":"v"}}}}`), validate, one + text},
			{"UpdateItem", users(key + `,"AttributeUpdates":{"` + name + `":{"Value":{"S":"v"}}}`), validate, text},
			{"DeleteItem", users(key + `,"ConditionExpression":"#n = :v"` + names + values), validate, alias},
			{"Scan", users(`"ScanFilter":` + condition), validate, text},
			{"Query", users(`"KeyConditions":` + condition), validate, text},
			{"Query", users(`"KeyConditionExpression":"#n = :v"` + names + values), validate, alias},
			{"BatchWriteItem", `{"RequestItems":{"users":[{"PutRequest":{"Item":` + item + `}}]}}`, validate, text},
			{"TransactWriteItems", `{"TransactItems":[{"Update":{"TableName":"users",` + key + `,"UpdateExpression":"REMOVE a.#n"` + names + `}}]}`, validate, alias},
		} {
			status, answer := n.Call(t, c.op, c.body)
			if !strings.Contains(answer, c.message) || status != 400 || !strings.Contains(answer, "ValidationException") {
				t.Errorf("%s %.80s with a name of %d bytes\n got %d %.300s\nwant %s", c.op, c.body, len(name), status, answer, c.message)
			}
		}
	}
	for _, c := range []wireCase{
		{"ExecuteStatement", `{"Statement":"INSERT INTO users VALUE {'id':'u','m':{'':1}}"}`, validate, emptyName},
		{"ExecuteStatement", `{"Statement":"UPDATE users REMOVE a[''] WHERE id='u'"}`, validate, "Path component cannot be an empty string"},
	} {
		c.check(t, n)
	}
}

// Aliases have at most 255 bytes, with their sign.
func TestLengthsOfAliases(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	scan := func(alias, value string) string {
		return `{"TableName":"users","FilterExpression":"` + alias + ` = ` + value + `","ExpressionAttributeNames":{"` + alias + `":"a"},"ExpressionAttributeValues":{"` + value + `":{"S":"v"}}}`
	}
	fits := strings.Repeat("a", 254)
	n.Must(t, "Scan", scan("#"+fits, ":"+fits))
	for _, c := range []wireCase{
		{"Scan", scan("#"+fits+"a", ":v"), validate, "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: 256"},
		{"Scan", scan("#"+fits+"a-x", ":v"), validate, "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: 258"},
		{"Scan", scan("#a", ":"+fits+"a"), validate, "ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long;"},
	} {
		c.check(t, n)
	}
}

// Names of keys, and of what an index projects by name, have 1 to 255 characters.
func TestNamesOfKeys(t *testing.T) {
	table := func(key, defined, projected string) string {
		return `{"TableName":"long","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"` + key + `","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"` + defined + `","AttributeType":"S"}],` +
			`"GlobalSecondaryIndexes":[{"IndexName":"byKey","KeySchema":[{"AttributeName":"` + key + `","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["` + projected + `"]}}]}`
	}
	fits := strings.Repeat("k", 255)
	long := fits + "k"
	const most = "have length less than or equal to 255"
	const keySchema, indexKey, definitions = "keySchema.1.member.attributeName", "globalSecondaryIndexes.1.member.keySchema.1.member.attributeName", "attributeDefinitions.1.member.attributeName"
	const projection = "globalSecondaryIndexes.1.member.projection.nonKeyAttributes.1.member"
	n := start(t, true)
	n.Must(t, "CreateTable", table(fits, fits, strings.Repeat("p", 255)))
	n.Must(t, "PutItem", `{"TableName":"long","Item":{"`+fits+`":{"S":"u"}}}`)
	for body, paths := range map[string][]string{
		table(long, "k", "p"): {keySchema, indexKey},
		table("k", long, "p"): {definitions},
		table("k", "k", long): {projection},
		strings.Replace(`{"TableName":"long","AttributeDefinitions":[{"AttributeName":"x","AttributeType":"S"}],"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"byX","KeySchema":[{"AttributeName":"NAME","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}}]}`, "NAME", long, 1): {
			"globalSecondaryIndexUpdates.1.member.create.keySchema.1.member.attributeName",
		},
	} {
		op := "CreateTable"
		if strings.Contains(body, "GlobalSecondaryIndexUpdates") {
			op = "UpdateTable"
		}
		status, answer := n.Call(t, op, body)
		for _, path := range paths {
			if status != 400 || !strings.Contains(answer, "at '"+path+"' failed to satisfy constraint: Member must "+most) {
				t.Errorf("%s: %d %.700s\nwant %s", op, status, answer, path)
			}
		}
	}
	for _, body := range []string{table("", "k", "p"), table("k", "", "p"), table("k", "k", "")} {
		if status, answer := n.Call(t, "CreateTable", body); status != 400 || !strings.Contains(answer, "Member must have length greater than or equal to 1") {
			t.Errorf("%d %.300s", status, answer)
		}
	}
}

// An ARN of another region is no table here, even if its letters are escapes of JSON.
func TestEscapedARN(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	n.Must(t, "PutItem", `{"TableName":"users","Item":{"id":{"S":"u"}}}`)
	for _, scheme := range []string{`arn:`, `\u0061rn:`, `a\u0072n:`, `ar\u006E:`, `arn\u003A`} {
		get := func(region string) string {
			return `{"TableName":"` + scheme + `aws:dynamodb:` + region + `:000000000000:table/users","Key":{"id":{"S":"u"}}}`
		}
		wireCase{"GetItem", get("eu-west-1"), notFound, "Requested resource not found"}.check(t, n)
		n.Must(t, "GetItem", get("us-east-1"))
	}
}
