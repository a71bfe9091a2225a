package runtimeapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/runtimeapi"
)

// The test program is also the function that the tests run.
func TestMain(m *testing.M) {
	address := os.Getenv(runtimeapi.EnvAddress)
	if address == "" {
		goleak.VerifyTestMain(m)
		return
	}
	c := runtimeapi.New(address)
	var err error
	if why := os.Getenv("UNFIT"); why != "" {
		err = c.InitError(context.Background(), errors.New(why))
	} else {
		err = c.Run(context.Background(), handle)
	}
	fmt.Fprintln(os.Stderr, "ended:", err)
	os.Exit(1)
}

type badLuck struct{}

func (*badLuck) Error() string { return "no luck \xff" }

// handle does what the payload names.
func handle(ctx context.Context, in runtimeapi.Invocation) ([]byte, error) {
	switch string(in.Payload) {
	case `"fail"`:
		return nil, &badLuck{}
	case `"panic"`:
		panic("lost my head")
	}
	deadline, _ := ctx.Deadline()
	return json.Marshal(map[string]any{
		"id": in.RequestID, "arn": in.FunctionARN, "trace": in.TraceID, "traced": os.Getenv("_X_AMZN_TRACE_ID"),
		"left": int(time.Until(deadline).Round(time.Minute).Minutes()), "payload": string(in.Payload),
	})
}

// run runs the function until the test ends.
func run(t *testing.T, env map[string]string) *process.Function {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fn, err := process.Open(process.Spec{
		Name: "fn", Dir: t.TempDir(), Binary: binary, MemoryMB: 512, Timeout: 10 * time.Minute, Env: env, Endpoint: "http://127.0.0.1:1",
	}, process.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- fn.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return fn
}

func invoke(t *testing.T, fn *process.Function, payload string, o process.InvokeOptions) process.Result {
	t.Helper()
	r, err := fn.Invoke(t.Context(), []byte(payload), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A handler sees all of its invocation, one after the other in one process.
func TestInvocations(t *testing.T) {
	fn := run(t, nil)
	for _, trace := range []string{"Root=1-67891233-abcdef012345678912345678", "Root=1-67891234-abcdef012345678912345678", ""} {
		r := invoke(t, fn, `{"n":"é"}`, process.InvokeOptions{TraceID: trace})
		var got map[string]any
		if err := json.Unmarshal(r.Payload, &got); err != nil || r.FunctionError != "" {
			t.Fatalf("%v %s", err, r.Payload)
		}
		want := map[string]any{
			"id": r.RequestID, "arn": "arn:aws:lambda:us-east-1:000000000000:function:fn", "trace": trace, "traced": trace,
			"left": 10.0, "payload": `{"n":"é"}`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if n := fn.Stats().Started; n != 1 {
		t.Errorf("%d processes for calls one after the other", n)
	}
}

type failed struct {
	Type    string   `json:"errorType"`
	Message string   `json:"errorMessage"`
	Stack   []string `json:"stackTrace"`
}

func failure(t *testing.T, r process.Result) (f failed) {
	t.Helper()
	if err := json.Unmarshal(r.Payload, &f); err != nil || r.FunctionError == "" {
		t.Fatalf("%v %q %s", err, r.FunctionError, r.Payload)
	}
	return f
}

// An error is answered and the process goes on; a panic is answered, and ends it.
func TestFailures(t *testing.T) {
	fn := run(t, nil)
	if f := failure(t, invoke(t, fn, `"fail"`, process.InvokeOptions{})); f.Type != "badLuck" || f.Message != "no luck \uFFFD" || f.Stack != nil {
		t.Errorf("%+v", f)
	}
	invoke(t, fn, `1`, process.InvokeOptions{})
	if n := fn.Stats().Started; n != 1 {
		t.Errorf("%d processes after an error, want the same one", n)
	}
	f := failure(t, invoke(t, fn, `"panic"`, process.InvokeOptions{}))
	if f.Type != "string" || f.Message != "lost my head" || !strings.Contains(strings.Join(f.Stack, "\n"), "runtimeapi_test.handle") {
		t.Errorf("%+v", f)
	}
	if r := invoke(t, fn, `1`, process.InvokeOptions{}); r.FunctionError != "" {
		t.Errorf("after a panic: %s", r.Payload)
	}
	if n := fn.Stats().Started; n != 2 {
		t.Errorf("%d processes after a panic, want a new one", n)
	}
}

// What a function says of its start is answered to who invoked it.
func TestInitError(t *testing.T) {
	fn := run(t, map[string]string{"UNFIT": "no tablecast.yaml"})
	r := invoke(t, fn, `1`, process.InvokeOptions{})
	if f := failure(t, r); f.Type != "errorString" || f.Message != "no tablecast.yaml" || !r.NotStarted {
		t.Errorf("%+v %+v", f, r)
	}
}

// A request is one that the Runtime API got.
type request struct{ path, agent, errorType, body string }

// serve is a Runtime API that gives one invocation and then none. It reports what
// is posted, and answers that with a status.
func serve(t *testing.T, status int, deadline string) (*runtimeapi.Client, <-chan request) {
	t.Helper()
	got, given := make(chan request, 1), false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
			got <- request{r.URL.Path, r.UserAgent(), r.Header.Get("Lambda-Runtime-Function-Error-Type"), string(body)}
			return
		}
		if given {
			<-r.Context().Done()
			return
		}
		given = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "r1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", deadline)
	}))
	t.Cleanup(server.Close)
	return runtimeapi.New(strings.TrimPrefix(server.URL, "http://")), got
}

// posted returns what a loop that has ended posted.
func posted(t *testing.T, got <-chan request) (r request) {
	t.Helper()
	select {
	case r = <-got: // sent before the answer to it
	default:
		t.Error("nothing was posted")
	}
	return r
}

const never = "99999999999999"

// Whoever stops the loop waits for the running invocation, which is answered.
func TestStop(t *testing.T) {
	c, got := serve(t, http.StatusAccepted, never)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Run(ctx, func(ctx context.Context, _ runtimeapi.Invocation) ([]byte, error) {
		cancel()
		<-ctx.Done()
		return nil, fmt.Errorf("stopped: %w", ctx.Err())
	})
	if err != nil {
		t.Error(err)
	}
	want := request{"/2018-06-01/runtime/invocation/r1/error", "tablecast", "wrapError", `{"errorMessage":"stopped: context canceled","errorType":"wrapError"}`}
	if r := posted(t, got); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
}

// The deadline of an invocation ends its context.
func TestDeadline(t *testing.T) {
	c, got := serve(t, http.StatusAccepted, fmt.Sprint(time.Now().Add(-time.Second).UnixMilli()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := c.Run(ctx, func(run context.Context, _ runtimeapi.Invocation) ([]byte, error) {
		<-run.Done()
		cancel()
		return []byte(`"late"`), nil
	})
	want := request{"/2018-06-01/runtime/invocation/r1/response", "tablecast", "", `"late"`}
	if r := posted(t, got); err != nil || r != want {
		t.Errorf("%+v %v", r, err)
	}
}

// The loop ends where the Runtime API does not do its part.
func TestBrokenAPI(t *testing.T) {
	answer := func(context.Context, runtimeapi.Invocation) ([]byte, error) { return []byte("1"), nil }
	c, _ := serve(t, http.StatusForbidden, never)
	if err := c.Run(t.Context(), answer); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("an answer that is refused: %v", err)
	}
	c, _ = serve(t, http.StatusAccepted, "soon")
	if err := c.Run(t.Context(), answer); err == nil || !strings.Contains(err.Error(), "deadline of invocation r1") {
		t.Errorf("a deadline that is none: %v", err)
	}
	c = runtimeapi.New("127.0.0.1:1")
	if err := c.Run(t.Context(), answer); err == nil {
		t.Error("nobody listens, and no error")
	}
}
