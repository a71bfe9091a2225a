// Calls operations of EventBridge with the AWS SDK for JavaScript v3: reads a line
// {"op": …, "in": …} for each, and answers a line {"out": …} or {"error": …}. The
// endpoint comes from AWS_ENDPOINT_URL.
import { createInterface } from "node:readline";
import * as sdk from "@aws-sdk/client-eventbridge";

const client = new sdk.EventBridgeClient({ maxAttempts: 1 });

const dated = (key, value) => (/Time$/.test(key) && typeof value === "string" ? new Date(value) : value);

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line, dated);
  let answer;
  try {
    answer = { out: await client.send(new sdk[`${call.op}Command`](call.in)) };
  } catch (error) {
    answer = { error: error.name };
  }
  console.log(JSON.stringify(answer));
}
