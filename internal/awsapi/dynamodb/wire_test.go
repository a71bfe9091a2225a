package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

const (
	validate = "com.amazon.coral.validate#ValidationException"
	serial   = "com.amazon.coral.service#SerializationException"
	notFound = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
	inUse    = "com.amazonaws.dynamodb.v20120810#ResourceInUseException"
	failed   = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
)

// A wireCase is a request and the exact body of its error.
type wireCase struct{ op, body, kind, message string }

func (c wireCase) check(t *testing.T, n *node) {
	t.Helper()
	status, answer := n.Call(t, c.op, c.body)
	name := "message"
	if c.kind == serial {
		name = "Message"
	}
	parts := map[string]string{"__type": c.kind}
	if c.message != "" {
		parts[name] = c.message
	}
	want, err := json.Marshal(parts, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	if status != 400 || answer != string(want) {
		t.Errorf("%s %.300s\n got %d %s\nwant 400 %s", c.op, c.body, status, answer, want)
	}
}

func runWire(t *testing.T, cases []wireCase) {
	t.Helper()
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	n.Must(t, "CreateTable", createLines)
	n.Must(t, "PutItem", `{"TableName":"users","Item":{"id":{"S":"u"},"n":{"N":"1"}}}`)
	for _, c := range cases {
		c.check(t, n)
	}
}

const (
	one  = "1 validation error detected: "
	ones = "One or more parameter values were invalid: "
)

func at(path, value, must string) string {
	return "Value " + value + " at '" + path + "' failed to satisfy constraint: Member must " + must
}

func TestSerialization(t *testing.T) {
	runWire(t, []wireCase{
		{"PutItem", ``, serial, ""},
		{"PutItem", `hi`, serial, ""},
		{"PutItem", `{"TableName":"users","Item":{"id":{"S":"u"}}`, serial, ""},
		{"PutItem", `{"TableName":"users","TableName":"users"}`, serial, ""},
		{"PutItem", `{"Item":{"a":{"S":"1"},"a":{"S":"2"}}}`, serial, ""},
		{"PutItem", `{"TableName":23}`, serial, "NUMBER_VALUE cannot be converted to String"},
		{"PutItem", `{"TableName":[]}`, serial, "Unrecognized collection type class java.lang.String"},
		{"PutItem", `{"Item":"x"}`, serial, "Unexpected field type"},
		{"PutItem", `{"Item":{"a":"x"}}`, serial, "Unexpected value type in payload"},
		{"PutItem", `{"Item":{"a":{"S":23}}}`, serial, "NUMBER_VALUE cannot be converted to String"},
		{"PutItem", `{"Item":{"a":{"B":"23456"}}}`, serial, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"},
		{"PutItem", `{"Item":{"a":{"B":"YR=="}}}`, serial, "Invalid last non-pad Base64 character dectected"},
		{"Query", `{"ExpressionAttributeValues":{":a":{"B":"Y$=="}}}`, serial, "Invalid Base64 character: '$'"},
		{"ExecuteStatement", `{"Parameters":[{"BS":["YR=="]}]}`, serial, "Invalid last non-pad Base64 character dectected"},
		{"PutItem", `{"Expected":"x"}`, serial, "Unexpected field type"},
		{"PutItem", `{"ExpressionAttributeNames":{"#a":1}}`, serial, "NUMBER_VALUE cannot be converted to String"},
		{"PutItem", `{"ExpressionAttributeValues":[]}`, serial, "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>"},
		{"PutItem", `{"Item":{"a":{"S":[]}}}`, serial, "Unrecognized collection type class java.lang.String"},
		{"PutItem", `{"Item":{"a":{"S":{}}}}`, serial, "Start of structure or map found where not expected"},
		{"PutItem", `{"Item":{"a":{"B":23}}}`, serial, "only base-64-encoded strings are convertible to bytes"},
		{"PutItem", `{"Item":{"a":{"N":2.5}}}`, serial, "DECIMAL_VALUE cannot be converted to String"},
		{"PutItem", `{"Item":{"a":{"BOOL":"true"}}}`, serial, "Unexpected token received from parser"},
		{"BatchGetItem", `{"RequestItems":{"abc":"x"}}`, serial, "Unexpected value type in payload"},
		{"BatchWriteItem", `{"RequestItems":{"abc":"x"}}`, serial, "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class " +
			"(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')"},
		{"Query", `{"Limit":"1"}`, serial, "STRING_VALUE cannot be converted to Integer"},
		{"Query", `{"ConsistentRead":"true"}`, serial, "Unexpected token received from parser"},
		{"CreateTable", `{"KeySchema":{}}`, serial, "Start of structure or map found where not expected"},
		{"CreateTable", `{"KeySchema":["x"]}`, serial, "Unexpected value type in payload"},
		{"CreateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":"1"}}`, serial, "STRING_VALUE cannot be converted to Long"},
	})
}

// A list where there is none in a request is answered with the class of the service's
// model that stands there.
func TestSerializationClasses(t *testing.T) {
	index := func(list, members string) string { return `{"` + list + `":[` + members + `]}` }
	update := func(members string) string { return index("GlobalSecondaryIndexUpdates", members) }
	items := func(members string) string { return index("TransactItems", members) }
	n := start(t, true)
	for _, c := range []struct{ op, body, class string }{
		{"CreateTable", `{"AttributeDefinitions":[[]]}`, "class *AttributeDefinition"},
		{"CreateTable", `{"KeySchema":[[]]}`, "class *KeySchemaElement"},
		{"CreateTable", `{"ProvisionedThroughput":[]}`, "class *ProvisionedThroughput"},
		{"CreateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":[]}}`, "class java.lang.Long"},
		{"CreateTable", `{"StreamSpecification":[]}`, "class *StreamSpecification"},
		{"CreateTable", `{"SSESpecification":[]}`, "class *SSESpecification"},
		{"CreateTable", `{"OnDemandThroughput":[]}`, "class *OnDemandThroughput"},
		{"CreateTable", `{"Tags":[[]]}`, "class *Tag"},
		{"CreateTable", index("LocalSecondaryIndexes", `[]`), "class *LocalSecondaryIndex"},
		{"CreateTable", index("GlobalSecondaryIndexes", `[]`), "class *GlobalSecondaryIndex"},
		{"CreateTable", index("GlobalSecondaryIndexes", `{"KeySchema":[[]]}`), "class *KeySchemaElement"},
		{"CreateTable", index("GlobalSecondaryIndexes", `{"Projection":[]}`), "class *Projection"},
		{"CreateTable", index("GlobalSecondaryIndexes", `{"Projection":{"NonKeyAttributes":[[]]}}`), "class java.lang.String"},
		{"UpdateTable", update(`[]`), "class *GlobalSecondaryIndexUpdate"},
		{"UpdateTable", update(`{"Create":[]}`), "class *CreateGlobalSecondaryIndexAction"},
		{"UpdateTable", update(`{"Update":[]}`), "class *UpdateGlobalSecondaryIndexAction"},
		{"UpdateTable", update(`{"Update":{"ProvisionedThroughput":[]}}`), "class *ProvisionedThroughput"},
		{"UpdateTable", update(`{"Delete":[]}`), "class *DeleteGlobalSecondaryIndexAction"},
		{"UpdateTable", `{"ReplicaUpdates":[[]]}`, "class *ReplicationGroupUpdate"},
		{"UpdateTimeToLive", `{"TimeToLiveSpecification":[]}`, "class *TimeToLiveSpecification"},
		{"TagResource", `{"Tags":[[]]}`, "class *Tag"},
		{"PutItem", `{"Item":[]}`, "java.util.Map<java.lang.String, *AttributeValue>"},
		{"PutItem", `{"Item":{"a":[]}}`, "class *AttributeValue"},
		{"PutItem", `{"Expected":[]}`, "java.util.Map<java.lang.String, *ExpectedAttributeValue>"},
		{"PutItem", `{"Expected":{"a":[]}}`, "class *ExpectedAttributeValue"},
		{"PutItem", `{"Expected":{"a":{"AttributeValueList":[[]]}}}`, "class *AttributeValue"},
		{"PutItem", `{"ExpressionAttributeNames":[]}`, "java.util.Map<java.lang.String, java.lang.String>"},
		{"UpdateItem", `{"AttributeUpdates":[]}`, "java.util.Map<java.lang.String, *AttributeValueUpdate>"},
		{"UpdateItem", `{"AttributeUpdates":{"a":[]}}`, "class *AttributeValueUpdate"},
		{"Query", `{"KeyConditions":[]}`, "java.util.Map<java.lang.String, *Condition>"},
		{"Query", `{"QueryFilter":{"a":[]}}`, "class *Condition"},
		{"Scan", `{"ScanFilter":[]}`, "java.util.Map<java.lang.String, *Condition>"},
		{"BatchGetItem", `{"RequestItems":[]}`, "java.util.Map<java.lang.String, *KeysAndAttributes>"},
		{"BatchGetItem", `{"RequestItems":{"abc":[]}}`, "class *KeysAndAttributes"},
		{"BatchGetItem", `{"RequestItems":{"abc":{"Keys":[[]]}}}`, "java.util.Map<java.lang.String, *AttributeValue>"},
		{"BatchWriteItem", `{"RequestItems":[]}`, "java.util.Map<java.lang.String, java.util.List<*WriteRequest>>"},
		{"BatchWriteItem", `{"RequestItems":{"abc":[[]]}}`, "class *WriteRequest"},
		{"BatchWriteItem", `{"RequestItems":{"abc":[{"PutRequest":[]}]}}`, "class *PutRequest"},
		{"BatchWriteItem", `{"RequestItems":{"abc":[{"DeleteRequest":[]}]}}`, "class *DeleteRequest"},
		{"TransactGetItems", items(`[]`), "class *TransactGetItem"},
		{"TransactGetItems", items(`{"Get":[]}`), "class *Get"},
		{"TransactWriteItems", items(`[]`), "class *TransactWriteItem"},
		{"TransactWriteItems", items(`{"Put":[]}`), "class *Put"},
		{"TransactWriteItems", items(`{"Update":[]}`), "class *Update"},
		{"TransactWriteItems", items(`{"Delete":[]}`), "class *Delete"},
		{"TransactWriteItems", items(`{"ConditionCheck":[]}`), "class *ConditionCheck"},
		{"BatchExecuteStatement", index("Statements", `[]`), "class *BatchStatementRequest"},
		{"ExecuteTransaction", index("TransactStatements", `[]`), "class *ParameterizedStatement"},
	} {
		class := strings.Replace(c.class, "*", "com.amazonaws.dynamodb.v20120810.", 1)
		wireCase{c.op, c.body, serial, "Unrecognized collection type " + class}.check(t, n)
	}
}

func TestConstraints(t *testing.T) {
	long := strings.Repeat("a", 256)
	runWire(t, []wireCase{
		{"PutItem", `{}`, validate, one + at("tableName", "null", "not be null")},
		{"PutItem", `{"TableName":null}`, validate, one + at("tableName", "null", "not be null")},
		{"PutItem", `[]`, validate, one + at("tableName", "null", "not be null")},
		{"PutItem", `{"TableName":"a;"}`, validate, one + at("tableName", "'a;'", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")},
		{"PutItem", `{"TableName":"","ReturnValues":"hi"}`, validate, one + "Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"Scan", `{"TableName":""}`, validate, one + at("tableName", "''", "have length greater than or equal to 1")},
		{"GetItem", `{"TableName":"a","Key":{"id":{"S":"u"}}}`, notFound, "Requested resource not found"},
		{"UpdateItem", `{"TableName":"abc","Key":{"id":{"S":"u"}},"ReturnValues":"hi","ReturnConsumedCapacity":"hi"}`, validate, one + "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"},
		{"UpdateItem", `{"TableName":"abc","Key":{"id":{"S":"u"}},"ReturnConsumedCapacity":"hi"}`, validate, one + at("returnConsumedCapacity", "'hi'", "satisfy enum value set: [INDEXES, TOTAL, NONE]")},
		{"Query", `{"TableName":"` + long + `"}`, validate, one + at("tableName", "'"+long+"'", "have length less than or equal to 255")},
		{"PutItem", `{"TableName":"abc","ReturnConsumedCapacity":"hi","ReturnItemCollectionMetrics":"hi","ReturnValues":"hi","ReturnValuesOnConditionCheckFailure":"hi"}`, validate,
			"5 validation errors detected: " + strings.Join([]string{
				at("returnConsumedCapacity", "'hi'", "satisfy enum value set: [INDEXES, TOTAL, NONE]"),
				at("item", "null", "not be null"),
				"Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]",
				at("returnItemCollectionMetrics", "'hi'", "satisfy enum value set: [SIZE, NONE]"),
				at("returnValuesOnConditionCheckFailure", "'hi'", "satisfy enum value set: [ALL_OLD, NONE]"),
			}, "; ")},
		{"GetItem", `{"TableName":"abc"}`, validate, one + at("key", "null", "not be null")},
		{"Query", `{"TableName":"abc","Limit":0}`, validate, one + "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"Scan", `{"TableName":"abc","Limit":0}`, validate, one + at("limit", "'0'", "have value greater than or equal to 1")},
		{"Scan", `{"TableName":"abc","Segment":-1,"TotalSegments":1000001}`, validate, "2 validation errors detected: " +
			at("segment", "'-1'", "have value greater than or equal to 0") + "; " + at("totalSegments", "'1000001'", "have value less than or equal to 1000000")},
		{"Query", `{"TableName":"abc","Select":"hi","IndexName":"a"}`, validate, "2 validation errors detected: " +
			at("select", "'hi'", "satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]") + "; " +
			at("indexName", "'a'", "have length greater than or equal to 3")},
		{"ListTables", `{"Limit":101,"ExclusiveStartTableName":"a"}`, validate, "2 validation errors detected: " +
			at("limit", "'101'", "have value less than or equal to 100") + "; " + at("exclusiveStartTableName", "'a'", "have length greater than or equal to 3")},
		{"DescribeTable", `{}`, validate, "The parameter 'TableName' is required but was not present in the request"},
		{"DescribeTable", `{"TableName":"a;"}`, validate, "TableName must be at least 3 characters long and at most 255 characters long"},
		{"DescribeTable", `{"TableName":"abc;"}`, validate, one + at("tableName", "'abc;'", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")},
		{"BatchWriteItem", `{}`, validate, one + at("requestItems", "null", "not be null")},
		{"BatchWriteItem", `{"RequestItems":{}}`, validate, "The requestItems parameter is required for BatchWriteItem"},
		{"BatchWriteItem", `{"RequestItems":{"abc":[]}}`, validate, one + "Value '{abc=[...]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"},
		{"BatchWriteItem", `{"RequestItems":{"a;":[{"PutRequest":{}}]}}`, validate, "2 validation errors detected: Value '{a;=[...]}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]; " +
			at("requestItems.a;.member.1.member.putRequest.item", "null", "not be null")},
		{"BatchGetItem", `{"RequestItems":{}}`, validate, one + "Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	})
}

func TestCreateTableErrors(t *testing.T) {
	const pay = `"BillingMode":"PAY_PER_REQUEST"`
	def := func(names ...string) string {
		var out []string
		for _, n := range names {
			out = append(out, `{"AttributeName":"`+n+`","AttributeType":"S"}`)
		}
		return `"AttributeDefinitions":[` + strings.Join(out, ",") + `]`
	}
	key := func(pairs ...string) string {
		var out []string
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, `{"AttributeName":"`+pairs[i]+`","KeyType":"`+pairs[i+1]+`"}`)
		}
		return `"KeySchema":[` + strings.Join(out, ",") + `]`
	}
	body := func(parts ...string) string { return `{"TableName":"abc",` + strings.Join(parts, ",") + `}` }
	runWire(t, []wireCase{
		{"CreateTable", `{"TableName":"ab",` + def("a") + "," + key("a", "HASH") + "," + pay + "}", validate, one + at("tableName", "'ab'", "have length greater than or equal to 3")},
		{"CreateTable", `{"TableName":"abc;"}`, validate, "3 validation errors detected: " + at("attributeDefinitions", "null", "not be null") + "; " +
			at("tableName", "'abc;'", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+") + "; " + at("keySchema", "null", "not be null")},
		{"CreateTable", body(`"AttributeDefinitions":[],"KeySchema":[],"BillingMode":"A","ProvisionedThroughput":{"ReadCapacityUnits":-1,"WriteCapacityUnits":-1}`), validate, "4 validation errors detected: " +
			at("billingMode", "'A'", "satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]") + "; " +
			at("provisionedThroughput.writeCapacityUnits", "'-1'", "have value greater than or equal to 1") + "; " +
			at("provisionedThroughput.readCapacityUnits", "'-1'", "have value greater than or equal to 1") + "; " +
			at("keySchema", "'[]'", "have length greater than or equal to 1")},
		{"CreateTable", body(def("a"), `"KeySchema":[{"KeyType":"HASH"},{"AttributeName":"a"},{"AttributeName":"a","KeyType":"Woop"}]`), validate, "4 validation errors detected: " +
			at("keySchema", "'[KeySchemaElement(attributeName=null, keyType=HASH), KeySchemaElement(attributeName=a, keyType=null), KeySchemaElement(attributeName=a, keyType=Woop)]'", "have length less than or equal to 2") + "; " +
			at("keySchema.1.member.attributeName", "null", "not be null") + "; " + at("keySchema.2.member.keyType", "null", "not be null") + "; " +
			at("keySchema.3.member.keyType", "'Woop'", "satisfy enum value set: [HASH, RANGE]")},
		{"CreateTable", body(def("a"), key("a", "HASH")), validate, ones + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"},
		{"CreateTable", body(def("a"), key("a", "HASH"), pay, `"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}`), validate, ones + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"},
		{"CreateTable", body(def("a"), key("a", "HASH"), `"ProvisionedThroughput":{"ReadCapacityUnits":1000000000001,"WriteCapacityUnits":1}`), validate, "Given value 1000000000001 for ReadCapacityUnits is out of bounds"},
		{"CreateTable", body(def("a"), key("a", "HASH", "b", "RANGE"), pay), validate, "Invalid KeySchema: Some index key attribute have no definition"},
		{"CreateTable", body(def("b", "c"), key("a", "HASH"), pay), validate, ones + "Some index key attributes are not defined in AttributeDefinitions. Keys: [a], AttributeDefinitions: [b, c]"},
		{"CreateTable", body(def("a", "b"), key("a", "HASH", "a", "RANGE"), pay), validate, "Both the Hash Key and the Range Key element in the KeySchema have the same name"},
		{"CreateTable", body(def("a"), key("a", "RANGE"), pay), validate, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"},
		{"CreateTable", body(def("a", "b"), key("a", "HASH", "b", "HASH"), pay), validate, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"},
		{"CreateTable", body(def("a", "b"), key("a", "HASH"), pay), validate, ones + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"},
		{"CreateTable", body(def("a"), key("a", "HASH"), pay, `"StreamSpecification":{}`), validate, one + at("streamSpecification.streamEnabled", "null", "not be null")},
		{"CreateTable", body(def("a"), key("a", "HASH"), pay, `"StreamSpecification":{"StreamEnabled":true}`), validate, ones + "Table is being created with a stream enabled, UpdateViewType is required"},
		{"CreateTable", body(def("a"), key("a", "HASH"), pay, `"ReplicaUpdates":[{}]`), validate, ones + "ReplicaUpdates is not offered here; see docs/compat.md"},
		{"CreateTable", createUsers, inUse, "Table already exists: users"},
	})
}

func TestTableErrors(t *testing.T) {
	missing := "Requested resource not found: Table: none not found"
	runWire(t, []wireCase{
		{"DescribeTable", `{"TableName":"none"}`, notFound, missing},
		{"DeleteTable", `{"TableName":"none"}`, notFound, missing},
		{"UpdateTable", `{"TableName":"none","DeletionProtectionEnabled":true}`, notFound, missing},
		{"DescribeTimeToLive", `{"TableName":"none"}`, notFound, missing},
		{"PutItem", `{"TableName":"none","Item":{}}`, notFound, "Requested resource not found"},
		{"GetItem", `{"TableName":"none","Key":{}}`, notFound, "Requested resource not found"},
		{"Scan", `{"TableName":"none"}`, notFound, "Requested resource not found"},
		{"Query", `{"TableName":"none","IndexName":"abc","KeyConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"S":"x"}}}`, notFound, "Requested resource not found"},
		{"BatchWriteItem", `{"RequestItems":{"none":[{"PutRequest":{"Item":{"a":{"S":"a"}}}},{"DeleteRequest":{"Key":{"a":{"S":"a"}}}}]}}`, notFound, "Requested resource not found"},
		{"BatchGetItem", `{"RequestItems":{"none":{"Keys":[{"a":{"S":"a"}}]}}}`, notFound, "Requested resource not found"},
		{"UpdateTable", `{"TableName":"users","ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}`, validate, ones + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"},
		{"UpdateTable", `{"TableName":"users","BillingMode":"PROVISIONED"}`, validate, ones + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"},
		{"UpdateTable", `{"TableName":"lines","ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":6}}`, validate,
			"The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: 5. Requested ReadCapacityUnits: 5. " +
				"Current WriteCapacityUnits provisioned for the table: 6. Requested WriteCapacityUnits: 6. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."},
		{"UpdateTable", `{"TableName":"users","ReplicaUpdates":[{}]}`, validate, ones + "ReplicaUpdates is not offered here; see docs/compat.md"},
		{"DescribeContinuousBackups", `{"TableName":"none"}`, "com.amazonaws.dynamodb.v20120810#TableNotFoundException", "Table not found: none"},
		{"CreateGlobalTable", `{}`, "com.amazon.coral.service#UnknownOperationException", "CreateGlobalTable is not offered here. Global tables are not offered."},
	})
}

func TestParameters(t *testing.T) {
	users := func(rest string) string { return `{"TableName":"users",` + rest + `}` }
	const item, key = `"Item":{"id":{"S":"u"}}`, `"Key":{"id":{"S":"u"}}`
	const both = "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
	runWire(t, []wireCase{
		{"PutItem", users(`"Item":{"a":{}},"Expected":{"a":{}},"ExpressionAttributeNames":{},"ConditionExpression":""`), validate, one + both + "{Expected} Expression parameters: {ConditionExpression}"},
		{"UpdateItem", users(key + `,"AttributeUpdates":{},"Expected":{},"ConditionalOperator":"OR","UpdateExpression":"SET a = :a"`), validate,
			one + both + "{AttributeUpdates, Expected, ConditionalOperator} Expression parameters: {UpdateExpression}"},
		{"DeleteItem", users(key + `,"Expected":{},"ConditionExpression":"a = b"`), validate, one + both + "{Expected} Expression parameters: {ConditionExpression}"},
		{"GetItem", users(key + `,"AttributesToGet":["a"],"ProjectionExpression":"a"`), validate, both + "{AttributesToGet} Expression parameters: {ProjectionExpression}"},
		{"Query", users(`"AttributesToGet":["a"],"QueryFilter":{},"ConditionalOperator":"OR","KeyConditions":{},"ProjectionExpression":"","FilterExpression":"","KeyConditionExpression":""`), validate,
			both + "{AttributesToGet, QueryFilter, ConditionalOperator, KeyConditions} Expression parameters: {ProjectionExpression, FilterExpression, KeyConditionExpression}"},
		{"Query", users(`"QueryFilter":{},"KeyConditions":{},"FilterExpression":"a = b"`), validate, both + "{QueryFilter} Expression parameters: {FilterExpression}"},
		{"Scan", users(`"ScanFilter":{},"FilterExpression":"a = b"`), validate, both + "{ScanFilter} Expression parameters: {FilterExpression}"},
		{"PutItem", users(item + `,"ExpressionAttributeNames":{"#a":"a"}`), validate, one + "ExpressionAttributeNames can only be specified when using expressions"},
		{"PutItem", users(item + `,"ExpressionAttributeValues":{":a":{"S":"a"}}`), validate, one + "ExpressionAttributeValues can only be specified when using expressions"},
		{"UpdateItem", users(key + `,"ExpressionAttributeValues":{":a":{"S":"a"}}`), validate, one + "ExpressionAttributeValues can only be specified when using expressions"},
		{"Query", users(`"ProjectionExpression":"a","ExpressionAttributeValues":{":a":{"S":"a"}}`), validate, "ExpressionAttributeValues can only be specified when using expressions: FilterExpression and KeyConditionExpression are null"},
		{"PutItem", users(item + `,"ConditionExpression":"#a = :a","ExpressionAttributeNames":{},"ExpressionAttributeValues":{}`), validate, "ExpressionAttributeNames must not be empty"},
		{"PutItem", users(item + `,"ConditionExpression":"#a = :a","ExpressionAttributeNames":{"a":"a"}`), validate, `ExpressionAttributeNames contains invalid key: Syntax error; key: "a"`},
		{"PutItem", users(item + `,"ConditionExpression":"#a = :a","ExpressionAttributeNames":{"#a":"a"},"ExpressionAttributeValues":{}`), validate, "ExpressionAttributeValues must not be empty"},
		{"PutItem", users(item + `,"ConditionExpression":"#a = :a","ExpressionAttributeNames":{"#a":"a"},"ExpressionAttributeValues":{":":{"S":"a"}}`), validate, `ExpressionAttributeValues contains invalid key: Syntax error; key: ":"`},
		{"PutItem", users(item + `,"ReturnValues":"ALL_NEW"`), validate, one + "ReturnValues can only be ALL_OLD or NONE"},
		{"DeleteItem", users(key + `,"ReturnValues":"UPDATED_NEW"`), validate, one + "ReturnValues can only be ALL_OLD or NONE"},
		{"Query", users(`"Limit":1`), validate, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."},
		{"Query", users(`"KeyConditionExpression":"id = :a","Select":"SPECIFIC_ATTRIBUTES","ExpressionAttributeValues":{":a":{"S":"x"}}`), validate, one + "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"},
		{"Scan", users(`"Select":"SPECIFIC_ATTRIBUTES"`), validate, "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"},
		{"Scan", users(`"Select":"COUNT","ProjectionExpression":"a"`), validate, "Cannot specify the ProjectionExpression when choosing to get only the Count"},
		{"Scan", users(`"Select":"ALL_PROJECTED_ATTRIBUTES"`), validate, "ALL_PROJECTED_ATTRIBUTES can be used only when Scanning using an IndexName"},
		{"Scan", users(`"IndexName":"by-mail"`), validate, "The table does not have the specified index: by-mail"},
		{"Scan", users(`"Segment":0`), validate, "The TotalSegments parameter is required but was not present in the request when Segment parameter is present"},
		{"Scan", users(`"TotalSegments":2`), validate, "The Segment parameter is required but was not present in the request when parameter TotalSegments is present"},
		{"Scan", users(`"Segment":2,"TotalSegments":2`), validate, "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 2 is not less than TotalSegments: 2"},
		{"BatchWriteItem", `{"RequestItems":{"users":[{}]}}`, validate, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"},
		{"BatchWriteItem", `{"RequestItems":{"users":[{"PutRequest":{"Item":{"id":{"S":"a"}}}},{"DeleteRequest":{"Key":{"id":{"S":"a"}}}}]}}`, validate, "Provided list of item keys contains duplicates"},
		{"BatchGetItem", `{"RequestItems":{"users":{"Keys":[{"id":{"S":"a"}},{"id":{"S":"a"}}]}}}`, validate, "Provided list of item keys contains duplicates"},
	})
}

// Values are told of after parameters, and each operation words them its way.
func TestValues(t *testing.T) {
	var cases []wireCase
	for _, v := range []struct {
		value, message string
		enveloped      bool
	}{
		{`{}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes", false},
		{`{"a":""}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes", false},
		{`{"M":{"a":{"L":[{}]}}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes", false},
		{`{"S":"a","N":"1"}`, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes", false},
		{`{"N":""}`, "The parameter cannot be converted to a numeric value", false},
		{`{"N":"b"}`, "The parameter cannot be converted to a numeric value: b", false},
		{`{"N":"1e126"}`, "Number overflow. Attempting to store a number with magnitude larger than supported range", false},
		{`{"NS":["1","1.0"]}`, "Input collection contains duplicates", true},
		{`{"NULL":false}`, ones + "Null attribute value types must have the value of true", true},
		{`{"SS":[]}`, ones + "An string set  may not be empty", true},
		{`{"BS":["Yg==","Yg=="]}`, ones + "Input collection [Yg==, Yg==]of type BS contains duplicates.", true},
		{`{"SS":["a","a"]}`, ones + "Input collection [a, a] contains duplicates.", true},
	} {
		before := ""
		quoted := v.message
		if v.enveloped {
			before = one
			quoted = strings.Replace(v.message, "[a, a]", `["a", "a"]`, 1)
		}
		starting := "The provided starting key is invalid: "
		if strings.Contains(v.message, "umber") || strings.Contains(v.message, "numeric") || strings.Contains(v.message, "duplicates") {
			starting = ""
		}
		cases = append(cases,
			wireCase{"PutItem", `{"TableName":"none","Item":{"a":` + v.value + `,"b":{"L":[{"S":"x"}]}},"ConditionExpression":"attribute_exists("}`, validate, before + quoted},
			wireCase{"UpdateItem", `{"TableName":"none","Key":{"a":` + v.value + `}}`, validate, before + quoted},
			wireCase{"GetItem", `{"TableName":"none","Key":{"a":` + v.value + `}}`, validate, v.message},
			wireCase{"DeleteItem", `{"TableName":"none","Key":{"a":` + v.value + `}}`, validate, before + quoted},
			wireCase{"Scan", `{"TableName":"none","ExclusiveStartKey":{"a":` + v.value + `}}`, validate, starting + v.message},
			wireCase{"BatchWriteItem", `{"RequestItems":{"none":[{"PutRequest":{"Item":{"a":` + v.value + `}}}]}}`, validate, v.message},
			wireCase{"BatchGetItem", `{"RequestItems":{"none":{"Keys":[{"a":` + v.value + `}]}}}`, validate, v.message},
		)
	}
	const update = `{"TableName":"none","Key":{"id":{"S":"u"}},"UpdateExpression":"SET a = :t","ExpressionAttributeValues":{":s":{"S":"x"},":t":%s,":u":{"L":[]}}}`
	cases = append(cases,
		wireCase{"UpdateItem", fmt.Sprintf(update, `{"SS":["a","b","a"]}`), validate, one + "ExpressionAttributeValues contains invalid value: " + ones + "Input collection [\"a\", \"b\", \"a\"] contains duplicates. for key :t"},
		wireCase{"UpdateItem", fmt.Sprintf(update, `{"NULL":false}`), validate, one + ones + "Null attribute value types must have the value of true"},
		wireCase{"Scan", `{"TableName":"none","FilterExpression":"a = :t","ExpressionAttributeValues":{":t":{"N":"x"}}}`, validate, "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :t"},
	)
	// What a value holds changes no words about it.
	for _, text := range []string{"attribute name", "Null attribute value types must have the value of true", "may not be empty", "should not be empty", "Supplied AttributeValue is"} {
		number := "The parameter cannot be converted to a numeric value: " + text
		cases = append(cases,
			wireCase{"Scan", fmt.Sprintf(`{"TableName":"none","FilterExpression":"a = :t","ExpressionAttributeValues":{":t":{"N":%q}}}`, text), validate, "ExpressionAttributeValues contains invalid value: " + number + " for key :t"},
			wireCase{"Scan", fmt.Sprintf(`{"TableName":"none","ExclusiveStartKey":{"a":{"N":%q}}}`, text), validate, number},
			wireCase{"Scan", fmt.Sprintf(`{"TableName":"none","ExclusiveStartKey":{"a":{"SS":[%[1]q,%[1]q]}}}`, text), validate, ones + "Input collection [" + text + ", " + text + "] contains duplicates."},
		)
	}
	runWire(t, cases)
}

func TestExpressionsAndKeys(t *testing.T) {
	users := func(rest string) string { return `{"TableName":"users",` + rest + `}` }
	const item, key = `"Item":{"id":{"S":"u"}}`, `"Key":{"id":{"S":"u"}}`
	big := strings.Repeat("x", 400<<10)
	longExpr := strings.Repeat("a", 4200)
	runWire(t, []wireCase{
		{"PutItem", users(item + `,"ConditionExpression":""`), validate, one + "Invalid ConditionExpression: The expression can not be empty;"},
		{"PutItem", users(item + `,"ConditionExpression":"a = "`), validate, one + `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="`},
		{"DeleteItem", users(key + `,"ConditionExpression":"a = "`), validate, one + `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="`},
		{"PutItem", users(item + `,"ConditionExpression":"` + longExpr + `"`), validate, one + "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4200"},
		{"GetItem", users(key + `,"ProjectionExpression":"` + longExpr + `"`), validate, "Invalid ProjectionExpression: Expression size has exceeded the maximum allowed size; expression size: 4200"},
		{"PutItem", users(item + `,"ConditionExpression":"attribute_exists(a)","ExpressionAttributeNames":{"#b":"b"}`), validate, one + "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET a = :a","ExpressionAttributeValues":{":a":{"S":"x"},":b":{"S":"x"}}`), validate, one + "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET a = :a"`), validate, one + "Invalid UpdateExpression: An expression attribute value used in expression is not defined; attribute value: :a"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET id = :a","ExpressionAttributeValues":{":a":{"S":"x"}}`), validate, ones + "Cannot update attribute id. This attribute is part of the key"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET a.b = :a","ExpressionAttributeValues":{":a":{"S":"x"}}`), validate, "The document path provided in the update expression is invalid for update"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET a = b"`), validate, "The provided expression refers to an attribute that does not exist in the item"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET m = :a + :a","ExpressionAttributeValues":{":a":{"N":"9e125"}}`), validate, "Number overflow. Attempting to store a number with magnitude larger than supported range"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET m = :a - :b","ExpressionAttributeValues":{":a":{"N":"1e50"},":b":{"N":"1"}}`), validate, "Number overflow. Attempting to store a number with magnitude larger than supported range"},
		{"PutItem", users(`"Item":{"id":{"S":"u"},"big":{"S":"` + big + `"}}`), validate, "Item size has exceeded the maximum allowed size"},
		{"PutItem", `{"TableName":"none","Item":{"id":{"S":"u"},"big":{"S":"` + big + `"}}}`, validate, "Item size has exceeded the maximum allowed size"},
		{"PutItem", users(`"Item":{"a":{"S":"u"}}`), validate, ones + "Missing the key id in the item"},
		{"PutItem", users(`"Item":{"id":{"N":"1"}}`), validate, ones + "Type mismatch for key id expected: S actual: N"},
		{"PutItem", users(`"Item":{"id":{"S":""}}`), validate, "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id"},
		{"GetItem", users(`"Key":{"id":{"S":"u"},"b":{"S":"u"}}`), validate, "The provided key element does not match the schema"},
		{"PutItem", users(item + `,"ConditionExpression":"attribute_not_exists(id)"`), failed, "The conditional request failed"},
		{"Scan", users(`"FilterExpression":"a = b","ExpressionAttributeNames":{"#b":"b"}`), validate, "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}"},
		{"Scan", users(`"FilterExpression":"a = "`), validate, `Invalid FilterExpression: Syntax error; token: "<EOF>", near: "="`},
		{"Scan", users(`"FilterExpression":"a BETWEEN :b AND :a","ExpressionAttributeValues":{":a":{"B":"YQ=="},":b":{"B":"Yg=="}}`), validate, "Invalid FilterExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {B:Yg==}, upper bound operand: AttributeValue: {B:YQ==}"},
		{"Query", users(`"KeyConditionExpression":"id = :a OR id = :a","ExpressionAttributeValues":{":a":{"S":"x"}}`), validate, "Invalid operator used in KeyConditionExpression: OR"},
		{"Query", users(`"KeyConditionExpression":"id.a = :a","ExpressionAttributeValues":{":a":{"S":"x"}}`), validate, "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"},
		{"Query", users(`"KeyConditionExpression":"id = a"`), validate, "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"},
		{"Query", users(`"KeyConditionExpression":"id = é"`), validate, `Invalid KeyConditionExpression: Syntax error; token: "é", near: "= é"`},
		{"Query", users(`"KeyConditionExpression":"id = "`), validate, `Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "="`},
		{"BatchWriteItem", `{"RequestItems":{"users":[{"PutRequest":{"Item":{"id":{"N":"1"}}}}]}}`, validate, "The provided key element does not match the schema"},
		{"UpdateItem", users(key + `,"UpdateExpression":"SET a = :a","ExpressionAttributeValues":{":a":` + strings.Repeat(`{"L":[`, 32) + `{"S":"x"}` + strings.Repeat(`]}`, 32) + `}`), validate, one + "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"},
	})
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	n.Must(t, "PutItem", users(`"Item":{"id":{"S":"u"},"n":{"N":"1.50"}}`))
	status, answer := n.Call(t, "PutItem", users(item+`,"ConditionExpression":"attribute_not_exists(id)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"`))
	if want := `{"Item":{"id":{"S":"u"},"n":{"N":"1.5"}},"__type":"` + failed + `","message":"The conditional request failed"}`; status != 400 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
}

// What cannot be a key of an index is told before a condition fails.
func TestIndexKeysBeforeConditions(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", `{"TableName":"mail","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST",`+
		`"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"to","AttributeType":"S"}],`+
		`"GlobalSecondaryIndexes":[{"IndexName":"by-to","KeySchema":[{"AttributeName":"to","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}]}`)
	wireCase{"PutItem", `{"TableName":"mail","Item":{"id":{"S":"a"},"to":{"N":"1"}},"ConditionExpression":"attribute_exists(id)"}`, validate,
		ones + "Type mismatch for Index Key to Expected: S Actual: N IndexName: by-to"}.check(t, n)
}
