package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/tablecast/tablecast/internal/trace"
)

// idleConns is how many idle connections one target keeps.
const idleConns = 16

// A webhook posts the body to a URL.
type webhook struct {
	url     string
	secret  []byte
	client  *http.Client
	timeout time.Duration
}

func newWebhook(url string, o Options) *webhook {
	return &webhook{url: url, secret: o.Secret, timeout: o.Timeout, client: NewClient(o)}
}

// NewClient returns an HTTP client that keeps invariants 3 and 4 and the limits of
// the options; a deadline for a whole call is up to its caller's context.
func NewClient(o Options) *http.Client {
	o = o.withDefaults()
	g := guard{publicOnly: o.PublicOnly, allow: o.Allow}
	dialer := &net.Dialer{Timeout: o.Timeout, Control: g.control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        o.TLS,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    idleConns,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    o.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Deliver implements Target. Headers identify the event, so that a consumer can
// tell a duplicate without reading the body.
func (w *webhook) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(d.Body))
	if err != nil {
		return Response{}, &Error{Code: CodeInternal, Msg: err.Error(), Permanent: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tablecast")
	req.Header.Set("Tablecast-Event-Id", d.Event.ID)
	req.Header.Set("Tablecast-Rule", d.Rule)
	req.Header.Set("Tablecast-Attempt", strconv.Itoa(d.Attempt))
	if len(w.secret) > 0 {
		sign(req.Header, w.secret, time.Now(), d.Event.ID, d.Body)
	}
	if d.Event.Trace != "" {
		req.Header.Set(trace.AWSHeader, d.Event.Trace)
	}
	if c := trace.Parse(d.Event.Trace); c.Valid() {
		req.Header.Set(trace.Header, c.String())
	}
	return Call(w.client, req)
}

// Call makes one HTTP call and reads at most MaxResponseBytes of the response. Its
// error is an *Error, or the context's error if that was cancelled.
func Call(client *http.Client, req *http.Request) (Response, error) {
	resp, err := client.Do(req)
	if err != nil {
		return Response{}, transportError(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponseBytes))
	answer := Response{Status: resp.Status, Body: body}
	if err != nil {
		return answer, transportError(err)
	}
	return answer, statusError(resp)
}

// CloseIdleConnections closes connections that no call uses.
func (w *webhook) CloseIdleConnections() { w.client.CloseIdleConnections() }

// transportError returns what a call without a complete response means as an
// *Error, or the context's error if that was cancelled.
func transportError(err error) error {
	var blocked *blockedError
	var network net.Error
	switch {
	case errors.As(err, &blocked):
		return &Error{Code: CodeNoPermissions, Msg: blocked.Error(), Permanent: true}
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return &Error{Code: CodeTimeout, Msg: "no whole answer in time: " + err.Error()}
	}
	return &Error{Code: CodeUnavailable, Msg: err.Error()}
}

// statusError returns nil for status 2xx, and otherwise what the status means as
// an *Error.
func statusError(resp *http.Response) error {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	e := &Error{Code: CodeUnavailable, Msg: "answered " + resp.Status, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	switch {
	case code >= 300 && code < 400:
		e.Code, e.Permanent = CodeClientError, true
		e.Msg = fmt.Sprintf("answered %s to %q; redirects are not followed", resp.Status, resp.Header.Get("Location"))
	case code == http.StatusTooManyRequests:
		e.Code = CodeThrottling
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Code, e.Permanent = CodeNoPermissions, code == http.StatusForbidden
	case code == http.StatusNotFound || code == http.StatusGone:
		e.Code, e.Permanent = CodeNoResource, true
	case code >= 400 && code < 500:
		e.Code, e.Permanent = CodeClientError, !transient(code)
	}
	return e
}

// transient reports whether a call with a 4xx status may succeed later.
func transient(code int) bool {
	switch code {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return true
	}
	return false
}

// retryAfter parses the header Retry-After: seconds or a date.
func retryAfter(h string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(h, 10, 32); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if t, err := http.ParseTime(h); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}
