package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// An attacker sends bad requests, one after the other.
type attacker struct {
	*victim
	t      *testing.T
	rand   *rand.Rand
	counts *counts
	calls  []call
	held   []net.Conn // half-open, or nobody reads from them
}

// maxHeld is how many connections an attacker leaves open.
const maxHeld = 250

// containsPanic reports whether a log tells of a panic.
func containsPanic(log string) bool {
	return strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") || strings.Contains(log, "fatal error")
}

// attack sends one bad request, of whatever kind.
func (a *attacker) attack() {
	switch n := a.rand.IntN(100); {
	case n < 5:
		a.garbage()
	case n < 7:
		a.hold()
	default:
		a.request()
	}
}

// request sends a request of HTTP whose body is changed, signed rightly, wrongly or
// not at all.
func (a *attacker) request() {
	c := a.calls[a.rand.IntN(len(a.calls))]
	body := a.body()
	path := c.path
	for strings.Contains(path, "{") {
		begin, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		path = path[:begin] + "f" + path[end+1:]
	}
	ctx, cancel := context.WithTimeout(a.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.method, a.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		a.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", c.contentType)
	if c.target != "" {
		req.Header.Set("X-Amz-Target", c.target)
	}
	good := a.rand.IntN(4) == 0
	a.signFor(req, c.service(), body, good)
	resp, err := a.client.Do(req)
	if err != nil {
		a.counts.add("no answer")
		return // a server may hang up on what it does not like
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		a.counts.add("half an answer")
		return
	}
	a.check(c, body, good, resp.StatusCode, string(answer))
}

// signFor signs a request as it should be, or in one of the ways in which it should
// not be.
func (a *attacker) signFor(req *http.Request, service string, body []byte, good bool) {
	secret, kind := a.creds.SecretAccessKey, a.rand.IntN(6)
	if !good && kind == 0 {
		return // unsigned
	}
	if !good && kind == 1 {
		secret += "x"
	}
	signed := body
	if !good && kind == 2 {
		signed = append(bytes.Clone(body), ' ')
	}
	if err := a.sign(a.t.Context(), req, service, secret, signed); err != nil {
		a.t.Error(err)
	}
	if good {
		return
	}
	switch value := req.Header.Get("Authorization"); kind {
	case 3:
		req.Header.Set("X-Amz-Date", "20000101T000000Z")
	case 4:
		b := []byte(value)
		b[len(b)-1] ^= 1 // of the signature
		req.Header.Set("Authorization", string(b))
	case 5:
		req.Header.Set("Authorization", value[:a.rand.IntN(len(value))])
	}
}

// check judges an answer.
func (a *attacker) check(c call, body []byte, good bool, status int, answer string) {
	a.counts.add(fmt.Sprint(status))
	public := c.path == "/healthz" || c.path == "/readyz" || c.path == "/" && strings.HasPrefix(answer, "healthy: ")
	switch {
	case status == http.StatusServiceUnavailable && answer != "":
		// It says why: busy, or not ready.
	case status >= http.StatusInternalServerError:
		a.t.Errorf("%s %s%s %.300q: %d %.300s", c.method, c.target, c.path, body, status, answer)
	case a.closed && !good && status < http.StatusBadRequest && !public:
		a.t.Errorf("%s %s%s was taken without a signature: %d %.300s", c.method, c.target, c.path, status, answer)
	}
}

// body returns a request's body with a few changes, or one that is bad throughout.
func (a *attacker) body() []byte {
	switch a.rand.IntN(40) {
	case 0:
		depth := 1 << a.rand.IntN(17)
		return []byte(`{"TableName":"users","Item":{"id":` + strings.Repeat(`{"L":[`, depth))
	case 1:
		return []byte(`{"TableName":"users","Item":{"id":{"S":"a"},"n":{"NS":["1"` + strings.Repeat(`,"1"`, 1<<a.rand.IntN(18)) + `]}}}`)
	case 2:
		return []byte(`{"TableName":"users","Limit":` + strings.Repeat("9", 1<<a.rand.IntN(12)) + `e` + strings.Repeat("9", 1<<a.rand.IntN(12)) + `}`)
	case 3:
		return []byte(`{"TableName":"` + strings.Repeat("x", 1<<a.rand.IntN(21)) + `"}`)
	}
	b := []byte(bodies[a.rand.IntN(len(bodies))])
	for range a.rand.IntN(4) {
		at := a.rand.IntN(len(b) + 1)
		switch a.rand.IntN(3) {
		case 0:
			b = append(b[:at:at], b[min(len(b), at+a.rand.IntN(9)):]...)
		case 1:
			b = append(b[:at:at], append([]byte(pieces[a.rand.IntN(len(pieces))]), b[at:]...)...)
		default:
			if at < len(b) {
				b[at] = byte(a.rand.UintN(256))
			}
		}
	}
	return b
}

// pieces are put into bodies.
var pieces = []string{`{`, `}`, `[`, `"`, `null`, `-1`, `1e999`, `99999999999999999999`, `"\ud800"`, "\x00", "\xff", `((((`, `{"S":`, `":n"`, ` AND `, `[99999999]`}

// head is the beginning of a request without its length.
const head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Type: application/x-amz-json-1.0\r\n"

// garbage are texts that are no request, or none that ends.
var garbage = []string{
	"\x00\x01\x02", "GET", "GET / HTTP/9.9\r\n\r\n", head + "Content-Length: -1\r\n\r\n", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
	head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}", head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
	head + "X-Long: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", head + strings.Repeat("A: b\r\n", 10_000) + "\r\n", head + "Content-Length: 99999999999999999999\r\n\r\n",
	head + "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", head + "Content-Length: 100\r\n\r\n{}",
}

// garbage sends what is no request, and hangs up.
func (a *attacker) garbage() {
	conn := a.dial()
	if conn == nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, garbage[a.rand.IntN(len(garbage))]) // the server may hang up in the middle
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	if s := string(answer); strings.HasPrefix(s, "HTTP/1.1 2") || strings.HasPrefix(s, "HTTP/1.1 5") && !strings.HasPrefix(s, "HTTP/1.1 505") && !strings.HasPrefix(s, "HTTP/1.1 501") {
		a.t.Errorf("garbage was answered %.200s", s)
	}
	a.counts.add("garbage")
}

// hold leaves a connection open on which a request never ends, or whose answers
// nobody reads.
func (a *attacker) hold() {
	conn := a.dial()
	if conn == nil {
		return
	}
	if len(a.held) == maxHeld {
		a.held[0].Close()
		a.held = a.held[1:]
	}
	a.held = append(a.held, conn)
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	switch a.rand.IntN(3) {
	case 0:
		_, _ = io.WriteString(conn, head[:a.rand.IntN(len(head))])
	case 1:
		_, _ = io.WriteString(conn, head+"Content-Length: 2000000\r\n\r\n{")
	default:
		_ = conn.(*net.TCPConn).SetReadBuffer(1 << 10)
		for range 1 + a.rand.IntN(20) {
			_, _ = io.WriteString(conn, strings.Replace(head, "ListTables", "Scan", 1)+"Content-Length: 21\r\n\r\n"+`{"TableName":"users"}`)
		}
	}
	a.counts.add("held")
}

// dial opens a connection; nil if there is none to be had, as while the server has
// as many as it takes.
func (a *attacker) dial() net.Conn {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(a.t.Context(), "tcp", strings.TrimPrefix(a.Endpoint, "http://"))
	if err != nil {
		a.counts.add("no connection")
		return nil
	}
	return conn
}

// hangUp closes the connections that are left open.
func (a *attacker) hangUp() {
	for _, conn := range a.held {
		conn.Close()
	}
}
