package target_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

func deliverError(t *testing.T, tt target.Target) *target.Error {
	t.Helper()
	_, err := tt.Deliver(t.Context(), targettest.Delivery(1))
	var e *target.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("error %#v", err)
	}
	return e
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		code      int
		permanent bool
		want      string
	}{
		{200, false, ""}, {204, false, ""}, {299, false, ""},
		{301, true, target.CodeClientError}, {304, true, target.CodeClientError},
		{400, true, target.CodeClientError}, {401, false, target.CodeNoPermissions}, {403, true, target.CodeNoPermissions},
		{404, true, target.CodeNoResource}, {407, false, target.CodeClientError}, {408, false, target.CodeClientError},
		{409, false, target.CodeClientError}, {410, true, target.CodeNoResource}, {422, true, target.CodeClientError},
		{425, false, target.CodeClientError}, {429, false, target.CodeThrottling},
		{500, false, target.CodeUnavailable}, {503, false, target.CodeUnavailable},
	} {
		e := deliverError(t, serve(t, status(c.code), 5*time.Second))
		if e == nil {
			e = &target.Error{}
		}
		if e.Code != c.want || e.Permanent != c.permanent {
			t.Errorf("%d: %+v", c.code, e)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for h, want := range map[string][2]time.Duration{
		"120": {2 * time.Minute, 2 * time.Minute}, "-5": {0, 0}, "soon": {0, 0}, "": {0, 0},
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): {59 * time.Minute, time.Hour},
		"Mon, 02 Jan 2006 15:04:05 GMT":                         {0, 0},
	} {
		e := deliverError(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", h)
			w.WriteHeader(429)
		}, 5*time.Second))
		if e == nil || e.RetryAfter < want[0] || e.RetryAfter > want[1] {
			t.Errorf("%q: %+v", h, e)
		}
	}
}

func TestRequest(t *testing.T) {
	var got http.Header
	tt := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		if r.Method != http.MethodPost {
			t.Errorf("method %s", r.Method)
		}
	}, 5*time.Second)
	if e := deliverError(t, tt); e != nil {
		t.Fatal(e)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Tablecast-Event-Id": "id-1", "Tablecast-Rule": "suite", "Tablecast-Attempt": "1",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q", name, got.Get(name))
		}
	}
}

// A redirect is an answer, not an invitation.
func TestRedirectIsNotFollowed(t *testing.T) {
	var visited atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
	defer other.Close()
	e := deliverError(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}, 5*time.Second))
	if e == nil || visited.Load() {
		t.Errorf("error %v, visited %v", e, visited.Load())
	}
}

// An answer that drips ends at the deadline, headers or not.
func TestDrippingAnswer(t *testing.T) {
	e := deliverError(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.Write([]byte("."))
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}, 150*time.Millisecond))
	if e == nil || e.Code != target.CodeTimeout || e.Permanent {
		t.Errorf("%+v", e)
	}
}

// Whatever the other side says, the call fails and may be repeated.
func TestGarbage(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": "", "garbage": "\x00\xff garbage\r\n\r\n", "half a header": "HTTP/1.1 200 OK\r\nContent-Le",
		"short body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "bad chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"huge header": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"1xx flood":   strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100),
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Read(make([]byte, 1<<16))
					_, _ = io.WriteString(c, answer)
					c.Close()
				}
			}()
			e := deliverError(t, open(t, "http://"+l.Addr().String(), target.Options{Timeout: 5 * time.Second}))
			if e == nil || e.Permanent {
				t.Errorf("%+v", e)
			}
			l.Close()
			<-done
		})
	}
}

// Nobody listens: worth another call.
func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if e := deliverError(t, open(t, "http://"+l.Addr().String(), target.Options{})); e == nil || e.Permanent || e.Code != target.CodeUnavailable {
		t.Errorf("%+v", e)
	}
}

// A name is harmless until it is resolved; the connection is what is refused.
func TestNameThatLeadsInside(t *testing.T) {
	var visited atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
	defer s.Close()
	url := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = target.Call(target.NewClient(target.Options{PublicOnly: always}), req)
	if e := (*target.Error)(nil); !errors.As(err, &e) || !e.Permanent || e.Code != target.CodeNoPermissions || visited.Load() {
		t.Errorf("%v, visited %v", err, visited.Load())
	}
	allow := target.Options{PublicOnly: always, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	if e := deliverError(t, open(t, url, allow)); e != nil || !visited.Load() {
		t.Errorf("allowed: %+v", e)
	}
}

func TestConnectionIsReused(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(status(200))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	tt := open(t, s.URL, target.Options{})
	for range 10 {
		if _, err := tt.Deliver(context.Background(), targettest.Delivery(1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
