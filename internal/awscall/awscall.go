// Package awscall makes signed calls to those services of AWS of which Tablecast
// uses one or two operations: S3, SNS, Kinesis, Step Functions and CloudWatch Logs.
// Their clients in the SDK took an eighth of the time to compile Tablecast, and
// 15 MB of its binary. This package never retries a call; its callers do.
package awscall

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/httpbinding"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxAnswer bounds what JSON and Query read of an answer, and Do of an error:
	// 1 MiB.
	maxAnswer = 1 << 20
	// maxDrain bounds what Do reads and discards behind the limit of its caller,
	// so that the connection can be used again: 64 KiB.
	maxDrain = 64 << 10
)

// lenient reads answers as the SDK does: of a name that comes twice the last one
// counts, and invalid UTF-8 is replaced.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// NotFound is the code with which most services say that what a call names does
// not exist.
const NotFound = "ResourceNotFoundException"

// A Client calls a service in a region. All exported fields but Endpoint must be
// set. Methods may be called from any goroutine.
type Client struct {
	// HTTP sends the requests. It should follow no redirects: a signature is for
	// one host, and a redirected POST or PUT may become a GET.
	HTTP        *http.Client
	Credentials aws.CredentialsProvider
	// Service is the name in the service's host and in the signature.
	Service string
	Region  string
	// Endpoint is the URL of the service. The default is AWS's in the region.
	Endpoint string

	// clockSkew is how far the service's clock was ahead of ours when it last
	// answered, in nanoseconds. Signatures are dated by the service's clock, as
	// services refuse those that are some minutes old.
	clockSkew atomic.Int64
}

// An Error is an answer with a status other than 2xx. It is a smithy.APIError, as
// the errors of the SDK are.
type Error struct {
	Status  int    // of HTTP
	Code    string // such as ThrottlingException; the text of the status if the answer has no code
	Message string
}

// transient holds codes of statuses below 500 that say nothing against the
// request: the rate is too high, the credentials have expired or are not known
// yet, or a clock is wrong.
var transient = map[string]bool{
	"BandwidthLimitExceeded": true, "EC2ThrottledException": true, "LimitExceededException": true, "PriorRequestNotComplete": true,
	"ProvisionedThroughputExceededException": true, "RequestLimitExceeded": true, "RequestThrottled": true, "RequestThrottledException": true,
	"SlowDown": true, "ThrottledException": true, "Throttling": true, "ThrottlingException": true, "TooManyRequestsException": true,
	"TransactionInProgressException": true,

	"RequestTimeout": true, "RequestTimeoutException": true, "RequestExpired": true, "RequestInTheFuture": true, "RequestTimeTooSkewed": true,
	"ExpiredToken": true, "ExpiredTokenException": true, "TokenRefreshRequired": true,
	"IncompleteSignature": true, "MissingAuthenticationToken": true, "SignatureDoesNotMatch": true, "UnrecognizedClientException": true,
}

// Error returns the code, the status and the message.
func (e *Error) Error() string { return fmt.Sprintf("%s (HTTP %d): %s", e.Code, e.Status, e.Message) }

// ErrorCode implements smithy.APIError.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError. FaultClient means that the service will
// refuse the same request again. The fault is unknown if the code is transient, or
// if there is none, as then a proxy may have answered.
func (e *Error) ErrorFault() smithy.ErrorFault {
	switch {
	case e.Status >= http.StatusInternalServerError:
		return smithy.FaultServer
	case transient[e.Code], e.Code == http.StatusText(e.Status), e.Status < http.StatusBadRequest:
		return smithy.FaultUnknown
	}
	return smithy.FaultClient
}

// JSON calls an operation by the protocol AWS JSON in version 1.0 or 1.1. target
// is the operation with the service's own prefix, as Kinesis_20131202.PutRecord.
// JSON decodes the answer into out, unless that is nil or the answer is empty. If
// the service refuses the call, the error is an *Error.
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
	if err := json.Unmarshal(answer, out, lenient); err != nil {
		return fmt.Errorf("awscall: answer to %s: %w", target, err)
	}
	return nil
}

// Query calls an operation by the protocol AWS query: the parameters are a form,
// and the answer is XML, which Query decodes into out unless it is empty. If the
// service refuses the call, the error is an *Error.
func (c *Client) Query(ctx context.Context, form url.Values, out any) error {
	body := []byte(form.Encode())
	req, err := c.Request(ctx, http.MethodPost, "/", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	answer, err := c.Do(req, body, maxAnswer)
	if err != nil || len(answer) == 0 {
		return err
	}
	if err := xml.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("awscall: answer to %s: %w", form.Get("Action"), err)
	}
	return nil
}

// Request returns a request for a path of the service. The path begins with a
// slash and is escaped; for S3 by AWS's rules, see EscapePath, since S3 computes
// the signature over a path that it has escaped so.
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

// EscapePath escapes a path as AWS does: all but letters, digits, - . _ ~ and /.
func EscapePath(path string) string { return httpbinding.EscapePath(path, false) }

// Host returns the host of a service of AWS in a region.
func Host(service, region string) string {
	host := service + "." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

// Do signs a request with this body, sends it, and returns at most limit bytes of
// the answer. If the status is not 2xx, the error is an *Error.
func (c *Client) Do(req *http.Request, body []byte, limit int64) ([]byte, error) {
	if err := c.sign(req, body); err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	c.noteClock(resp)
	if resp.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // the status and what was read suffice
		return nil, errorOf(resp, answer)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err == nil {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain) // a failure costs the connection alone
	}
	return answer, err
}

// sign signs a request, unless the credentials are anonymous.
func (c *Client) sign(req *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	s3 := c.Service == "s3"
	if s3 {
		req.Header.Set("X-Amz-Content-Sha256", hash)
	}
	if aws.IsCredentialsProvider(c.Credentials, (*aws.AnonymousCredentials)(nil)) {
		return nil
	}
	credentials, err := c.Credentials.Retrieve(req.Context())
	if err != nil {
		return fmt.Errorf("awscall: credentials: %w", err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s3 })
	if err := signer.SignHTTP(req.Context(), credentials, req, hash, c.Service, c.Region, c.now()); err != nil {
		return fmt.Errorf("awscall: signature: %w", err)
	}
	return nil
}

// now returns the time by the clock of the service, as far as it is known.
func (c *Client) now() time.Time { return time.Now().Add(time.Duration(c.clockSkew.Load())) }

// noteClock notes the clock of the service, which dates its answers.
func (c *Client) noteClock(resp *http.Response) {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.clockSkew.Store(int64(time.Until(date)))
	}
}

// errorOf returns the error that an answer contains, in JSON or in either form of
// XML.
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
	case json.Unmarshal(answer, &j, lenient) == nil:
		e.Message = j.Message
		if e.Code == "" {
			e.Code = j.Type
		}
	case xml.Unmarshal(answer, &x) == nil:
		e.Code, e.Message = cmp.Or(x.Code, x.Error.Code, e.Code), x.Message+x.Error.Message
	}
	// The header and __type have the form NAMESPACE#CODE:ADDRESS, of which only
	// CODE must be there.
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
