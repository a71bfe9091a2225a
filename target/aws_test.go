package target_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

// A moto is a server of moto, which imitates AWS.
type moto struct {
	url   string
	creds aws.CredentialsProvider
	sqs   *sqs.Client
}

// startMoto runs moto's server until the test ends; without one the test is
// skipped.
func startMoto(t *testing.T) *moto {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not on PATH")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(path, "-H", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	m := &moto{url: "http://" + addr, creds: credentials.NewStaticCredentialsProvider("k", "s", "")}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		}
		if ctx.Err() != nil {
			t.Fatal("moto_server does not come up")
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	m.sqs = sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: m.creds, HTTPClient: client})
	return m
}

func (m *moto) options() target.Options {
	return target.Options{AWS: &target.AWS{Credentials: m.creds, SQS: m.url, SNS: m.url}}
}

func (m *moto) queue(t *testing.T, name string, attributes map[string]string) (url, arn string) {
	t.Helper()
	out, err := m.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl, "arn:aws:sqs:us-east-1:123456789012:" + name
}

// receive returns the one message that waits in a queue.
func (m *moto) receive(t *testing.T, url string) (body string, attributes map[string]string) {
	t.Helper()
	out, err := m.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("%d messages, %v", len(out.Messages), err)
	}
	attributes = map[string]string{}
	for name, v := range out.Messages[0].MessageAttributes {
		attributes[name] = *v.StringValue
	}
	return *out.Messages[0].Body, attributes
}

func deliver(t *testing.T, arn string, o target.Options, d *target.Delivery) error {
	t.Helper()
	to, err := target.Open(arn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(to.(interface{ CloseIdleConnections() }).CloseIdleConnections)
	a, err := to.Deliver(t.Context(), d)
	if err == nil && !strings.HasPrefix(a.Status, "message ") {
		t.Errorf("status %q", a.Status)
	}
	return err
}

// Bodies reach queues and topics, dead letters have their attributes, and what
// fails for good is told from what does not.
func TestAWSTargets(t *testing.T) {
	m := startMoto(t)
	url, arn := m.queue(t, "plain", nil)
	d := targettest.Delivery(1)
	if err := deliver(t, arn, m.options(), d); err != nil {
		t.Fatal(err)
	}
	if body, _ := m.receive(t, url); body != string(d.Body) {
		t.Errorf("queue got %s", body)
	}

	fifo, fifoARN := m.queue(t, "in-order.fifo", map[string]string{"FifoQueue": "true"})
	d.Params = map[string]jsontext.Value{"SqsParameters": jsontext.Value(`{"MessageGroupId":"g"}`)}
	for range 2 { // the repeat is told by the event's id
		if err := deliver(t, fifoARN, m.options(), d); err != nil {
			t.Fatal(err)
		}
	}
	if body, _ := m.receive(t, fifo); body != string(d.Body) {
		t.Errorf("fifo queue got %s", body)
	}

	topics := sns.New(sns.Options{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: m.creds, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("news")})
	if err != nil {
		t.Fatal(err)
	}
	heard, heardARN := m.queue(t, "heard", nil)
	_, err = topics.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: &heardARN, Attributes: map[string]string{"RawMessageDelivery": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := deliver(t, *topic.TopicArn, m.options(), d); err != nil {
		t.Fatal(err)
	}
	if body, _ := m.receive(t, heard); body != string(d.Body) {
		t.Errorf("topic got %s", body)
	}

	dead, deadARN := m.queue(t, "dead", nil)
	q, err := target.OpenDeadLetterQueue(deadARN, m.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := q.SendDead(t.Context(), []byte("{}"), map[string]string{"ERROR_CODE": "TIMEOUT", "EMPTY": ""}); err != nil {
		t.Fatal(err)
	}
	if body, attributes := m.receive(t, dead); body != "{}" || len(attributes) != 1 || attributes["ERROR_CODE"] != "TIMEOUT" {
		t.Errorf("dead letter %s %v", body, attributes)
	}
	q.(interface{ CloseIdleConnections() }).CloseIdleConnections()

	for _, missing := range []string{"arn:aws:sqs:us-east-1:123456789012:nobody", "arn:aws:sns:us-east-1:123456789012:nobody"} {
		var e *target.Error
		if err := deliver(t, missing, m.options(), d); !errors.As(err, &e) || !e.Permanent || e.Code != target.CodeNoResource {
			t.Errorf("%s: %#v", missing, err)
		}
	}
}

// A service that does not answer is worth another call; one that is not offered
// is said to be.
func TestAWSFailures(t *testing.T) {
	o := target.Options{AWS: &target.AWS{Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), SQS: "http://127.0.0.1:1", SNS: "http://127.0.0.1:1"}}
	for _, arn := range []string{"arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:sns:us-east-1:123456789012:t"} {
		var e *target.Error
		if err := deliver(t, arn, o, targettest.Delivery(1)); !errors.As(err, &e) || e.Permanent || e.Code != target.CodeUnavailable {
			t.Errorf("%s: %#v", arn, err)
		}
		var bad *target.ParseError
		if _, err := target.Open(arn, target.Options{}); !errors.As(err, &bad) {
			t.Errorf("%s without AWS: %v", arn, err)
		}
		if _, err := target.Open(arn+":more", o); !errors.As(err, &bad) {
			t.Errorf("%s:more: %v", arn, err)
		}
	}
	if _, err := target.OpenDeadLetterQueue("arn:aws:sqs:us-east-1:123456789012:q.fifo", o); err == nil {
		t.Error("a queue in order takes dead letters")
	}
}

// A signature covers the time, the id and the body.
func TestSignature(t *testing.T) {
	got := make(chan *http.Request, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		got <- r
	}))
	t.Cleanup(srv.Close)
	to, err := target.Open(srv.URL, target.Options{Secret: []byte("s3cret")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(to.(interface{ CloseIdleConnections() }).CloseIdleConnections)
	if _, err := to.Deliver(t.Context(), targettest.Delivery(1)); err != nil {
		t.Fatal(err)
	}
	r := <-got
	body, _ := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, []byte("s3cret"))
	fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Tablecast-Timestamp"), r.Header.Get("Tablecast-Event-Id"), body)
	if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get("Tablecast-Signature") != want || len(r.Header.Get("Tablecast-Timestamp")) != 10 {
		t.Errorf("%s at %s, want %s", r.Header.Get("Tablecast-Signature"), r.Header.Get("Tablecast-Timestamp"), want)
	}
}
