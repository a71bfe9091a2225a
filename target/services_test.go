package target_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

// Events reach streams of Kinesis, state machines and groups of logs; a state
// machine starts once for an event, and what is missing is said to be.
func TestServices(t *testing.T) {
	m := startMoto(t)
	o := target.Options{AWS: &target.AWS{Credentials: m.creds, Kinesis: m.url, States: m.url, Logs: m.url}}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	d := targettest.Delivery(1)
	send := func(arn, want string) {
		t.Helper()
		if a, err := open(t, arn, o).Deliver(t.Context(), d); err != nil || !strings.HasPrefix(a.Status, want) {
			t.Errorf("%s: %q, %v, want %s", arn, a.Status, err, want)
		}
	}

	k := kinesis.New(kinesis.Options{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: m.creds, HTTPClient: client})
	if _, err := k.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	const stream = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
	send(stream, "record ")
	d.Params = map[string]jsontext.Value{"KinesisParameters": jsontext.Value(`{"PartitionKeyPath":"user-7"}`)}
	send(stream, "record ")
	shards, err := k.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	it, err := k.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: shards.Shards[0].ShardId, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		t.Fatal(err)
	}
	page, err := k.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
	if err != nil || len(page.Records) != 2 || *page.Records[0].PartitionKey != d.Event.ID || *page.Records[1].PartitionKey != "user-7" || string(page.Records[0].Data) != string(d.Body) {
		t.Errorf("%+v, %v", page, err)
	}

	states := sfn.New(sfn.Options{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: m.creds, HTTPClient: client})
	machine, err := states.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("m"), RoleArn: aws.String("arn:aws:iam::123456789012:role/r"), Definition: aws.String(`{"StartAt":"a","States":{"a":{"Type":"Pass","End":true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	send(*machine.StateMachineArn, "execution ")
	send(*machine.StateMachineArn, "execution ")
	started, err := states.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: machine.StateMachineArn})
	if err != nil || len(started.Executions) != 1 {
		t.Fatalf("%+v, %v", started, err)
	}
	run, err := states.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: started.Executions[0].ExecutionArn})
	if err != nil || *run.Input != string(d.Body) {
		t.Errorf("%+v, %v", run, err)
	}

	logs := cloudwatchlogs.New(cloudwatchlogs.Options{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: m.creds, HTTPClient: client})
	if _, err := logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/events/g")}); err != nil {
		t.Fatal(err)
	}
	send("arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/g:*", "logged")
	read, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/aws/events/g"), LogStreamName: aws.String("tablecast"), StartFromHead: aws.Bool(true)})
	if err != nil || len(read.Events) != 1 || *read.Events[0].Message != string(d.Body) {
		t.Errorf("%+v, %v", read, err)
	}

	for _, missing := range []string{"arn:aws:kinesis:us-east-1:123456789012:stream/nobody", "arn:aws:states:us-east-1:123456789012:stateMachine:nobody", "arn:aws:logs:us-east-1:123456789012:log-group:nobody"} {
		var e *target.Error
		if _, err := open(t, missing, o).Deliver(t.Context(), d); !errors.As(err, &e) || !e.Permanent || e.Code != target.CodeNoResource {
			t.Errorf("%s: %#v", missing, err)
		}
	}
}

// A service that does not answer is worth another call; one that is not offered,
// and what is no ARN of a resource, are said to be.
func TestServiceFailures(t *testing.T) {
	const nobody = "http://127.0.0.1:1"
	o := target.Options{AWS: &target.AWS{Credentials: aws.AnonymousCredentials{}, Kinesis: nobody, States: nobody, Logs: nobody}}
	for arn, bad := range map[string]string{
		"arn:aws:kinesis:us-east-1:123456789012:stream/s":           "arn:aws:kinesis:us-east-1:123456789012:s",
		"arn:aws:states:us-east-1:123456789012:stateMachine:m":      "arn:aws:states:us-east-1:123456789012:activity:m",
		"arn:aws:logs:us-east-1:123456789012:log-group:/aws/events": "arn:aws:logs::123456789012:log-group:x",
	} {
		var e *target.Error
		if _, err := open(t, arn, o).Deliver(t.Context(), targettest.Delivery(1)); !errors.As(err, &e) || e.Permanent || e.Code != target.CodeUnavailable {
			t.Errorf("%s: %#v", arn, err)
		}
		var parse *target.ParseError
		if _, err := target.Open(bad, o); !errors.As(err, &parse) {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := target.Open(arn, target.Options{}); !errors.As(err, &parse) || !target.IsAWS(arn) {
			t.Errorf("%s without AWS: %v", arn, err)
		}
	}
}

// An answer that says nothing against the event leaves it to be retried: the
// credentials have expired, or no service of AWS has answered.
func TestServiceAnswersThatPass(t *testing.T) {
	for _, body := range []string{`{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`, `<html><body>Who are you?</body></html>`, ``} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
		}))
		o := target.Options{AWS: &target.AWS{Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), SNS: srv.URL, Kinesis: srv.URL, States: srv.URL, Logs: srv.URL}}
		for _, arn := range []string{
			"arn:aws:sns:us-east-1:123456789012:t", "arn:aws:kinesis:us-east-1:123456789012:stream/s",
			"arn:aws:states:us-east-1:123456789012:stateMachine:m", "arn:aws:logs:us-east-1:123456789012:log-group:g",
		} {
			var e *target.Error
			if _, err := open(t, arn, o).Deliver(t.Context(), targettest.Delivery(1)); !errors.As(err, &e) || e.Permanent {
				t.Errorf("%s: %q: %#v", arn, body, err)
			}
		}
		srv.Close()
	}
}
