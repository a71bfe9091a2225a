package awscall

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
)

// serve answers each request with a status, headers and a body, and returns a
// client of it and what it was sent.
func serve(t *testing.T, service string, status int, header map[string]string, body string) (*Client, *http.Request, *strings.Builder) {
	t.Helper()
	var got http.Request
	var sent strings.Builder
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = *r
		_, _ = io.Copy(&sent, r.Body)
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return &Client{
		HTTP: srv.Client(), Service: service, Region: "eu-west-1", Endpoint: srv.URL + "/",
		Credentials: credentials.NewStaticCredentialsProvider("KEY", "secret", "session"),
	}, &got, &sent
}

func TestJSON(t *testing.T) {
	c, got, sent := serve(t, "kinesis", 200, nil, `{"SequenceNumber":"7"}`)
	var out struct{ SequenceNumber string }
	if err := c.JSON(t.Context(), "1.1", "Kinesis_20131202.PutRecord", map[string]any{"Data": []byte("x")}, &out); err != nil {
		t.Fatal(err)
	}
	if out.SequenceNumber != "7" || sent.String() != `{"Data":"eA=="}` {
		t.Errorf("sent %s, got %+v", sent, out)
	}
	signed := got.Header.Get("Authorization")
	for _, want := range []string{"AWS4-HMAC-SHA256 Credential=KEY/", "/eu-west-1/kinesis/aws4_request", "x-amz-target"} {
		if !strings.Contains(signed, want) {
			t.Errorf("signed %s, without %s", signed, want)
		}
	}
	if got.URL.Path != "/" || got.Header.Get("X-Amz-Security-Token") != "session" || got.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		t.Errorf("path %s, headers %v", got.URL.Path, got.Header)
	}
}

func TestQuery(t *testing.T) {
	c, _, sent := serve(t, "sns", 200, nil, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m1</MessageId></PublishResult></PublishResponse>`)
	var out struct {
		ID string `xml:"PublishResult>MessageId"`
	}
	if err := c.Query(t.Context(), url.Values{"Action": {"Publish"}, "Message": {"a&b"}}, &out); err != nil || out.ID != "m1" {
		t.Fatal(out, err)
	}
	if sent.String() != "Action=Publish&Message=a%26b" {
		t.Errorf("sent %s", sent)
	}
}

// Errors come in the forms of three protocols, and from proxies that know none.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status     int
		header     map[string]string
		body       string
		code, says string
		fault      smithy.ErrorFault
	}{
		{400, nil, `{"__type":"com.amazonaws.kinesis#ResourceNotFoundException","message":"no stream"}`, "ResourceNotFoundException", "no stream", smithy.FaultClient},
		{400, map[string]string{"X-Amzn-Errortype": "ThrottlingException:http://internal/"}, `{"Message":"slow"}`, "ThrottlingException", "slow", smithy.FaultUnknown},
		{404, nil, `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error><RequestId>r</RequestId></ErrorResponse>`, "NotFound", "Topic does not exist", smithy.FaultClient},
		{403, nil, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`, "AccessDenied", "Access Denied", smithy.FaultClient},
		// What may pass, and what no service of AWS answered.
		{400, nil, `{"__type":"ExpiredTokenException","message":"expired"}`, "ExpiredTokenException", "expired", smithy.FaultUnknown},
		{403, nil, `<Error><Code>RequestTimeTooSkewed</Code><Message>clock</Message></Error>`, "RequestTimeTooSkewed", "clock", smithy.FaultUnknown},
		{429, nil, `slow down`, "Too Many Requests", "", smithy.FaultUnknown},
		{407, nil, `<html><body>Log in</body></html>`, "Proxy Authentication Required", "", smithy.FaultUnknown},
		{302, map[string]string{"X-Amzn-Errortype": "Moved"}, ``, "Moved", "", smithy.FaultUnknown},
		{400, map[string]string{"X-Amzn-Errortype": "ValidationException"}, `<html></html>`, "ValidationException", "", smithy.FaultClient},
		{400, nil, `{"__type":"AccessDeniedException","message":"first","Message":"last"}`, "AccessDeniedException", "last", smithy.FaultClient},
		{502, nil, `<html>bad gateway`, "Bad Gateway", "", smithy.FaultServer},
		{503, nil, ``, "Service Unavailable", "", smithy.FaultServer},
	} {
		client, _, _ := serve(t, "states", c.status, c.header, c.body)
		err := client.JSON(t.Context(), "1.0", "AWSStepFunctions.StartExecution", struct{}{}, &struct{}{})
		var e *Error
		if !errors.As(err, &e) || e.Code != c.code || e.Message != c.says || e.ErrorFault() != c.fault || e.Status != c.status {
			t.Errorf("%s: %+v, want %s %q", c.body, err, c.code, c.says)
		}
	}
}

// A path of S3 is signed as it is sent, and the answer is bounded.
func TestDo(t *testing.T) {
	c, got, _ := serve(t, "s3", 200, nil, "0123456789")
	req, err := c.Request(t.Context(), http.MethodGet, "/bucket/a%20b/c", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Do(req, nil, 4)
	if err != nil || string(answer) != "0123" || got.URL.EscapedPath() != "/bucket/a%20b/c" {
		t.Errorf("%s, %v, at %s", answer, err, got.URL.EscapedPath())
	}
	if got.Header.Get("X-Amz-Content-Sha256") != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("%v", got.Header)
	}
	for region, want := range map[string]string{"eu-west-1": "https://s3.eu-west-1.amazonaws.com/k", "cn-north-1": "https://s3.cn-north-1.amazonaws.com.cn/k"} {
		req, err := (&Client{Service: "s3", Region: region}).Request(t.Context(), http.MethodGet, "/k", nil)
		if err != nil || req.URL.String() != want {
			t.Errorf("%v, %v, want %s", req.URL, err, want)
		}
	}
}

// A service may answer a call of the protocol AWS query without a body.
func TestQueryWithoutAnswer(t *testing.T) {
	c, _, _ := serve(t, "sns", 200, nil, "")
	if err := c.Query(t.Context(), url.Values{"Action": {"Publish"}}, &struct{}{}); err != nil {
		t.Error(err)
	}
}

// Anonymous credentials sign nothing.
func TestAnonymous(t *testing.T) {
	c, got, _ := serve(t, "kinesis", 200, nil, "{}")
	c.Credentials = aws.AnonymousCredentials{}
	if err := c.JSON(t.Context(), "1.1", "Kinesis_20131202.PutRecord", struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	if signature := got.Header.Get("Authorization"); signature != "" {
		t.Errorf("signed: %s", signature)
	}
}

// After the first answer signatures are dated by the clock of the service.
func TestClockSkew(t *testing.T) {
	ahead := time.Now().Add(3 * time.Hour)
	c, got, _ := serve(t, "kinesis", 403, map[string]string{"Date": ahead.UTC().Format(http.TimeFormat)}, `{"__type":"RequestExpired"}`)
	for _, want := range []time.Time{time.Now(), ahead} {
		if err := c.JSON(t.Context(), "1.1", "Kinesis_20131202.PutRecord", struct{}{}, nil); err == nil {
			t.Fatal("no error")
		}
		signed, err := time.Parse("20060102T150405Z", got.Header.Get("X-Amz-Date"))
		if err != nil || signed.Sub(want).Abs() > time.Minute {
			t.Errorf("signed at %s, want %s, %v", signed, want, err)
		}
	}
}

// Calls whose answers are not read use one connection.
func TestConnectionIsUsedAgain(t *testing.T) {
	var connections atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush() // a chunked body, whose end is not known from the header
		_, _ = w.Write([]byte("stored"))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := &Client{HTTP: srv.Client(), Service: "s3", Region: "eu-west-1", Endpoint: srv.URL, Credentials: aws.AnonymousCredentials{}}
	for range 3 {
		req, err := c.Request(t.Context(), http.MethodPut, "/k", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(req, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
