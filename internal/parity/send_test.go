package parity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
)

// A request is one call. With raw it is sent as that text, else as body.
type request struct {
	op   string
	body object
	raw  string
}

// json returns the body as it goes over the wire.
func (r request) json() string {
	if r.raw != "" {
		return r.raw
	}
	return text(r.body)
}

// A server answers requests: Tablecast or a peer.
type server struct {
	name   string
	url    string
	strict bool // what the SDK does not understand is an error
	sdk    *dynamodb.Client
	http   *http.Client
}

// requestTime bounds one request.
const requestTime = 20 * time.Second

func newServer(name, url string) *server {
	s := &server{name: name, url: url, http: &http.Client{Timeout: requestTime, Transport: &http.Transport{}}}
	s.sdk = dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &url, Retryer: aws.NopRetryer{}, HTTPClient: recorder{s.http},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	return s
}

// An exchange is what went over the wire for one call of the SDK.
type exchange struct {
	status int
	body   []byte
	err    error
}

type exchangeKey struct{}

// A recorder keeps the answer of each call in the exchange of its context.
type recorder struct{ http *http.Client }

func (r recorder) Do(req *http.Request) (*http.Response, error) {
	resp, err := r.http.Do(req)
	ex := req.Context().Value(exchangeKey{}).(*exchange)
	if err != nil {
		ex.err = err
		return nil, err
	}
	defer resp.Body.Close()
	ex.status = resp.StatusCode
	if ex.body, ex.err = io.ReadAll(resp.Body); ex.err != nil {
		return nil, ex.err
	}
	resp.Body = io.NopCloser(bytes.NewReader(ex.body))
	return resp, nil
}

// send sends a request over the SDK, or as plain HTTP if the SDK cannot say it, or
// would write the tables of a batch in another order to each server. What a strict
// server answers over the SDK must be what the SDK understood.
func (s *server) send(ctx context.Context, r request) (answer, error) {
	tables, _ := r.body["RequestItems"].(object)
	if r.raw == "" && len(tables) < 2 {
		if in, ok := sdkInput(r.op, r.body); ok {
			a, err := s.call(ctx, r.op, in)
			var refused smithy.InvalidParamsError
			if !errors.As(err, &refused) {
				return a, err
			}
		}
	}
	return s.post(ctx, r)
}

// call sends an input over the SDK.
func (s *server) call(ctx context.Context, op string, input any) (answer, error) {
	ex := &exchange{}
	ctx = context.WithValue(ctx, exchangeKey{}, ex)
	out := reflect.ValueOf(s.sdk).MethodByName(op).Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(input)})
	err, _ := out[1].Interface().(error)
	if ex.err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", s.name, op, ex.err)
	}
	if ex.status == 0 {
		return answer{}, err
	}
	a := parseAnswer(ex.status, ex.body)
	var api smithy.APIError
	switch {
	case !s.strict, err == nil && a.kind == "":
		return a, nil
	case errors.As(err, &api) && api.ErrorCode() == a.kind && api.ErrorMessage() == a.message:
		return a, nil
	default:
		return a, fmt.Errorf("%s %s: the SDK understands %w, the answer was %d %s", s.name, op, err, ex.status, ex.body)
	}
}

// signature passes where a server looks for a signature and does not verify it.
const signature = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"

// post sends a request as plain HTTP.
func (s *server) post(ctx context.Context, r request) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(r.json()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+r.op)
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", signature)
	resp, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(resp.StatusCode, body), nil
}

// must sends a request of the test itself, which has to succeed.
func (s *server) must(ctx context.Context, op string, body object) (object, error) {
	a, err := s.post(ctx, request{op: op, body: body})
	if err == nil && a.kind != "" {
		err = fmt.Errorf("%s %s %s: %s", s.name, op, text(body), a)
	}
	return a.body, err
}

// clone copies a JSON object of strings, ints, bools, lists and objects.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for name, e := range v {
			out[name] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	default:
		return v
	}
}
