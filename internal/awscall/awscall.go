// Package awscall makes signed calls of services of AWS of which one or two
// operations are used: the SDK's clients of S3, SNS, Kinesis, Step Functions and
// CloudWatch Logs took an eighth of the time to compile Tablecast, and 15 MB of
// its binary. It never tries again; who calls does, or tells its caller.
package awscall

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
)

// maxAnswer bounds what is read of an answer that the caller gave no bound for:
// 1 MiB.
const maxAnswer = 1 << 20

// NotFound is the code with which most services say that what a call names does
// not exist.
const NotFound = "ResourceNotFoundException"

// A Client calls a service in a region. All fields but Endpoint are needed.
type Client struct {
	HTTP        *http.Client
	Credentials aws.CredentialsProvider
	// Service is the name in the service's host and in the signature.
	Service string
	Region  string
	// Endpoint is the URL of the service. The default is AWS's in the region.
	Endpoint string
}

// An Error is what a service answered in place of a result. It is a
// smithy.APIError, as the errors of the SDK are.
type Error struct {
	Status  int    // of HTTP
	Code    string // such as ThrottlingException
	Message string
}

// Error tells the code, the status and the message.
func (e *Error) Error() string { return fmt.Sprintf("%s (HTTP %d): %s", e.Code, e.Status, e.Message) }

// ErrorCode implements smithy.APIError.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError: statuses below 500 are the caller's
// fault.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status < http.StatusInternalServerError {
		return smithy.FaultClient
	}
	return smithy.FaultServer
}

// JSON calls an operation of the protocol AWS JSON in a version, 1.0 or 1.1.
// target is the operation with the service's own prefix, as in
// Kinesis_20131202.PutRecord. out is nil, or what the answer is read into; an
// empty answer leaves it as it is. What the service refuses is an *Error.
func (c *Client) JSON(ctx context.Context, version, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("awscall: %s: %w", target, err)
	}
	req, err := c.Request(ctx, http.MethodPost, "/", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-"+version)
	req.Header.Set("X-Amz-Target", target)
	answer, err := c.Do(req, body, maxAnswer)
	if err != nil {
		return err
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("awscall: answer to %s: %w", target, err)
	}
	return nil
}

// Query calls an operation of the protocol AWS query, whose parameters are a
// form and whose answers are XML. What the service refuses is an *Error.
func (c *Client) Query(ctx context.Context, form url.Values, out any) error {
	body := []byte(form.Encode())
	req, err := c.Request(ctx, http.MethodPost, "/", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	answer, err := c.Do(req, body, maxAnswer)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("awscall: answer to %s: %w", form.Get("Action"), err)
	}
	return nil
}

// Request returns a request for a path of the service, which begins with a
// slash and is escaped.
func (c *Client) Request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	base := c.Endpoint
	if base == "" {
		base = "https://" + Host(c.Service, c.Region)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("awscall: %w", err)
	}
	return req, nil
}

// Host returns the host of a service of AWS in a region.
func Host(service, region string) string {
	host := service + "." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

// Do signs a request with this body, sends it, and returns at most limit bytes
// of the answer. An answer that is no success is an *Error.
func (c *Client) Do(req *http.Request, body []byte, limit int64) ([]byte, error) {
	ctx := req.Context()
	credentials, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("awscall: credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = c.Service == "s3" })
	if c.Service == "s3" {
		req.Header.Set("X-Amz-Content-Sha256", hash)
	}
	if err := signer.SignHTTP(ctx, credentials, req, hash, c.Service, c.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("awscall: signature: %w", err)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what came of it tells enough
		return nil, errorOf(resp, answer)
	}
	return io.ReadAll(io.LimitReader(resp.Body, limit))
}

// errorOf reads the error of an answer, in JSON or in either form of XML.
func errorOf(resp *http.Response, answer []byte) error {
	e := &Error{Status: resp.StatusCode, Code: resp.Header.Get("X-Amzn-Errortype")}
	var j struct {
		Type    string `json:"__type"`
		Message string `json:"message,case:ignore"`
	}
	var x struct {
		Code    string // S3
		Message string
		Error   struct{ Code, Message string } // AWS query
	}
	switch {
	case json.Unmarshal(answer, &j) == nil:
		e.Message = j.Message
		if e.Code == "" {
			e.Code = j.Type
		}
	case xml.Unmarshal(answer, &x) == nil:
		e.Code, e.Message = x.Code+x.Error.Code, x.Message+x.Error.Message
	}
	// The name may stand between a namespace and an address.
	_, after, ok := strings.Cut(e.Code, "#")
	if ok {
		e.Code = after
	}
	e.Code, _, _ = strings.Cut(e.Code, ":")
	if e.Code == "" {
		e.Code = http.StatusText(resp.StatusCode)
	}
	return e
}
