package parity

import (
	"fmt"
	"strings"
)

// contradiction makes a table and an UpdateTable that cannot be.
func (g *gen) contradiction(s schema) step {
	create := schema{name: s.name + "-upd", keys: []key{{"pk", "S"}}, indexes: []index{{"by-s", []key{{"s", "S"}}, false, object{"ProjectionType": "ALL"}}}}
	units := object{"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
	before, provisioned := create.create(), g.chance(60)
	on := func(name, attribute string) object {
		x := object{"IndexName": name, "KeySchema": []any{object{"AttributeName": attribute, "KeyType": "HASH"}}, "Projection": object{"ProjectionType": "ALL"}}
		if provisioned {
			x["ProvisionedThroughput"] = units
		}
		return x
	}
	if provisioned {
		before["BillingMode"], before["ProvisionedThroughput"] = "PROVISIONED", units
		before["GlobalSecondaryIndexes"].([]any)[0].(object)["ProvisionedThroughput"] = units
	}
	def := func(name, kind string) object { return object{"AttributeName": name, "AttributeType": kind} }
	body := pick(g,
		object{"AttributeDefinitions": []any{def("pk", "N"), def("x", "S")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "x")}}},
		object{"AttributeDefinitions": []any{def("s", "N"), def("x", "S")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "x")}}},
		object{"AttributeDefinitions": []any{def("s", "N")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "s")}}},
		object{"AttributeDefinitions": []any{def("pk", "B")}},
		object{"GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "x")}}},
		object{"AttributeDefinitions": []any{def("y", "S")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "x")}}},
		object{"AttributeDefinitions": []any{def("x", "S")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-s", "x")}}},
		object{"AttributeDefinitions": []any{def("x", "S")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "x"), "Delete": object{"IndexName": "by-s"}}}},
		object{"AttributeDefinitions": []any{def("x", "S")}, "GlobalSecondaryIndexUpdates": []any{object{"Create": on("by-x", "x")}, object{"Create": on("by-x", "x")}}},
		object{"GlobalSecondaryIndexUpdates": []any{object{"Delete": object{"IndexName": "by-s"}}, object{"Delete": object{"IndexName": "by-s"}}}},
		object{"GlobalSecondaryIndexUpdates": []any{object{"Delete": object{"IndexName": "by-none"}}}},
		object{"GlobalSecondaryIndexUpdates": []any{object{}}},
		object{"GlobalSecondaryIndexUpdates": []any{object{"Update": object{"IndexName": "by-s", "ProvisionedThroughput": units}}}},
		object{"GlobalSecondaryIndexUpdates": []any{object{"Update": object{"IndexName": "by-none", "ProvisionedThroughput": units}}}},
		object{"ProvisionedThroughput": units},
		object{"BillingMode": "PROVISIONED"},
		object{"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": units},
		object{},
	)
	body = clone(body).(object)
	body["TableName"] = create.name
	return step{request: request{op: "UpdateTable", body: body}, before: []request{{op: "CreateTable", body: before}}, drop: create.name}
}

// severalKeys makes a table with an index whose key has several attributes, or
// more of them than there may be.
func (g *gen) severalKeys(s schema) step {
	hashes, ranges := g.IntN(6), g.IntN(6)
	var keys, defs []any
	for i := range hashes + ranges {
		name := fmt.Sprint("k", i)
		keys = append(keys, object{"AttributeName": name, "KeyType": map[bool]string{true: "HASH", false: "RANGE"}[i < hashes]})
		defs = append(defs, object{"AttributeName": name, "AttributeType": pick(g, "S", "N", "B")})
	}
	if len(keys) > 1 && g.chance(15) {
		g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	}
	if len(keys) > 1 && g.chance(10) {
		keys[1] = keys[0]
	}
	name := s.name + "-new"
	body := object{"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{object{"AttributeName": "pk", "KeyType": "HASH"}, object{"AttributeName": "sk", "KeyType": "RANGE"}},
		"AttributeDefinitions": append(defs, object{"AttributeName": "pk", "AttributeType": "S"}, object{"AttributeName": "sk", "AttributeType": "S"})}
	indexes := pick(g, "GlobalSecondaryIndexes", "GlobalSecondaryIndexes", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
	body[indexes] = []any{object{"IndexName": "by-k", "KeySchema": keys, "Projection": object{"ProjectionType": "ALL"}}}
	return step{request: request{op: "CreateTable", body: body}}
}

// largeTransaction writes items about the limit of 4 MB to a table of its own.
func (g *gen) largeTransaction(s schema) step {
	big := schema{name: s.name + "-big", keys: []key{{"pk", "N"}}}
	items := []any{}
	for i := range pick(g, 10, 11, 12) {
		items = append(items, object{"Put": object{"TableName": big.name, "Item": object{"pk": number(i), "x1": object{"S": strings.Repeat("x", 380_000)}}}})
	}
	return step{request: request{op: "TransactWriteItems", body: object{"TransactItems": items}}, before: []request{{op: "CreateTable", body: big.create()}}, drop: big.name}
}
