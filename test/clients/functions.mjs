// Drives streams and functions with the AWS SDK for JavaScript v3 and fails at
// the first answer that is not that of DynamoDB Streams or Lambda. The endpoint
// comes from AWS_ENDPOINT_URL, the folder of a function's code from CODE.
import assert from "node:assert/strict";
import { CreateTableCommand, DeleteItemCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand, ListStreamsCommand } from "@aws-sdk/client-dynamodb-streams";
import {
  AddPermissionCommand, CreateEventSourceMappingCommand, CreateFunctionCommand, DeleteEventSourceMappingCommand, DeleteFunctionCommand, DeleteFunctionEventInvokeConfigCommand,
  GetEventSourceMappingCommand, GetFunctionCommand, GetFunctionConfigurationCommand, GetFunctionEventInvokeConfigCommand, GetPolicyCommand, InvokeCommand, LambdaClient,
  ListEventSourceMappingsCommand, ListTagsCommand, PutFunctionConcurrencyCommand, PutFunctionEventInvokeConfigCommand, RemovePermissionCommand, TagResourceCommand,
  UntagResourceCommand, UpdateEventSourceMappingCommand, UpdateFunctionCodeCommand, UpdateFunctionConfigurationCommand, paginateListFunctions, waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";

const tables = new DynamoDBClient({ maxAttempts: 1 }), streams = new DynamoDBStreamsClient({ maxAttempts: 1 }), lambda = new LambdaClient({ maxAttempts: 1 });
const TableName = "js-users", FunctionName = "js-hear";

// A stream: its records, in order, with both images.
const { TableDescription } = await tables.send(new CreateTableCommand({
  TableName, BillingMode: "PAY_PER_REQUEST", KeySchema: [{ AttributeName: "id", KeyType: "HASH" }], AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
}));
const StreamArn = TableDescription.LatestStreamArn;
const user = (name) => ({ id: { S: "u1" }, name: { S: name } });
await tables.send(new PutItemCommand({ TableName, Item: user("ada") }));
await tables.send(new PutItemCommand({ TableName, Item: user("grace") }));
await tables.send(new DeleteItemCommand({ TableName, Key: { id: { S: "u1" } } }));
const listed = await streams.send(new ListStreamsCommand({ TableName }));
assert.deepEqual(listed.Streams.map((s) => s.StreamArn), [StreamArn]);
const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
assert.equal(StreamDescription.StreamStatus, "ENABLED");
const records = [];
for (const { ShardId } of StreamDescription.Shards) {
  const { ShardIterator } = await streams.send(new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" }));
  const page = await streams.send(new GetRecordsCommand({ ShardIterator }));
  assert.ok(page.NextShardIterator);
  records.push(...page.Records);
}
assert.deepEqual(records.map((r) => r.eventName), ["INSERT", "MODIFY", "REMOVE"]);
assert.deepEqual([records[1].dynamodb.OldImage, records[1].dynamodb.NewImage], [user("ada"), user("grace")]);
assert.ok(records[0].dynamodb.ApproximateCreationDateTime instanceof Date);
await assert.rejects(streams.send(new GetRecordsCommand({ ShardIterator: "nonsense" })), { name: "ValidationException" });
await assert.rejects(streams.send(new DescribeStreamCommand({ StreamArn: StreamArn + "9" })), { name: "ResourceNotFoundException" });

// A function.
const Code = { S3Bucket: "hot-reload", S3Key: process.env.CODE };
const made = await lambda.send(new CreateFunctionCommand({ FunctionName, Runtime: "nodejs22.x", Handler: "index.handler", Role: "arn:aws:iam::000000000000:role/any", Code, Timeout: 20 }));
await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 10, minDelay: 1 }, { FunctionName });
const text = (payload) => JSON.parse(Buffer.from(payload).toString());
const answered = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ say: "hello" }), LogType: "Tail" }));
assert.deepEqual([answered.StatusCode, answered.FunctionError, text(answered.Payload)], [200, undefined, "hello"]);
assert.match(Buffer.from(answered.LogResult, "base64").toString(), /said hello/);
const failed = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ fail: "no" }) }));
assert.deepEqual([failed.FunctionError, text(failed.Payload).errorMessage], ["Unhandled", "no"]);
assert.equal((await lambda.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload: "{}" }))).StatusCode, 202);
assert.equal((await lambda.send(new InvokeCommand({ FunctionName, InvocationType: "DryRun" }))).StatusCode, 204);
await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ...Code }));
await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: { TEAM: "red" } }, Description: "hears" }));
const configuration = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
assert.deepEqual([configuration.Description, configuration.Environment.Variables.TEAM], ["hears", "red"]);
assert.equal((await lambda.send(new GetFunctionCommand({ FunctionName }))).Configuration.State, "Active");
const names = [];
for await (const page of paginateListFunctions({ client: lambda }, {})) names.push(...page.Functions.map((f) => f.FunctionName));
assert.ok(names.includes(FunctionName));
await lambda.send(new AddPermissionCommand({ FunctionName, StatementId: "s", Action: "lambda:InvokeFunction", Principal: "events.amazonaws.com" }));
assert.equal(JSON.parse((await lambda.send(new GetPolicyCommand({ FunctionName }))).Policy).Statement.length, 1);
await lambda.send(new RemovePermissionCommand({ FunctionName, StatementId: "s" }));
await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 5 }));
await lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 1 }));
assert.equal((await lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }))).MaximumRetryAttempts, 1);
await lambda.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName }));
await assert.rejects(lambda.send(new GetFunctionCommand({ FunctionName: "nobody" })), { name: "ResourceNotFoundException" });

// Fed from the stream.
const mapping = await lambda.send(new CreateEventSourceMappingCommand({
  FunctionName, EventSourceArn: StreamArn, StartingPosition: "TRIM_HORIZON", BatchSize: 10, FunctionResponseTypes: ["ReportBatchItemFailures"],
  FilterCriteria: { Filters: [{ Pattern: JSON.stringify({ eventName: ["INSERT", "REMOVE"] }) }] },
}));
assert.equal(mapping.State, "Creating");
const { UUID } = mapping;
const get = () => lambda.send(new GetEventSourceMappingCommand({ UUID }));
const until = async (ok) => { for (let m; !ok((m = await get())); ) await new Promise((done) => setTimeout(done, 20)); };
await until((m) => m.State === "Enabled" && m.LastProcessingResult === "OK");
for (const Resource of [made.FunctionArn, mapping.EventSourceMappingArn]) {
  await lambda.send(new TagResourceCommand({ Resource, Tags: { a: "1", b: "2" } }));
  await lambda.send(new UntagResourceCommand({ Resource, TagKeys: ["a"] }));
  assert.deepEqual((await lambda.send(new ListTagsCommand({ Resource }))).Tags, { b: "2" });
}
assert.equal((await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }))).EventSourceMappings.length, 1);
await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
await until((m) => m.State === "Disabled");
await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
await assert.rejects(until(() => false), { name: "ResourceNotFoundException" });
await lambda.send(new DeleteFunctionCommand({ FunctionName }));
