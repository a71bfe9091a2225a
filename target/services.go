package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/awscall"
)

// Prefixes of the ARNs of Kinesis streams, state machines and log groups.
const (
	KinesisARN      = "arn:aws:kinesis:"
	StateMachineARN = "arn:aws:states:"
	LogGroupARN     = "arn:aws:logs:"
)

// A service is one of AWS's that takes an event by one call of one operation.
type service struct {
	prefix, form string // of its ARNs
	resource     string // prefix of the resource in the ARN
	name         string // in the service's host name and in signatures
	endpoint     func(*AWS) string
	call         func(ctx context.Context, c *awscall.Client, a address, d *Delivery) (status string, err error)
}

var services = []service{
	{TopicARN, TopicARN + "REGION:ACCOUNT:NAME", "", "sns", func(a *AWS) string { return a.SNS }, publish},
	{KinesisARN, KinesisARN + "REGION:ACCOUNT:stream/NAME", "stream/", "kinesis", func(a *AWS) string { return a.Kinesis }, putRecord},
	{StateMachineARN, StateMachineARN + "REGION:ACCOUNT:stateMachine:NAME", "stateMachine:", "states", func(a *AWS) string { return a.States }, startExecution},
	{LogGroupARN, LogGroupARN + "REGION:ACCOUNT:log-group:NAME", "log-group:", "logs", func(a *AWS) string { return a.Logs }, putLogEvent},
}

// IsAWS reports whether an ARN names a resource of a service that is called with
// Options.AWS.
func IsAWS(arn string) bool {
	for _, s := range services {
		if strings.HasPrefix(arn, s.prefix) {
			return true
		}
	}
	return strings.HasPrefix(arn, QueueARN)
}

// openService opens a target of one of the services; false if the ARN is of none.
func openService(text string, o Options) (Target, bool, error) {
	for _, s := range services {
		if !strings.HasPrefix(text, s.prefix) {
			continue
		}
		a, ok := parseAddress(text, s.resource)
		if !ok {
			return nil, true, &ParseError{text, "not the ARN of a resource that takes events", s.form}
		}
		if o.AWS == nil {
			return nil, true, errNoAWS(text)
		}
		client := newAWSClient(o)
		c := &awscall.Client{HTTP: client, Credentials: o.AWS.Credentials, Service: s.name, Region: a.Region, Endpoint: s.endpoint(o.AWS)}
		a.name = strings.TrimSuffix(a.name, ":*") // ARNs of log groups end so
		return &serviceTarget{s, c, a, o.Timeout}, true, nil
	}
	return nil, false, nil
}

// A serviceTarget makes one call of a service for an event.
type serviceTarget struct {
	service
	client  *awscall.Client
	address address
	timeout time.Duration
}

// CloseIdleConnections closes connections that no call uses.
func (s *serviceTarget) CloseIdleConnections() { s.client.HTTP.CloseIdleConnections() }

// Deliver implements Target.
func (s *serviceTarget) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	status, err := s.call(ctx, s.client, s.address, d)
	var answered *Error
	if err == nil || errors.As(err, &answered) {
		return Response{Status: status}, err
	}
	return Response{}, awsError(ctx, err)
}

// publish sends the body to a topic of SNS. In a FIFO topic the event's id is the
// deduplication id.
func publish(ctx context.Context, c *awscall.Client, a address, d *Delivery) (string, error) {
	form := url.Values{"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {a.text}, "Message": {string(d.Body)}}
	if a.fifo() {
		form.Set("MessageGroupId", group(d))
		form.Set("MessageDeduplicationId", d.Event.ID)
	}
	var out struct {
		MessageID string `xml:"PublishResult>MessageId"`
	}
	err := c.Query(ctx, form, &out)
	return "message " + out.MessageID, err
}

// putRecord puts a record into a stream of Kinesis. Its partition key is the
// target's parameter, or the event's id.
func putRecord(ctx context.Context, c *awscall.Client, a address, d *Delivery) (string, error) {
	in := struct {
		StreamARN    string
		Data         []byte
		PartitionKey string
	}{a.text, d.Body, partition(d)}
	var out struct{ SequenceNumber string }
	err := c.JSON(ctx, "1.1", "Kinesis_20131202.PutRecord", in, &out)
	return "record " + out.SequenceNumber, err
}

// maxPartition is how many characters a partition key may have.
const maxPartition = 256

func partition(d *Delivery) string {
	var p struct{ PartitionKeyPath string } // the value at the path
	if v := d.Params["KinesisParameters"]; v != nil && json.Unmarshal(v, &p) == nil && p.PartitionKeyPath != "" {
		key := []rune(p.PartitionKeyPath)
		return string(key[:min(len(key), maxPartition)])
	}
	return d.Event.ID
}

// startExecution starts an execution of a state machine. Its name is made of the
// event and the rule's target, so that a repeated delivery starts no second one.
func startExecution(ctx context.Context, c *awscall.Client, a address, d *Delivery) (string, error) {
	in := struct {
		StateMachineARN string `json:"stateMachineArn"`
		Input           string `json:"input"`
		Name            string `json:"name"`
		TraceHeader     string `json:"traceHeader,omitempty"`
	}{a.text, string(d.Body), execution(d), d.Event.Trace}
	var out struct {
		ExecutionARN string `json:"executionArn"`
	}
	err := c.JSON(ctx, "1.0", "AWSStepFunctions.StartExecution", in, &out)
	if isCode(err, "ExecutionAlreadyExists") {
		return "execution exists", nil
	}
	return "execution " + out.ExecutionARN, err
}

// execution returns the name of the execution, which may have 80 characters.
func execution(d *Delivery) string {
	sum := sha256.Sum256([]byte(d.Event.ID + "\x00" + d.Bus + "\x00" + d.Rule + "\x00" + d.TargetID + "\x00" + d.Event.ReplayName))
	return hex.EncodeToString(sum[:16])
}

// logStream is the log stream that events are written to.
const logStream = "tablecast"

// putLogEvent writes a log event to a group of CloudWatch Logs, in a log stream
// that it creates if it does not exist. A body {"timestamp": MILLISECONDS, "message": TEXT} is
// a line of that time.
func putLogEvent(ctx context.Context, c *awscall.Client, a address, d *Delivery) (string, error) {
	const api = "Logs_20140328."
	stream := logStreamName{a.name, logStream}
	in := struct {
		logStreamName
		Events []logEvent `json:"logEvents"`
	}{stream, []logEvent{logEventOf(d.Body)}}
	var out struct {
		Rejected jsontext.Value `json:"rejectedLogEventsInfo"`
	}
	err := c.JSON(ctx, "1.1", api+"PutLogEvents", in, &out)
	if isCode(err, awscall.NotFound) {
		err = c.JSON(ctx, "1.1", api+"CreateLogStream", stream, nil)
		if err == nil || isCode(err, "ResourceAlreadyExistsException") {
			err = c.JSON(ctx, "1.1", api+"PutLogEvents", in, &out)
		}
	}
	if err == nil && len(out.Rejected) > 0 && out.Rejected.Kind() != 'n' {
		err = &Error{Code: CodeClientError, Msg: "the line is too old or too new for the log group", Permanent: true}
	}
	return "logged", err
}

// A logStreamName names a stream of a group of CloudWatch Logs.
type logStreamName struct {
	Group  string `json:"logGroupName"`
	Stream string `json:"logStreamName"`
}

// A logEvent is a line of CloudWatch Logs.
type logEvent struct {
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970
	Message   string `json:"message"`
}

// logEventOf returns the line of a body.
func logEventOf(body []byte) logEvent {
	var given struct {
		Timestamp *int64  `json:"timestamp"`
		Message   *string `json:"message"`
	}
	if json.Unmarshal(body, &given) == nil && given.Timestamp != nil && given.Message != nil {
		return logEvent{*given.Timestamp, *given.Message}
	}
	return logEvent{time.Now().UnixMilli(), string(body)}
}

// isCode reports whether a service answered with an error of this code.
func isCode(err error, code string) bool {
	var e *awscall.Error
	return errors.As(err, &e) && e.Code == code
}
