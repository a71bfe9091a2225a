"""Runs a Lambda handler: asks the Runtime API for events, calls the handler,
posts what it answers. Arguments: the handler's module, its function."""
import http.client
import importlib
import json
import os
import sys
import time
import traceback

BASE = "/2018-06-01/runtime"


class Context:
    """What a handler is told about its invocation."""

    def __init__(self, headers):
        env = os.environ
        self.function_name = env["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = env["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = env["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = env["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.client_context = decode(headers["Lambda-Runtime-Client-Context"])
        self.identity = decode(headers["Lambda-Runtime-Cognito-Identity"])
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))


def decode(text):
    return json.loads(text) if text else None


def describe(err, kind=None, text=None):
    return {
        "errorMessage": str(err) if text is None else text,
        "errorType": kind or type(err).__name__,
        "stackTrace": traceback.format_tb(err.__traceback__),
    }


class Api:
    """One connection to the Runtime API. A node that is gone ends this process."""

    def __init__(self):
        address, _, secret = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
        self.base = "/" + secret + BASE
        self.connection = http.client.HTTPConnection(address)

    def call(self, method, path, body=None):
        try:
            self.connection.request(method, self.base + path, body, {"Content-Type": "application/json"})
            response = self.connection.getresponse()
            return response.headers, response.read()
        except (OSError, http.client.HTTPException):
            os._exit(1)


def fail(api, path, description):
    trace = "".join(description["stackTrace"])
    print("[ERROR] %s: %s\n%s" % (description["errorType"], description["errorMessage"], trace), end="")
    sys.stdout.flush()
    api.call("POST", path, json.dumps(description))


def load(module, name):
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        loaded = importlib.import_module(module)
    except ImportError as err:
        return None, describe(err, "Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module, err))
    except SyntaxError as err:
        return None, describe(err, "Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module, err))
    except Exception as err:
        return None, describe(err)
    handler = getattr(loaded, name, None)
    if not callable(handler):
        missing = "Handler '%s' missing on module '%s'" % (name, module)
        return None, {"errorMessage": missing, "errorType": "Runtime.HandlerNotFound", "stackTrace": []}
    return handler, None


def invoke(handler, body, headers):
    """Returns where to post what."""
    try:
        value = handler(json.loads(body), Context(headers))
    except Exception as err:
        return "error", describe(err)
    try:
        return "response", json.dumps(value)
    except Exception as err:
        return "error", describe(err, "Runtime.MarshalError", "Unable to marshal response: %s" % err)


def main(module, name):
    api = Api()
    handler, fault = load(module, name)
    if fault:
        fail(api, "/init/error", fault)
        sys.exit(1)
    while True:
        headers, body = api.call("GET", "/invocation/next")
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        if request_id is None:
            sys.exit(1)
        if headers["Lambda-Runtime-Trace-Id"]:
            os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
        where, answer = invoke(handler, body, headers)
        path = "/invocation/%s/%s" % (request_id, where)
        if where == "error":
            fail(api, path, answer)
        else:
            sys.stdout.flush()
            api.call("POST", path, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
