package awsjson_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// op is an operation that needs echo:Any on anything.
func op(run func(context.Context, []byte) ([]byte, error)) awsjson.Op {
	return awsjson.Op{Run: run, Needs: func([]byte) ([]awsjson.Permission, error) {
		return []awsjson.Permission{{Action: "echo:Any", Resource: awsjson.Anything}}, nil
	}}
}

// echo is a service whose operations show what reaches an operation.
func echo() awsjson.Service {
	return awsjson.Service{
		TargetPrefix: "Echo_1", ContentType: "application/x-amz-json-1.0", SigningName: "echo", Model: "com.example.echo",
		Ops: map[string]awsjson.Op{
			"Echo":  op(func(_ context.Context, body []byte) ([]byte, error) { return bytes.Clone(body), nil }),
			"Panic": op(func(context.Context, []byte) ([]byte, error) { panic("secret item value") }),
			"Fail":  op(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("secret cause") }),
			"Known": op(func(context.Context, []byte) ([]byte, error) { return nil, io.ErrShortWrite }),
		},
		MapError: func(err error) *awsjson.Error {
			if errors.Is(err, io.ErrShortWrite) {
				return &awsjson.Error{Type: "ShortException", Message: "too short", Fields: map[string]any{"Item": map[string]int{"n": 1}}}
			}
			return nil
		},
	}
}

func serve(t testing.TB, o awsjson.Options) *httptest.Server {
	t.Helper()
	if o.Services == nil {
		o.Services = []awsjson.Service{echo()}
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(awsjson.NewServer(o), nil)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// post sends a body to an operation; edit may change the request before.
func post(t testing.TB, url, target, body string, edit func(*http.Request)) (status int, header http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	if edit != nil {
		edit(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

var idForm = regexp.MustCompile(`^[0-9A-Z]{52}$`)

// checkHeaders checks what every answer has.
func checkHeaders(t testing.TB, h http.Header, body string) {
	t.Helper()
	if id := h.Get("x-amzn-RequestId"); !idForm.MatchString(id) {
		t.Errorf("request id %q", id)
	}
	if got, want := h.Get("x-amz-crc32"), fmt.Sprint(crc32.ChecksumIEEE([]byte(body))); got != want {
		t.Errorf("x-amz-crc32 %s, want %s", got, want)
	}
	if got := h.Get("Content-Length"); got != fmt.Sprint(len(body)) {
		t.Errorf("Content-Length %s of %d bytes", got, len(body))
	}
}

func set(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

func TestAnswers(t *testing.T) {
	srv := serve(t, awsjson.Options{MaxBody: 1 << 10})
	const unknown = `{"__type":"com.amazon.coral.service#UnknownOperationException"}`
	for _, c := range []struct {
		name, target, body string
		edit               func(*http.Request)
		status             int
		want               string
	}{
		{"ok", "Echo_1.Echo", `{"a":1}`, nil, 200, `{"a":1}`},
		{"content type 1.1", "Echo_1.Echo", `{}`, set("Content-Type", "application/x-amz-json-1.1"), 200, `{}`},
		{"content type with parameter", "Echo_1.Echo", `{}`, set("Content-Type", " application/json ; charset=x"), 200, `{}`},
		{"no target", "", `{}`, nil, 400, unknown},
		{"two targets", "", `{}`, set("X-Amz-Target", "Echo_1.Echo", "Echo_1.Fail"), 400, unknown},
		{"unknown service", "Other.Echo", `{}`, nil, 400, unknown},
		{"unknown operation", "Echo_1.Ecko", `{}`, nil, 400, unknown},
		{"target in another case", "echo_1.echo", `{}`, nil, 400, unknown},
		{"mapped error", "Echo_1.Known", `{}`, nil, 400, `{"Item":{"n":1},"__type":"com.example.echo#ShortException","message":"too short"}`},
		{"unexpected error", "Echo_1.Fail", `{}`, nil, 500, `{"__type":"com.example.echo#InternalServerError","message":"The request could not be completed; see the log of the node."}`},
		{"panic", "Echo_1.Panic", `{}`, nil, 500, `{"__type":"com.example.echo#InternalServerError","message":"The request could not be completed; see the log of the node."}`},
		{"form content type", "Echo_1.Echo", `{}`, set("Content-Type", "text/plain"), 404,
			`{"__type":"com.amazon.coral.service#UnknownOperationException","message":"Content-Type must be application/x-amz-json-1.0, application/x-amz-json-1.1 or application/json."}`},
		{"unknown coding", "Echo_1.Echo", `{}`, set("Content-Encoding", "br"), 400, `{"Message":"Content-Encoding br is not supported","__type":"com.amazon.coral.service#SerializationException"}`},
		{"two codings", "Echo_1.Echo", `{}`, set("Content-Encoding", "gzip", "gzip"), 400, `{"Message":"Content-Encoding gzip, gzip is not supported","__type":"com.amazon.coral.service#SerializationException"}`},
		{"no gzip", "Echo_1.Echo", `{}`, set("Content-Encoding", "gzip"), 400, `{"Message":"The body is not valid gzip","__type":"com.amazon.coral.service#SerializationException"}`},
		{"largest body", "Echo_1.Echo", strings.Repeat("x", 1<<10), nil, 200, strings.Repeat("x", 1<<10)},
		{"body too large", "Echo_1.Echo", strings.Repeat("x", 1<<10+1), nil, 413, `{"__type":"com.amazon.coral.service#RequestEntityTooLargeException","message":"Request size exceeded the limit of 1024 bytes"}`},
		{"chunked body too large", "Echo_1.Echo", strings.Repeat("x", 1<<10+1), func(r *http.Request) { r.ContentLength = -1 }, 413,
			`{"__type":"com.amazon.coral.service#RequestEntityTooLargeException","message":"Request size exceeded the limit of 1024 bytes"}`},
		{"chunked body far too large", "Echo_1.Echo", strings.Repeat("x", 1<<16), func(r *http.Request) { r.ContentLength = -1 }, 413,
			`{"__type":"com.amazon.coral.service#RequestEntityTooLargeException","message":"Request size exceeded the limit of 1024 bytes"}`},
		{"chunked", "Echo_1.Echo", "{}", func(r *http.Request) { r.ContentLength = -1 }, 200, "{}"},
		{"deepest", "Echo_1.Echo", strings.Repeat("[", 128), nil, 200, strings.Repeat("[", 128)},
		{"too deep", "Echo_1.Echo", strings.Repeat("[", 129), nil, 400, `{"__type":"com.amazon.coral.service#SerializationException"}`},
		{"brackets in a string", "Echo_1.Echo", `"[[\"` + strings.Repeat("[", 300) + `"`, nil, 200, `"[[\"` + strings.Repeat("[", 300) + `"`},
		{"GET", "Echo_1.Echo", "", func(r *http.Request) { r.Method = "GET" }, 404,
			`{"__type":"com.amazon.coral.service#UnknownOperationException","message":"No service answers GET /; the services here take POST / with X-Amz-Target."}`},
		{"REST path", "", "{}", func(r *http.Request) { r.URL.Path = "/2015-03-31/functions" }, 404,
			`{"__type":"com.amazon.coral.service#UnknownOperationException","message":"No service answers POST /2015-03-31/functions; the services here take POST / with X-Amz-Target."}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, answer := post(t, srv.URL, c.target, c.body, c.edit)
			if status != c.status || answer != c.want {
				t.Errorf("%d %s", status, answer)
			}
			checkHeaders(t, header, answer)
		})
	}
}

func TestGuard(t *testing.T) {
	srv := serve(t, awsjson.Options{AllowedHosts: []string{"Tables.internal"}})
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for _, c := range []struct {
		name string
		edit func(*http.Request)
		ok   bool
	}{
		{"127.0.0.1", host("127.0.0.1:4566"), true},
		{"127.9.9.9", host("127.9.9.9"), true},
		{"localhost", host("LOCALHOST:80"), true},
		{"below localhost", host("dynamodb.localhost:4566"), true},
		{"::1", host("[::1]:4566"), true},
		{"configured", host("tables.INTERNAL"), true},
		{"rebound name", host("evil.example"), false},
		{"suffix of localhost", host("notlocalhost"), false},
		{"localhost as a label", host("localhost.evil.example"), false},
		{"address of another machine", host("192.0.2.1:4566"), false},
		{"fetch from another site", set("Sec-Fetch-Site", "cross-site"), false},
		{"fetch from the same site", set("Sec-Fetch-Site", "same-site"), false},
		{"fetch from us", set("Sec-Fetch-Site", "same-origin"), true},
		{"typed by the user", set("Sec-Fetch-Site", "none"), true},
		{"two sites", set("Sec-Fetch-Site", "none", "cross-site"), false},
		{"foreign origin", set("Origin", "https://evil.example"), false},
		{"null origin", set("Origin", "null"), false},
		{"own origin", func(r *http.Request) { r.Host = "localhost:1"; r.Header.Set("Origin", "http://localhost:1") }, true},
		{"other port", func(r *http.Request) { r.Host = "localhost:1"; r.Header.Set("Origin", "http://localhost:2") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, answer := post(t, srv.URL, "Echo_1.Echo", "{}", c.edit)
			if c.ok != (status == 200) {
				t.Errorf("%d %s", status, answer)
			}
			checkHeaders(t, header, answer)
			other := func(r *http.Request) { r.URL.Path = "/page"; c.edit(r) }
			if status, _, answer := post(t, srv.URL, "", "", other); c.ok != (status == 404) || !c.ok && status != 403 {
				t.Errorf("another path: %d %s", status, answer)
			}
		})
	}
}

// A panic and its stack go to the log, and to nobody else.
func TestPanicIsLogged(t *testing.T) {
	var log bytes.Buffer
	srv := serve(t, awsjson.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	_, _, answer := post(t, srv.URL, "Echo_1.Panic", "{}", nil)
	_, _, again := post(t, srv.URL, "Echo_1.Fail", "{}", nil)
	srv.Close()
	if strings.Contains(answer+again, "secret") {
		t.Error(answer, again)
	}
	for _, want := range []string{"secret item value", "server_test.go", "Echo_1.Panic", "secret cause", "Echo_1.Fail"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q", want)
		}
	}
}

// Bodies beyond the budget are refused while others hold it, and admitted
// again after.
func TestBytesInFlight(t *testing.T) {
	const size = 64 << 10
	entered, release := make(chan bool), make(chan bool)
	svc := echo()
	svc.Ops["Hold"] = op(func(context.Context, []byte) ([]byte, error) {
		entered <- true
		<-release
		return []byte("{}"), nil
	})
	srv := serve(t, awsjson.Options{Services: []awsjson.Service{svc}, MaxBody: size, MaxInFlight: 3*size - 1})
	body := strings.Repeat(" ", size)
	done := make(chan int)
	for range 2 {
		go func() {
			status, _, _ := post(t, srv.URL, "Echo_1.Hold", body, nil)
			done <- status
		}()
		<-entered
	}
	if status, _, answer := post(t, srv.URL, "Echo_1.Echo", body, nil); status != 503 || !strings.Contains(answer, "ServiceUnavailableException") {
		t.Errorf("over the budget: %d %s", status, answer)
	}
	for range 2 {
		release <- true
		if status := <-done; status != 200 {
			t.Errorf("held request: %d", status)
		}
	}
	for range 10 {
		if status, _, _ := post(t, srv.URL, "Echo_1.Echo", body, nil); status != 200 {
			t.Errorf("after release: %d", status)
		}
	}
}

// A length beyond the limit is refused before any of the body came.
func TestAnnouncedLength(t *testing.T) {
	srv := serve(t, awsjson.Options{})
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Echo_1.Echo\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 16<<20+1)
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") || !strings.Contains(string(answer), "Connection: close") {
		t.Errorf("%v %s", err, answer)
	}
}
