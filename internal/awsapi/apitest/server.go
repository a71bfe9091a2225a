// Package apitest holds what the tests of the AWS APIs share: a server on
// loopback, clients of it, and the checks of a service's tables of errors and
// operations. Only tests import it.
package apitest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// A Server serves one service of the AWS JSON protocol on loopback until its
// test ends.
type Server struct {
	URL  string
	HTTP *http.Client // whose connections are closed before the server ends
	Log  *Log

	service awsjson.Service
}

// Serve starts a server of the service, which writes to the log.
func Serve(t testing.TB, svc awsjson.Service, log *Log) *Server {
	t.Helper()
	s := &Server{Log: log, HTTP: &http.Client{Transport: &http.Transport{}}, service: svc}
	h := awsjson.NewServer(awsjson.Options{
		Services: []awsjson.Service{svc}, Logger: slog.New(slog.NewTextHandler(log, nil)),
		MaxInFlight: 2 << 30, // as a node has on a machine of 16 GB
	})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(h, nil)
	srv.Start()
	t.Cleanup(func() {
		s.HTTP.CloseIdleConnections()
		srv.Close()
	})
	s.URL = srv.URL
	return s
}

// Config configures clients of the server from the SDK of AWS.
func (s *Server) Config() aws.Config {
	c := Config(s.URL)
	c.HTTPClient = s.HTTP
	return c
}

// Call posts a body to an operation and returns the status and the body of the
// answer.
func (s *Server) Call(t testing.TB, op, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", s.service.ContentType)
	req.Header.Set("X-Amz-Target", s.service.TargetPrefix+"."+op)
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Must calls an operation, fails the test unless its status is 200, and returns
// the body of the answer.
func (s *Server) Must(t testing.TB, op, body string) string {
	t.Helper()
	status, answer := s.Call(t, op, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", op, body, status, answer)
	}
	return answer
}

// Config configures clients from the SDK of AWS for a node that takes any
// credentials. They retry only what the SDK itself breaks: it closes the body of
// a request as soon as the response begins, and if net/http has not sent all of
// it by then, the connection is closed with the rest of the response.
func Config(url string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Retryables = []retry.IsErrorRetryable{retry.RetryableConnectionError{}}
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
}

// A Log keeps what a server logged. Any goroutine may use it.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends to the log.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String returns the whole log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
