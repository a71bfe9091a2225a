package awsjson

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tablecast/tablecast/internal/keys"
)

// A count counts refusals by kind.
type count struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *count) add(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[kind]++
}

func (c *count) of(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[kind]
}

// echoing has operations that answer their body, that take two minutes, and that
// answer a megabyte.
func echoing() Service {
	needs := func([]byte) ([]Permission, error) { return []Permission{{"echo:Echo", "arn:x"}}, nil }
	return Service{TargetPrefix: "Echo_1", ContentType: json10, SigningName: "echo", Ops: map[string]Op{
		"Echo": {Needs: needs, Run: func(_ context.Context, body []byte) ([]byte, error) { return bytes.Clone(body), nil }},
		"Last": {Needs: needs, Run: func(ctx context.Context, _ []byte) ([]byte, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(2 * time.Minute):
				return []byte("{}"), nil
			}
		}},
		"Large": {Needs: needs, Run: func(context.Context, []byte) ([]byte, error) { return make([]byte, 1<<20), nil }},
		"Read":  {Needs: needs, Run: func(ctx context.Context, _ []byte) ([]byte, error) { return []byte("{}"), Hold(ctx, 1<<20) }},
	}}
}

func header(target string, length int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nX-Amz-Target: Echo_1.%s\r\nContent-Length: %d\r\n\r\n", json10, target, length)
}

// Strangers who announce bodies and do not send them take no memory, and those who
// send all but the end leave room for a client that was verified on its connection.
func TestStrangersLeaveRoom(t *testing.T) {
	const size = 60 << 10
	key := oneKey{Name: "k", Secret: "secret", Allow: []keys.Grant{{Actions: []string{"echo:*"}, Resources: []string{"*"}}}}
	var refused count
	h := NewServer(Options{Services: []Service{echoing()}, MaxBody: size, MaxInFlight: 8 * size, Refused: refused.add, Auth: &Auth{Region: "us-east-1", Keys: key}})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = NewHTTPServer(h, nil)
	srv.Start()
	t.Cleanup(srv.Close)
	signed := func(c *http.Client, n int) (int, string) {
		body := strings.Repeat(" ", n)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", json10)
		req.Header.Set("X-Amz-Target", "Echo_1.Echo")
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, req, hex.EncodeToString(sum[:]), "echo", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	stranger := func(sent int) net.Conn {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, header("Echo", size)+strings.Repeat(" ", sent)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for range 140 {
		stranger(1)
	}
	if status, text := signed(&http.Client{Transport: &http.Transport{}}, size); status != 200 {
		t.Fatalf("beside 140 announced bodies: %d %.200s", status, text)
	}
	known := &http.Client{Transport: &http.Transport{}}
	signed(known, 10)
	var last net.Conn
	for range 5 {
		last = stranger(size - 1)
	}
	// One address of strangers has a quarter of the budget, the fifth is refused.
	for range 3 {
		last = stranger(size - 1)
	}
	resp, err := http.ReadResponse(bufio.NewReader(last), nil)
	if err != nil || resp.StatusCode != 503 || refused.of(busy) == 0 {
		t.Fatalf("%v %v, refusals %v", resp, err, refused.n)
	}
	resp.Body.Close()
	if status, text := signed(known, size); status != 200 {
		t.Errorf("on a known connection: %d %.200s", status, text)
	}
	if status, text := signed(&http.Client{Transport: &http.Transport{}}, 10_000); status != 200 {
		t.Errorf("a small body on a new connection: %d %.200s", status, text)
	}
}

// A pipe is a listener whose connections are in memory.
type pipe chan net.Conn

func (p pipe) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipe) Close() error   { return nil }
func (p pipe) Addr() net.Addr { return &net.TCPAddr{} }

// inBubble runs do in a bubble with a server, and a way to connect to it.
func inBubble(t *testing.T, o Options, do func(t *testing.T, s *server, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		h := NewServer(o)
		srv, ln := NewHTTPServer(h, nil), make(pipe)
		go srv.Serve(ln) //nolint:errcheck // ends with the test
		do(t, h.(*server), func() net.Conn {
			here, there := net.Pipe()
			ln <- there
			return here
		})
		close(ln)
		srv.Close()
		synctest.Wait()
	})
}

// answerOf reads an answer without its body.
func answerOf(t *testing.T, c net.Conn) (int, *bufio.Reader) {
	t.Helper()
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, in
}

// A client that stops in the middle of a body is cut off soon, one that is merely slow
// is served.
func TestSlowBodies(t *testing.T) {
	var refused count
	inBubble(t, Options{Services: []Service{echoing()}, Refused: refused.add}, func(t *testing.T, _ *server, dial func() net.Conn) {
		c, start := dial(), time.Now()
		io.WriteString(c, header("Echo", 1<<20)+" ") //nolint:errcheck // the server may have ended the connection
		if status, _ := answerOf(t, c); status != http.StatusRequestTimeout || time.Since(start) > 6*time.Second || refused.of(slow) != 1 {
			t.Errorf("a body that stops: %d after %v, %v", status, time.Since(start), refused.n)
		}
		c.Close()
		c = dial()
		go func() {
			io.WriteString(c, header("Echo", 1<<20)) //nolint:errcheck // the server may have ended the connection
			for range 32 {
				time.Sleep(time.Second)
				io.WriteString(c, strings.Repeat(" ", 1<<15)) //nolint:errcheck // the server may have ended the connection
			}
		}()
		if status, _ := answerOf(t, c); status != 200 {
			t.Errorf("a body that is slow: %d", status)
		}
		c.Close()
	})
}

// An operation may take two minutes, and an answer that nobody reads gives its memory
// back soon.
func TestSlowAnswers(t *testing.T) {
	inBubble(t, Options{Services: []Service{echoing()}}, func(t *testing.T, s *server, dial func() net.Conn) {
		c := dial()
		io.WriteString(c, header("Last", 2)+"{}") //nolint:errcheck // the server may have ended the connection
		if status, _ := answerOf(t, c); status != 200 {
			t.Errorf("an operation of two minutes: %d", status)
		}
		c.Close()
		c = dial()
		io.WriteString(c, header("Large", 2)+"{}") //nolint:errcheck // the server may have ended the connection
		synctest.Wait()
		if used(&s.budget) != 1<<20 {
			t.Errorf("%d bytes are in use while an answer is written", used(&s.budget))
		}
		time.Sleep(2 * grace)
		synctest.Wait()
		if used(&s.budget) != 0 {
			t.Errorf("%d bytes are in use for an answer that nobody reads", used(&s.budget))
		}
		c.Close()
	})
}

// A page may write for an hour; a client that does not read ends it.
func TestPagesThatLast(t *testing.T) {
	var ended chan error // of the bubble
	tick := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 60 {
			select {
			case <-r.Context().Done():
				ended <- r.Context().Err()
				return
			case <-time.After(time.Minute):
			}
			_, err := io.WriteString(w, "tick\n")
			if err = errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	})
	inBubble(t, Options{Pages: []Page{{Pattern: "POST /tail", Action: "x:Tail", Handler: tick}}}, func(t *testing.T, _ *server, dial func() net.Conn) {
		ended = make(chan error, 1)
		const request = "POST /tail HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
		c := dial()
		io.WriteString(c, request) //nolint:errcheck // the server may have ended the connection
		if text, err := io.ReadAll(c); strings.Count(string(text), "tick") != 60 || err != nil {
			t.Errorf("%d ticks, %v", strings.Count(string(text), "tick"), err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		c = dial()
		io.WriteString(c, request) //nolint:errcheck // the server may have ended the connection
		if err := <-ended; err == nil {
			t.Error("a page goes on for a client that does not read")
		}
		c.Close()
	})
}

// A body that was detached leaves its room to others, and has bounds of its own.
func TestDetach(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	svc := RESTService{SigningName: "x", Owns: func(path string) bool { return path == "/run" }, Routes: []Route{{
		Method: "POST", Path: "/run", Needs: func(*Request) ([]Permission, error) { return nil, nil },
		Run: func(_ context.Context, r *Request) (*Answer, error) {
			if err := r.Detach(); err != nil {
				return nil, err
			}
			entered <- true
			<-release
			return &Answer{Body: r.Body}, nil
		},
	}}}
	const size = 50 << 10
	h := NewServer(Options{REST: []RESTService{svc}, Services: []Service{echoing()}, MaxBody: 64 << 10, MaxInFlight: 65 << 10, MaxDetached: 150 << 10}).(*server)
	call := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/run", strings.NewReader(strings.Repeat("x", size))))
		return w
	}
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			if w := call(); w.Code != 200 || w.Body.Len() != size {
				t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
			}
		})
		<-entered
	}
	if used(&h.budget) != 0 {
		t.Errorf("%d bytes of requests are in use", used(&h.budget))
	}
	if w := call(); w.Code != http.StatusTooManyRequests {
		t.Errorf("%d beyond the bounds of invocations", w.Code)
	}
	close(release)
	calls.Wait()
	if used(&h.detached) != 0 {
		t.Errorf("%d bytes of invocations are in use at the end", used(&h.detached))
	}
}

// A request is refused for what decoding it makes before that is made, and one that
// reads for what its answer takes.
func TestDecodedBytes(t *testing.T) {
	h := NewServer(Options{Services: []Service{echoing()}, MaxBody: 1 << 20, MaxInFlight: 1 << 20}).(*server)
	call := func(op, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "Echo_1."+op)
		r.Header.Set("Content-Type", json10)
		h.ServeHTTP(w, r)
		return w
	}
	if w := call("Echo", "["+strings.Repeat("1,", 10_000)+"1]"); w.Code != 413 || !strings.Contains(w.Body.String(), "about 10001 values") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := call("Echo", `"`+strings.Repeat("1,", 10_000)+`"`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := call("Read", strings.Repeat(" ", 100_000)); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if used(&h.budget) != 0 {
		t.Errorf("%d bytes are in use at the end", used(&h.budget))
	}
}

// What decoding makes of the body of a REST operation or of a page has bounds as well;
// a page for everybody decodes nothing.
func TestDecodedBytesOfRESTAndPages(t *testing.T) {
	svc := RESTService{SigningName: "x", Owns: func(path string) bool { return path == "/rest" }, Routes: []Route{{
		Method: "POST", Path: "/rest", Needs: func(*Request) ([]Permission, error) { return nil, nil },
		Run: func(_ context.Context, r *Request) (*Answer, error) {
			var in map[string]string
			return &Answer{}, r.Decode(&in)
		},
	}}}
	done := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	pages := []Page{{Pattern: "POST /page", Action: "tablecast:X", Handler: done}, {Pattern: "POST /open", Open: true, Handler: done}}
	h := NewServer(Options{REST: []RESTService{svc}, Pages: pages, MaxBody: 1 << 20, MaxInFlight: 1 << 20}).(*server)
	tags := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d":""`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for path, many := range map[string]int{"/rest": 413, "/page": 413, "/open": 200} {
		for body, want := range map[string]int{tags(100): 200, tags(10_000): many} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost"+path, strings.NewReader(body)))
			if w.Code != want || want == 413 && !strings.Contains(w.Body.String(), "about 10000 values") {
				t.Errorf("%s with %d bytes: %d %s", path, len(body), w.Code, w.Body)
			}
		}
	}
	if used(&h.budget) != 0 {
		t.Errorf("%d bytes are in use at the end", used(&h.budget))
	}
}

func used(b *budget) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Of more connections than there may be, the oldest one on which nothing was verified
// goes; if all were verified, the new one.
func TestLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	closed := 0
	ln := Limit(inner, 3, func() { closed++ })
	dial := func() (client net.Conn, served *conn) {
		client, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return client, nc.(*conn)
	}
	gone := func(c net.Conn) bool {
		_, err := c.Read(make([]byte, 1))
		return err != nil
	}
	_, first := dial()
	first.known.Store(true)
	second, _ := dial()
	_, third := dial()
	_, fourth := dial()
	if !gone(second) || closed != 1 {
		t.Errorf("the oldest unknown connection stays, %d closed", closed)
	}
	third.known.Store(true)
	fourth.known.Store(true)
	done := make(chan bool)
	go func() {
		defer close(done)
		fifth, err := net.Dial("tcp", inner.Addr().String())
		if err != nil || !gone(fifth) {
			t.Errorf("a fourth connection beside known ones, %v", err)
		}
		first.Close()
		sixth, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		sixth.Close()
	}()
	if _, err := ln.Accept(); err != nil {
		t.Fatal(err)
	}
	<-done
}
