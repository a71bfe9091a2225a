package connection

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/target"
)

// ResourcePrefix is what the resource in the ARN of an API destination begins
// with; its name and id follow.
const ResourcePrefix = "api-destination/"

// Target returns the API destination that an ARN names as a target. It need not
// exist so far; calls fail until it does. Errors: *target.ParseError.
func (s *Connections) Target(text string) (target.Target, error) {
	a, err := arn.Parse(text)
	rest, ok := strings.CutPrefix(a.Resource, ResourcePrefix)
	name, id, _ := strings.Cut(rest, "/")
	if err != nil || !ok || name == "" {
		return nil, &target.ParseError{ARN: text, Msg: "not the ARN of an API destination", Fix: "arn:aws:events:REGION:ACCOUNT:api-destination/NAME/ID"}
	}
	return &destinationTarget{s, name, id}, nil
}

// A destinationTarget calls an API destination, which it looks up for each call.
type destinationTarget struct {
	s        *Connections
	name, id string
}

// httpParameters is the HttpParameters block of a rule's target.
type httpParameters struct {
	PathParameterValues   []string
	HeaderParameters      map[string]string
	QueryStringParameters map[string]string
}

// Deliver implements target.Target: it waits until the destination's rate allows a
// call, makes it, and drops a token that was refused.
func (t *destinationTarget) Deliver(ctx context.Context, d *target.Delivery) (target.Response, error) {
	dest, _, err := t.s.Destination(t.name)
	if err != nil || t.id != "" && t.id != dest.ID {
		return target.Response{}, &target.Error{Code: target.CodeNoResource, Msg: "there is no API destination " + t.name + " with the id of the ARN"}
	}
	if err := wait.Sleep(ctx, t.s.reserveCall(dest)); err != nil {
		return target.Response{}, err
	}
	t.s.mu.Lock()
	c, ok := t.s.connections[dest.Connection]
	t.s.mu.Unlock()
	if !ok {
		return target.Response{}, denied("there is no connection %s", dest.Connection)
	}
	ctx, cancel := context.WithTimeout(ctx, t.s.timeout())
	defer cancel()
	req, err := t.s.request(ctx, dest, c, d)
	if err != nil {
		return target.Response{}, err
	}
	answer, err := target.Call(t.s.client, req)
	if e := (*target.Error)(nil); errors.As(err, &e) { // the URL may contain a secret
		e.Msg = strings.ReplaceAll(e.Msg, req.URL.String(), dest.Endpoint)
	}
	if strings.HasPrefix(answer.Status, "401") || strings.HasPrefix(answer.Status, "407") {
		t.s.dropToken(c.Name)
	}
	return answer, err
}

func (s *Connections) timeout() time.Duration {
	if s.opts.Target.Timeout > 0 {
		return s.opts.Target.Timeout
	}
	return 5 * time.Second
}

// fill returns a URL with values for the stars of its path, in their order. A star in a
// value, which may come from an event, is none of them.
func fill(at *url.URL, values []string) (*url.URL, error) {
	if len(values) == 0 {
		return at, nil
	}
	var path strings.Builder
	rest := at.Path
	for _, v := range values {
		before, after, found := strings.Cut(rest, "*")
		if !found {
			break
		}
		path.WriteString(before + v)
		rest = after
	}
	path.WriteString(rest)
	if slices.ContainsFunc(strings.Split(path.String(), "/"), func(s string) bool { return s == "." || s == ".." }) {
		return nil, &target.Error{Code: target.CodeClientError, Msg: "a path parameter has . or .. for a part of the path", Permanent: true}
	}
	return at.ResolveReference(&url.URL{Path: path.String(), RawQuery: at.RawQuery}), nil
}

// request builds the call: the parameters of the rule's target first, then those
// of the connection, which take precedence, then the fixed headers.
func (s *Connections) request(ctx context.Context, dest Destination, c Connection, d *target.Delivery) (*http.Request, error) {
	var params httpParameters
	if v := d.Params["HttpParameters"]; v != nil {
		if err := json.Unmarshal(v, &params); err != nil {
			return nil, &target.Error{Code: target.CodeClientError, Msg: "HttpParameters: " + err.Error(), Permanent: true}
		}
	}
	at, err := url.Parse(dest.Endpoint)
	if err != nil {
		return nil, &target.Error{Code: target.CodeClientError, Msg: "the endpoint is no URL", Permanent: true}
	}
	if at, err = fill(at, params.PathParameterValues); err != nil {
		return nil, err
	}
	query := at.Query()
	for k, v := range params.QueryStringParameters {
		query.Set(k, v)
	}
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, dest.Method, at.String(), nil)
	if err != nil {
		return nil, &target.Error{Code: target.CodeClientError, Msg: "the endpoint cannot be called", Permanent: true}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	var headers []Parameter
	for k, v := range params.HeaderParameters {
		headers = append(headers, Parameter{Key: k, Value: v})
	}
	setHeaders(req.Header, headers)
	body, err := s.authorizeCall(ctx, c, req, d.Body)
	if err != nil {
		if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, err
	}
	req.Header.Set("User-Agent", "Amazon/EventBridge/ApiDestinations")
	req.Header.Set("Range", "bytes=0-1048575")
	req.Header.Set("Accept-Encoding", "gzip,deflate")
	req.Close = true
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return req, nil
}

// reservedHeaders are the headers that rules and connections cannot set, by
// EventBridge's user guide.
const reservedHeaders = " a-im accept-charset accept-datetime accept-encoding cache-control connection content-encoding content-length content-md5 date expect " +
	"forwarded from host http2-settings max-forwards origin pragma proxy-authorization range referer te trailer transfer-encoding " +
	"user-agent upgrade via warning "

// setHeaders sets those of the headers that are not reserved.
func setHeaders(h http.Header, params []Parameter) {
	for _, p := range params {
		name := strings.ToLower(p.Key)
		if !strings.Contains(reservedHeaders, " "+name+" ") && !strings.HasPrefix(name, "if-") && !strings.ContainsAny(p.Value, "\r\n") {
			h.Set(p.Key, p.Value)
		}
	}
}
