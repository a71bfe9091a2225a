// Runs a Lambda handler: asks the Runtime API for events, calls the handler,
// posts what it answers. Arguments: the handler's file, its export.
import http from "node:http";
import { pathToFileURL } from "node:url";

const api = new URL("http://" + process.env.AWS_LAMBDA_RUNTIME_API);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [file, exported] = process.argv.slice(2);

// What the handler writes is written at once, before it answers or exits.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);

// call speaks to the Runtime API. A node that is gone ends this process.
function call(method, path, body) {
  return new Promise((resolve) => {
    const request = { host: api.hostname, port: api.port, agent, method, path: api.pathname + "/2018-06-01/runtime" + path };
    if (body !== undefined) {
      request.headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    }
    const req = http.request(request, (res) => {
      const parts = [];
      res.on("data", (part) => parts.push(part));
      res.on("error", () => process.exit(1));
      res.on("end", () => resolve({ headers: res.headers, body: Buffer.concat(parts).toString() }));
    });
    req.on("error", () => process.exit(1));
    req.end(body);
  });
}

function describe(thrown, type) {
  if (thrown instanceof Error || (thrown && typeof thrown.stack === "string")) {
    return {
      errorType: type ?? thrown.name ?? "Error",
      errorMessage: String(thrown.message),
      trace: String(thrown.stack).split("\n"),
    };
  }
  return { errorType: type ?? typeof thrown, errorMessage: String(thrown), trace: [] };
}

async function load() {
  globalThis.awslambda = {
    streamifyResponse() {
      throw new Error("response streaming does not run here: return the whole answer");
    },
  };
  let module;
  try {
    module = await import(pathToFileURL(file));
  } catch (err) {
    const missing = err?.code === "MODULE_NOT_FOUND" || err?.code === "ERR_MODULE_NOT_FOUND";
    const type = missing ? "Runtime.ImportModuleError" : err instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : undefined;
    throw Object.assign(new Error("", { cause: err }), { description: describe(err, type) });
  }
  const find = (from) => exported.split(".").reduce((value, name) => value?.[name], from);
  const handler = find(module) ?? find(module.default);
  if (typeof handler !== "function") {
    const err = new Error(`${process.env._HANDLER} is undefined or not exported`);
    throw Object.assign(err, { description: describe(err, "Runtime.HandlerNotFound") });
  }
  return handler;
}

function contextOf(headers, settle) {
  const env = process.env;
  const parse = (text) => (text ? JSON.parse(text) : undefined);
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    clientContext: parse(headers["lambda-runtime-client-context"]),
    identity: parse(headers["lambda-runtime-cognito-identity"]),
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (err, value) => settle(err, value),
    succeed: (value) => settle(null, value),
    fail: (err) => settle(err ?? "handled"),
  };
}

// run resolves to {err} or {value} once the handler has answered: by its
// promise, by its callback (then, as on Lambda, not before nothing else is
// pending, unless the context says otherwise), by what it returns, or by
// leaving nothing to wait for.
function run(handler, event, headers) {
  return new Promise((resolve) => {
    let outcome = { value: null };
    const whenQuiet = () => resolve(outcome);
    const finish = (result) => {
      process.removeListener("beforeExit", whenQuiet);
      resolve(result);
    };
    const settle = (err, value) => {
      outcome = err !== null && err !== undefined ? { err } : { value };
      if (context.callbackWaitsForEmptyEventLoop === false) finish(outcome);
    };
    const context = contextOf(headers, settle);
    process.once("beforeExit", whenQuiet);
    try {
      const returned = handler(event, context, settle);
      if (typeof returned?.then === "function") {
        returned.then((value) => finish({ value }), (err) => finish({ err }));
      } else if (returned !== undefined && handler.length < 3) {
        finish({ value: returned });
      }
    } catch (err) {
      finish({ err });
    }
  });
}

function encode(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

async function answer(id, outcome) {
  let path = `/invocation/${id}/response`;
  let body;
  try {
    if ("err" in outcome) throw outcome.err;
    body = encode(outcome.value);
  } catch (err) {
    path = `/invocation/${id}/error`;
    const description = describe(err);
    console.error(description.trace.join("\n") || description.errorMessage);
    body = JSON.stringify(description);
  }
  await call("POST", path, body);
}

let running = null;

async function crash(thrown, type) {
  const description = describe(thrown, type);
  console.error(description.trace.join("\n") || description.errorMessage);
  if (running !== null) await call("POST", `/invocation/${running}/error`, JSON.stringify(description));
  process.exit(1);
}

async function main() {
  let handler;
  try {
    handler = await load();
  } catch (err) {
    const description = err.description ?? describe(err);
    console.error(description.trace.join("\n") || description.errorMessage);
    await call("POST", "/init/error", JSON.stringify(description));
    process.exit(1);
  }
  process.on("uncaughtException", (err) => crash(err));
  process.on("unhandledRejection", (err) => crash(err, "Runtime.UnhandledPromiseRejection"));
  for (;;) {
    const { headers, body } = await call("GET", "/invocation/next");
    running = headers["lambda-runtime-aws-request-id"];
    if (running === undefined) process.exit(1);
    if (headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
    let outcome;
    try {
      outcome = await run(handler, JSON.parse(body), headers);
    } catch (err) {
      outcome = { err };
    }
    await answer(running, outcome);
    running = null;
  }
}

// Not awaited here: a promise that never settles would end the process early.
main();
