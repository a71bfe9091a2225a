package sdkhttp_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tablecast/tablecast/internal/sdkhttp"
)

// A slow connection returns from the write of a body's last byte when the body is closed.
type slow struct {
	net.Conn
	closed chan struct{}
}

func (c slow) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.HasSuffix(b, []byte("$")) {
		<-c.closed
	}
	return n, err
}

// A body that the SDK closes between its last byte and its end is sent without an error,
// so that the connection stays.
func TestClosedBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	closed, wrote := make(chan struct{}), make(chan error, 1)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		return slow{c, closed}, err
	}}
	defer transport.CloseIdleConnections()
	request := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	request, err := request.SetStream(bytes.NewReader(append(bytes.Repeat([]byte("x"), 64<<10), '$')))
	if err != nil {
		t.Fatal(err)
	}
	request.Method, request.ContentLength = http.MethodPost, 64<<10+1
	if request.URL, err = request.URL.Parse(srv.URL); err != nil {
		t.Fatal(err)
	}
	sent := request.Build(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { wrote <- info.Err },
	}))
	resp, err := sdkhttp.Client{HTTPClient: &http.Client{Transport: transport}}.Do(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := sent.Body.Close(); err != nil {
		t.Fatal(err)
	}
	close(closed)
	if err := <-wrote; err != nil {
		t.Errorf("the request ended with %v", err)
	}
}
