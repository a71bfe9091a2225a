// Package runtimeapi is the client of the AWS Lambda Runtime API: the loop of a
// program that AWS Lambda, or function/process, runs as a function.
//
//	GET  /2018-06-01/runtime/invocation/next           the next invocation, whenever there is one
//	POST /2018-06-01/runtime/invocation/ID/response    its answer
//	POST /2018-06-01/runtime/invocation/ID/error       why it failed
//	POST /2018-06-01/runtime/init/error                why the program cannot start
//
// The public library, aws-lambda-go, does more and links net/rpc, which keeps the
// linker from leaving out the methods that nothing calls: 22 MB of this program.
//
// Source: the Lambda developer guide, "Using the Lambda runtime API for custom
// runtimes".
package runtimeapi

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// EnvAddress is the environment variable in which a function finds HOST:PORT of
// the Runtime API. A process without it is no function.
const EnvAddress = "AWS_LAMBDA_RUNTIME_API"

// envTrace is where the SDKs of AWS look for the trace of the running invocation.
const envTrace = "_X_AMZN_TRACE_ID"

// An Invocation is one event for the function. Payload is JSON of up to 6 MB,
// which the handler may keep and change.
type Invocation struct {
	RequestID   string
	FunctionARN string
	TraceID     string // X-Ray header; empty if the invocation is not traced
	Payload     []byte
}

// A Handler answers an invocation with JSON. Its context ends at the deadline of
// the invocation. Its error is reported to the caller by type and text.
type Handler func(ctx context.Context, in Invocation) ([]byte, error)

// A Client is a function's side of the Runtime API. It belongs to one goroutine.
type Client struct {
	base string
	http http.Client
}

// New returns a client of the Runtime API at HOST:PORT.
func New(address string) *Client {
	// No proxy of the environment stands between a function and its runtime, and
	// the next invocation may take days: no time limit.
	return &Client{base: "http://" + address + "/2018-06-01/runtime/", http: http.Client{Transport: &http.Transport{}}}
}

// Run handles one invocation after the other until ctx ends, and returns nil
// then. A running invocation is still answered, though its context has ended,
// too. Run returns an error if the Runtime API fails, and after a handler's panic,
// which it has reported: the process must end then, and Lambda starts another.
func (c *Client) Run(ctx context.Context, h Handler) error {
	defer c.http.CloseIdleConnections()
	for {
		in, deadline, err := c.next(ctx)
		if ctx.Err() != nil && err != nil {
			return nil
		}
		if err == nil {
			err = c.handle(ctx, deadline, in, h)
		}
		if err != nil {
			return err
		}
	}
}

// InitError reports why the function cannot start. The process must end then.
func (c *Client) InitError(ctx context.Context, cause error) error {
	return c.fail(ctx, "init/error", failureOf(cause))
}

// next waits for the next invocation and returns it with its deadline.
func (c *Client) next(ctx context.Context) (in Invocation, deadline time.Time, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"invocation/next", nil)
	if err != nil {
		return in, deadline, err
	}
	var h http.Header
	if in.Payload, h, err = c.do(r, http.StatusOK); err != nil {
		return in, deadline, err
	}
	in.RequestID, in.FunctionARN, in.TraceID = h.Get("Lambda-Runtime-Aws-Request-Id"), h.Get("Lambda-Runtime-Invoked-Function-Arn"), h.Get("Lambda-Runtime-Trace-Id")
	ms, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if err != nil {
		return in, deadline, fmt.Errorf("runtimeapi: deadline of invocation %s: %w", in.RequestID, err)
	}
	return in, time.UnixMilli(ms), nil
}

// handle has one invocation handled and posts what came of it.
func (c *Client) handle(ctx context.Context, deadline time.Time, in Invocation, h Handler) error {
	if err := os.Setenv(envTrace, in.TraceID); err != nil {
		return err
	}
	path := "invocation/" + in.RequestID
	answer, failed, panicked := call(ctx, deadline, in, h)
	ctx = context.WithoutCancel(ctx) // an invocation that was handled is answered, whoever stops the loop
	if failed == nil {
		return c.post(ctx, path+"/response", answer, "")
	}
	if err := c.fail(ctx, path+"/error", *failed); err != nil {
		return err
	}
	if panicked {
		return fmt.Errorf("runtimeapi: invocation %s: panic: %s\n%s", in.RequestID, failed.Message, strings.Join(failed.Stack, "\n"))
	}
	return nil
}

// call calls the handler and recovers its panic.
func call(ctx context.Context, deadline time.Time, in Invocation, h Handler) (answer []byte, failed *failure, panicked bool) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			stack := strings.Split(strings.TrimSpace(string(debug.Stack())), "\n")
			failed, panicked = &failure{Type: typeName(v), Message: fmt.Sprint(v), Stack: stack}, true
		}
	}()
	answer, err := h(ctx, in)
	if err != nil {
		f := failureOf(err)
		failed = &f
	}
	return answer, failed, false
}

// A failure is how Lambda gives a function's error to who invoked it.
type failure struct {
	Message string   `json:"errorMessage"`
	Type    string   `json:"errorType"`
	Stack   []string `json:"stackTrace,omitempty"`
}

func failureOf(err error) failure { return failure{Type: typeName(err), Message: err.Error()} }

// typeName is the name of a value's type, without its package.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return cmp.Or(t.Name(), t.String())
}

func (c *Client) fail(ctx context.Context, path string, f failure) error {
	body, err := json.Marshal(&f)
	if err != nil { // the text is no UTF-8
		body, err = json.Marshal(&failure{Type: f.Type, Message: strings.ToValidUTF8(f.Message, "\uFFFD")})
	}
	if err != nil {
		return err
	}
	return c.post(ctx, path, body, f.Type)
}

// post posts JSON; errorType is empty for an answer.
func (c *Client) post(ctx context.Context, path string, body []byte, errorType string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if errorType != "" {
		r.Header.Set("Lambda-Runtime-Function-Error-Type", errorType)
	}
	_, _, err = c.do(r, http.StatusAccepted)
	return err
}

// do sends a request and reads the response, which must have the given status.
func (c *Client) do(r *http.Request, status int) ([]byte, http.Header, error) {
	r.Header.Set("User-Agent", "tablecast")
	res, err := c.http.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("runtimeapi: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("runtimeapi: %s %s: %w", r.Method, r.URL.Path, err)
	}
	if res.StatusCode != status {
		return nil, nil, fmt.Errorf("runtimeapi: %s %s: %s %.500s", r.Method, r.URL.Path, res.Status, body)
	}
	return body, res.Header, nil
}
