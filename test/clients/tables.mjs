// Drives tables with the AWS SDK for JavaScript v3 and fails at the first
// answer that is not DynamoDB's. The endpoint comes from AWS_ENDPOINT_URL.
import assert from "node:assert/strict";
import {
  BatchWriteItemCommand, CreateTableCommand, DeleteTableCommand, DescribeTableCommand, DynamoDBClient, ExecuteStatementCommand, GetItemCommand, PutItemCommand,
  QueryCommand, TransactGetItemsCommand, TransactWriteItemsCommand, UpdateItemCommand, UpdateTableCommand, UpdateTimeToLiveCommand, paginateScan, waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";

const client = new DynamoDBClient({ maxAttempts: 1 });
const TableName = "js-orders";

await client.send(new CreateTableCommand({
  TableName,
  BillingMode: "PAY_PER_REQUEST",
  KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }, { AttributeName: "sk", KeyType: "RANGE" }],
  AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }, { AttributeName: "sk", AttributeType: "N" }, { AttributeName: "who", AttributeType: "S" }],
  LocalSecondaryIndexes: [
    { IndexName: "local-who", KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }, { AttributeName: "who", KeyType: "RANGE" }], Projection: { ProjectionType: "KEYS_ONLY" } },
  ],
}));
await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1 }, { TableName });

const row = (sk, more) => marshall({ pk: "p", sk, who: `w${sk % 3}`, tags: new Set(["a", "b"]), nested: { list: [1, "x", null, true] }, raw: new Uint8Array([0, 255]), ...more });
for (let i = 0; i < 20; i += 10) {
  const PutRequests = Array.from({ length: 10 }, (_, j) => ({ PutRequest: { Item: row(i + j) } }));
  const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: PutRequests } }));
  assert.deepEqual(UnprocessedItems, {});
}

await client.send(new UpdateTableCommand({
  TableName,
  AttributeDefinitions: [{ AttributeName: "who", AttributeType: "S" }, { AttributeName: "sk", AttributeType: "N" }],
  GlobalSecondaryIndexUpdates: [{
    Create: { IndexName: "by-who", KeySchema: [{ AttributeName: "who", KeyType: "HASH" }, { AttributeName: "sk", KeyType: "RANGE" }], Projection: { ProjectionType: "ALL" } },
  }],
}));
for (;;) {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  if (Table.GlobalSecondaryIndexes[0].IndexStatus === "ACTIVE") break;
}
const found = await client.send(new QueryCommand({
  TableName, IndexName: "by-who", KeyConditionExpression: "who = :w AND sk BETWEEN :a AND :b", FilterExpression: "contains(tags, :t) AND nested.#l[1] = :x",
  ExpressionAttributeNames: { "#l": "list" }, ExpressionAttributeValues: marshall({ ":w": "w1", ":a": 4, ":b": 13, ":t": "a", ":x": "x" }), ScanIndexForward: false,
}));
assert.deepEqual(found.Items.map((item) => unmarshall(item).sk), [13, 10, 7, 4]);
assert.deepEqual(unmarshall(found.Items[0]), unmarshall(row(13)));

const whole = await client.send(new QueryCommand({
  TableName, IndexName: "local-who", KeyConditionExpression: "pk = :p", ExpressionAttributeValues: marshall({ ":p": "p" }), Select: "ALL_ATTRIBUTES", ReturnConsumedCapacity: "INDEXES",
}));
assert.equal(whole.Count, 20);
assert.deepEqual(unmarshall(whole.Items[0]).nested.list, [1, "x", null, true]);

let scanned = 0;
for await (const page of paginateScan({ client, pageSize: 3 }, { TableName })) scanned += page.Count;
assert.equal(scanned, 20);

const transfer = {
  ClientRequestToken: "js-once",
  TransactItems: [
    { Update: { TableName, Key: marshall({ pk: "p", sk: 1 }), UpdateExpression: "ADD balance :n", ExpressionAttributeValues: marshall({ ":n": 5 }) } },
    { Put: { TableName, Item: row(100), ConditionExpression: "attribute_not_exists(pk)" } },
  ],
};
await client.send(new TransactWriteItemsCommand(transfer));
await client.send(new TransactWriteItemsCommand(transfer)); // the same token: once
const both = await client.send(new TransactGetItemsCommand({ TransactItems: [{ Get: { TableName, Key: marshall({ pk: "p", sk: 1 }) } }, { Get: { TableName, Key: marshall({ pk: "p", sk: 100 }) } }] }));
assert.equal(unmarshall(both.Responses[0].Item).balance, 5);
assert.equal(unmarshall(both.Responses[1].Item).sk, 100);
await assert.rejects(client.send(new TransactWriteItemsCommand({ TransactItems: transfer.TransactItems })), (err) => {
  assert.equal(err.name, "TransactionCanceledException");
  assert.deepEqual(err.CancellationReasons.map((reason) => reason.Code), ["None", "ConditionalCheckFailed"]);
  return true;
});

const counted = await client.send(new UpdateItemCommand({
  TableName, Key: marshall({ pk: "p", sk: 1 }), UpdateExpression: "SET nested.#l[0] = if_not_exists(nope, :z), balance = balance + :n REMOVE who",
  ExpressionAttributeNames: { "#l": "list" }, ExpressionAttributeValues: marshall({ ":z": 0, ":n": 1 }), ReturnValues: "UPDATED_NEW",
}));
assert.deepEqual(unmarshall(counted.Attributes), { balance: 6, nested: { list: [0] } });
await assert.rejects(client.send(new PutItemCommand({ TableName, Item: marshall({ pk: "p" }) })), {
  name: "ValidationException", message: "One or more parameter values were invalid: Missing the key sk in the item",
});
const stated = await client.send(new ExecuteStatementCommand({ Statement: `SELECT sk FROM "${TableName}" WHERE pk = ? AND sk < ?`, Parameters: [{ S: "p" }, { N: "2" }] }));
assert.deepEqual(stated.Items.map((item) => unmarshall(item).sk), [0, 1]);
await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: "ends", Enabled: true } }));
assert.equal((await client.send(new GetItemCommand({ TableName, Key: marshall({ pk: "q", sk: 1 }) }))).Item, undefined);
await client.send(new DeleteTableCommand({ TableName }));
console.log("ok");
