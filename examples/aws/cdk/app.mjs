// Changes of a table become events on a bus: what ../template.yaml deploys.
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { AttributeType, BillingMode, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Code, Function, Runtime, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { DynamoEventSource, SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";

const stack = new Stack(new App(), "Tablecast", { description: "Changes of a table become events on a bus" });

// A function of ours, whose role may write its own log and what it is granted.
function go(name, code, memorySize, timeout, environment, more) {
  const logGroup = new LogGroup(stack, `${name}Log`, { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
  const role = new Role(stack, `${name}Role`, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  logGroup.grantWrite(role);
  return new Function(stack, name, {
    runtime: Runtime.PROVIDED_AL2023, architecture: Architecture.ARM_64, handler: "bootstrap",
    code: Code.fromAsset(code), memorySize, timeout, environment, logGroup, role, ...more,
  });
}

const deadLetters = (name) => new Queue(stack, name, {
  retentionPeriod: Duration.days(14), encryption: QueueEncryption.SQS_MANAGED, removalPolicy: RemovalPolicy.RETAIN,
});

const users = new Table(stack, "Users", {
  partitionKey: { name: "id", type: AttributeType.STRING }, billingMode: BillingMode.PAY_PER_REQUEST,
  stream: StreamViewType.NEW_AND_OLD_IMAGES, pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
});
const news = new EventBus(stack, "News", { eventBusName: "news" }); // the bus in tablecast.yaml

// The mapping: from the table's stream to the bus.
const unmapped = deadLetters("Unmapped");
const mapper = go("Mapper", "../build/tablecast.zip", 512, Duration.seconds(60), { TABLECAST_TABLES: `${users.tableName}=users` });
news.grantPutEventsTo(mapper);
mapper.addEventSource(new DynamoEventSource(users, {
  startingPosition: StartingPosition.TRIM_HORIZON, batchSize: 100,
  reportBatchItemFailures: true, bisectBatchOnError: true,
  // A change that fails this often, or for this long, goes to Unmapped; the shard
  // waits until then, and the stream forgets after 24 hours.
  retryAttempts: 20, maxRecordAge: Duration.hours(12), onFailure: new SqsDlq(unmapped),
  filters: [{ pattern: JSON.stringify({ eventName: ["INSERT", "MODIFY"] }) }], // what raises nothing need not be read
}));

// A consumer: from a rule of the bus to a function that acts once.
const inbox = new Table(stack, "Inbox", {
  partitionKey: { name: "id", type: AttributeType.STRING }, billingMode: BillingMode.PAY_PER_REQUEST,
  timeToLiveAttribute: "expires", removalPolicy: RemovalPolicy.DESTROY,
});
const undelivered = deadLetters("Undelivered");
const consumer = go("Consumer", "../build/consumer", 256, Duration.seconds(30), { INBOX: inbox.tableName },
  // EventBridge hands over to Lambda's queue, which has its own retries.
  { retryAttempts: 2, onFailure: new SqsDestination(undelivered) });
inbox.grant(consumer, "dynamodb:UpdateItem", "dynamodb:DeleteItem");
new Rule(stack, "UserCreated", {
  eventBus: news, eventPattern: { source: ["myapp.users"], detailType: ["UserCreated"] },
  targets: [new LambdaFunction(consumer, { retryAttempts: 185, maxEventAge: Duration.hours(24), deadLetterQueue: undelivered })],
});

// Who is told of trouble: subscribe to Alarms.
const alarms = new Topic(stack, "Alarms");
function alarm(name, alarmDescription, metric, threshold) {
  new Alarm(stack, name, {
    alarmDescription, metric, threshold, evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD, treatMissingData: TreatMissingData.NOT_BREACHING,
  }).addAlarmAction(new SnsAction(alarms));
}
const letters = (queue) => queue.metricApproximateNumberOfMessagesVisible({ statistic: "Maximum", period: Duration.minutes(1) });
alarm("MapperBehind", "The mapper is 15 minutes behind the table", mapper.metric("IteratorAge", { statistic: "Maximum", period: Duration.minutes(5) }), 900000);
alarm("ChangesUnmapped", "Changes could not be mapped; the stream has them for 24 hours", letters(unmapped), 0);
alarm("EventsUndelivered", "Events did not reach the consumer", letters(undelivered), 0);

new CfnOutput(stack, "UsersTable", { value: users.tableName });
