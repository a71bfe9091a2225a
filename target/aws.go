package target

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
)

// Prefixes of the ARNs of SQS queues and SNS topics.
const (
	QueueARN = "arn:aws:sqs:"
	TopicARN = "arn:aws:sns:"
)

// AWS says how to call the services of AWS.
type AWS struct {
	Credentials aws.CredentialsProvider
	// SQS, SNS, Kinesis, States (Step Functions) and Logs (CloudWatch Logs) are
	// endpoint URLs. The defaults are AWS's, by the region in an ARN.
	SQS, SNS, Kinesis, States, Logs string
}

// An address is the ARN of a resource of AWS, and the name of the resource.
type address struct {
	arn.ARN
	text, name string
}

// regionForm is what a region may look like, which becomes part of a host name.
var regionForm = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// parseAddress parses an ARN whose resource is a name behind a prefix, as
// "stream/". ok is false for other ARNs and for one whose region is none.
func parseAddress(text, prefix string) (a address, ok bool) {
	parsed, err := arn.Parse(text)
	name, found := strings.CutPrefix(parsed.Resource, prefix)
	if err != nil || !found || !regionForm.MatchString(parsed.Region) || name == "" || prefix == "" && strings.Contains(name, ":") {
		return a, false
	}
	return address{parsed, text, name}, true
}

func (a address) fifo() bool { return strings.HasSuffix(a.name, ".fifo") }

// openQueue opens a queue of SQS.
func openQueue(text string, o Options) (Target, error) {
	a, ok := parseAddress(text, "")
	switch {
	case !ok:
		return nil, &ParseError{text, "not the ARN of a queue", QueueARN + "REGION:ACCOUNT:NAME"}
	case o.AWS == nil:
		return nil, errNoAWS(text)
	}
	client := newAWSClient(o)
	c := sqs.New(sqs.Options{Region: a.Region, Credentials: o.AWS.Credentials, HTTPClient: client, Retryer: aws.NopRetryer{}, BaseEndpoint: endpoint(o.AWS.SQS)})
	return &queueTarget{client: c, address: a, timeout: o.Timeout, idle: client.CloseIdleConnections}, nil
}

// newAWSClient returns the HTTP client for services of AWS. Their endpoints may be
// private, as those of a VPC or of a local stack are; callers choose only a region.
func newAWSClient(o Options) *http.Client {
	o.PublicOnly = nil
	return NewClient(o)
}

// errNoAWS is the error for targets of AWS on a node that does not call AWS.
func errNoAWS(arn string) error {
	return &ParseError{arn, "services of AWS are not called by this node", "an http:// target, or start the node with --aws"}
}

func endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

// awsError returns what a failed call means as an *Error, or the context's error if
// that was cancelled.
func awsError(ctx context.Context, err error) error {
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case !errors.As(err, &api):
		return transportError(err)
	}
	e := &Error{Code: CodeUnavailable, Msg: api.ErrorCode() + ": " + api.ErrorMessage()}
	code := api.ErrorCode()
	switch {
	case strings.Contains(code, "ProvisionedThroughputExceeded"):
		e.Code = CodeThrottling
	case strings.HasPrefix(code, "ResourceNotFound") || strings.HasPrefix(code, "StateMachineDoesNotExist"):
		e.Code, e.Permanent = CodeNoResource, true
	case strings.Contains(code, "NonExistentQueue") || strings.Contains(code, "QueueDoesNotExist") || strings.HasPrefix(code, "NotFound"):
		e.Code, e.Permanent = CodeNoResource, true
	case strings.Contains(code, "Throttl") || strings.Contains(code, "TooManyRequests"):
		e.Code = CodeThrottling
	case strings.Contains(code, "AccessDenied") || strings.Contains(code, "Authorization") || strings.Contains(code, "InvalidClientTokenId"):
		e.Code, e.Permanent = CodeNoPermissions, true
	case api.ErrorFault() == smithy.FaultClient || strings.HasPrefix(code, "Invalid"):
		e.Code, e.Permanent = CodeClientError, true
	}
	return e
}

// A queueTarget sends the body to a queue of SQS.
type queueTarget struct {
	client  *sqs.Client
	address address
	timeout time.Duration
	idle    func()

	mu  sync.Mutex
	url string // of the queue; empty until GetQueueUrl has answered
}

// CloseIdleConnections closes connections that no call uses.
func (q *queueTarget) CloseIdleConnections() { q.idle() }

// Deliver implements Target. In a FIFO queue the event's id is the deduplication
// id, so that a repeated delivery within SQS's window is one message.
func (q *queueTarget) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	in := &sqs.SendMessageInput{MessageBody: aws.String(string(d.Body))}
	if q.address.fifo() {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(group(d)), aws.String(d.Event.ID)
	}
	return q.send(ctx, in, d.Event.Trace)
}

func (q *queueTarget) send(ctx context.Context, in *sqs.SendMessageInput, trace string) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	url, err := q.find(ctx)
	if err != nil {
		return Response{}, awsError(ctx, err)
	}
	in.QueueUrl = &url
	if trace != "" {
		in.MessageSystemAttributes = traceAttribute(trace)
	}
	out, err := q.client.SendMessage(ctx, in)
	if err != nil {
		return Response{}, awsError(ctx, err)
	}
	return Response{Status: "message " + aws.ToString(out.MessageId)}, nil
}

// find returns the URL of the queue, which it asks SQS for once.
func (q *queueTarget) find(ctx context.Context) (string, error) {
	q.mu.Lock()
	url := q.url
	q.mu.Unlock()
	if url != "" {
		return url, nil
	}
	out, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.address.name, QueueOwnerAWSAccountId: &q.address.AccountID})
	if err != nil {
		return "", err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.url = aws.ToString(out.QueueUrl)
	return q.url, nil
}

// group returns the message group id: the target's parameter, the event's group,
// or else the event's id, so that it is in no order with others.
func group(d *Delivery) string {
	var p struct {
		MessageGroupID string `json:"MessageGroupId"`
	}
	if v := d.Params["SqsParameters"]; v != nil && json.Unmarshal(v, &p) == nil && p.MessageGroupID != "" {
		return p.MessageGroupID
	}
	if d.Event.Group != "" {
		return clipGroup(d.Event.Group)
	}
	return d.Event.ID
}
