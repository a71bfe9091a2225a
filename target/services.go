package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	statetypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/go-json-experiment/json"
)

// The beginnings of the ARNs of streams of Kinesis, of state machines, and of
// groups of logs.
const (
	KinesisARN      = "arn:aws:kinesis:"
	StateMachineARN = "arn:aws:states:"
	LogGroupARN     = "arn:aws:logs:"
)

// A service is a kind of AWS's services that takes events.
type service struct {
	prefix, form string // of its ARNs
	resource     string // what the name in the ARN begins with
	open         func(a arn, o Options, client *http.Client) func(context.Context, *Delivery) (string, error)
}

var services = []service{
	{KinesisARN, KinesisARN + "REGION:ACCOUNT:stream/NAME", "stream/", openKinesis},
	{StateMachineARN, StateMachineARN + "REGION:ACCOUNT:stateMachine:NAME", "stateMachine:", openStateMachine},
	{LogGroupARN, LogGroupARN + "REGION:ACCOUNT:log-group:NAME", "log-group:", openLogGroup},
}

// IsAWS reports whether an ARN is of one of AWS's services that Options.AWS
// calls.
func IsAWS(arn string) bool {
	for _, s := range services {
		if strings.HasPrefix(arn, s.prefix) {
			return true
		}
	}
	return strings.HasPrefix(arn, QueueARN) || strings.HasPrefix(arn, TopicARN)
}

// openService opens a target of one of the services; false if it is of none.
func openService(text string, o Options) (Target, bool, error) {
	for _, s := range services {
		if !strings.HasPrefix(text, s.prefix) {
			continue
		}
		parts := strings.SplitN(text, ":", 6)
		if len(parts) != 6 || parts[3] == "" || !strings.HasPrefix(parts[5], s.resource) || parts[5] == s.resource {
			return nil, true, &ParseError{text, "not the ARN of a resource that takes events", s.form}
		}
		if o.AWS == nil {
			return nil, true, errNoAWS(text)
		}
		client := NewClient(o)
		a := arn{text, parts[3], parts[4], strings.TrimSuffix(strings.TrimPrefix(parts[5], s.resource), ":*")}
		return &serviceTarget{s.open(a, o, client), o.Timeout, client.CloseIdleConnections}, true, nil
	}
	return nil, false, nil
}

// A serviceTarget makes one call of a service for an event.
type serviceTarget struct {
	call    func(context.Context, *Delivery) (status string, err error)
	timeout time.Duration
	idle    func()
}

// CloseIdleConnections lets go of connections that no call uses.
func (s *serviceTarget) CloseIdleConnections() { s.idle() }

// Deliver implements Target.
func (s *serviceTarget) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	ctx, cancel := limit(ctx, s.timeout)
	defer cancel()
	status, err := s.call(ctx, d)
	var answered *Error
	if err == nil || errors.As(err, &answered) {
		return Response{Status: status}, err
	}
	return Response{}, awsError(ctx, err)
}

// openKinesis puts a record. Its partition key is the target's parameter, or the
// event's id.
func openKinesis(a arn, o Options, client *http.Client) func(context.Context, *Delivery) (string, error) {
	c := kinesis.New(kinesis.Options{Region: a.region, Credentials: o.AWS.Credentials, HTTPClient: client, Retryer: aws.NopRetryer{}, BaseEndpoint: endpoint(o.AWS.Kinesis)})
	return func(ctx context.Context, d *Delivery) (string, error) {
		out, err := c.PutRecord(ctx, &kinesis.PutRecordInput{StreamARN: &a.text, Data: d.Body, PartitionKey: aws.String(partition(d))})
		if err != nil {
			return "", err
		}
		return "record " + aws.ToString(out.SequenceNumber), nil
	}
}

// maxPartition is the most characters of a partition key.
const maxPartition = 256

func partition(d *Delivery) string {
	var p struct{ PartitionKeyPath string } // what the path led to
	if v := d.Params["KinesisParameters"]; v != nil && json.Unmarshal(v, &p) == nil && p.PartitionKeyPath != "" {
		key := []rune(p.PartitionKeyPath)
		return string(key[:min(len(key), maxPartition)])
	}
	return d.Event.ID
}

// openStateMachine starts an execution, whose name is made of the event and of
// whom it is delivered for, so that a repeat is told.
func openStateMachine(a arn, o Options, client *http.Client) func(context.Context, *Delivery) (string, error) {
	c := sfn.New(sfn.Options{Region: a.region, Credentials: o.AWS.Credentials, HTTPClient: client, Retryer: aws.NopRetryer{}, BaseEndpoint: endpoint(o.AWS.States)})
	return func(ctx context.Context, d *Delivery) (string, error) {
		in := &sfn.StartExecutionInput{StateMachineArn: &a.text, Input: aws.String(string(d.Body)), Name: aws.String(execution(d))}
		if d.Event.Trace != "" {
			in.TraceHeader = &d.Event.Trace
		}
		out, err := c.StartExecution(ctx, in)
		var repeat *statetypes.ExecutionAlreadyExists
		if errors.As(err, &repeat) {
			return "execution exists", nil
		}
		if err != nil {
			return "", err
		}
		return "execution " + aws.ToString(out.ExecutionArn), nil
	}
}

// execution returns a name of at most 80 characters.
func execution(d *Delivery) string {
	sum := sha256.Sum256([]byte(d.Event.ID + "\x00" + d.Bus + "\x00" + d.Rule + "\x00" + d.TargetID + "\x00" + d.Event.ReplayName))
	return hex.EncodeToString(sum[:16])
}

// openLogGroup writes a line to the stream "tablecast" of a group, which it makes
// if it is missing. A body {"timestamp": MILLISECONDS, "message": TEXT} is a line
// of that time.
func openLogGroup(a arn, o Options, client *http.Client) func(context.Context, *Delivery) (string, error) {
	c := cloudwatchlogs.New(cloudwatchlogs.Options{Region: a.region, Credentials: o.AWS.Credentials, HTTPClient: client, Retryer: aws.NopRetryer{}, BaseEndpoint: endpoint(o.AWS.Logs)})
	stream := aws.String("tablecast")
	return func(ctx context.Context, d *Delivery) (string, error) {
		in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &a.name, LogStreamName: stream, LogEvents: []logtypes.InputLogEvent{logEvent(d.Body)}}
		out, err := c.PutLogEvents(ctx, in)
		var missing *logtypes.ResourceNotFoundException
		if errors.As(err, &missing) {
			_, err = c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &a.name, LogStreamName: stream})
			var exists *logtypes.ResourceAlreadyExistsException
			if err == nil || errors.As(err, &exists) {
				out, err = c.PutLogEvents(ctx, in)
			}
		}
		switch {
		case err != nil:
			return "", err
		case out.RejectedLogEventsInfo != nil:
			return "", &Error{Code: CodeClientError, Msg: "the line is too old or too new for the log group", Permanent: true}
		}
		return "logged", nil
	}
}

// logEvent returns the line of a body.
func logEvent(body []byte) logtypes.InputLogEvent {
	var given struct {
		Timestamp *int64  `json:"timestamp"`
		Message   *string `json:"message"`
	}
	if json.Unmarshal(body, &given) == nil && given.Timestamp != nil && given.Message != nil {
		return logtypes.InputLogEvent{Timestamp: given.Timestamp, Message: given.Message}
	}
	return logtypes.InputLogEvent{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(string(body))}
}
