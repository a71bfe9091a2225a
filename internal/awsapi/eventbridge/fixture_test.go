package eventbridge_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A node is buses in a folder, served on loopback.
type node struct {
	url    string
	client *http.Client
	buses  *bus.Buses
	queues *delivery.Queues
	conns  *connection.Connections
	log    *strings.Builder
}

// start serves buses and delivers their events until the test ends.
func start(t testing.TB, o bus.Options) *node {
	t.Helper()
	store := kvtest.Open(t, t.TempDir(), kv.Options{})
	n := &node{log: &strings.Builder{}, client: &http.Client{Transport: &http.Transport{}}}
	log := slog.New(slog.NewTextHandler(n.log, nil))
	var err error
	if n.conns, err = connection.Open(store, connection.Options{Logger: log}); err != nil {
		t.Fatal(err)
	}
	n.queues, err = delivery.Open(store, delivery.Options{
		Targets: func(arn string) (target.Target, error) {
			if strings.Contains(arn, connection.ARNPart) {
				return n.conns.Target(arn)
			}
			return target.Open(arn, target.Options{LogDir: t.TempDir(), Trusted: true})
		},
		Events:  func(name string, seq uint64) (*event.Event, error) { return bus.Event(store, name, seq) },
		Restore: bus.Restore,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Serves = func(arn string) bool { return strings.Contains(arn, connection.ARNPart) }
	if n.buses, err = bus.Open(store, n.queues, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var hops sync.WaitGroup
	for _, run := range []func(context.Context) error{n.queues.Run, n.buses.Run, n.conns.Run} {
		hops.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	h := awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{eventbridge.Service(n.buses, n.conns)}, Logger: log})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(h, nil)
	srv.Start()
	t.Cleanup(func() {
		n.client.CloseIdleConnections()
		srv.Close()
		cancel()
		hops.Wait()
	})
	n.url = srv.URL
	return n
}

// sdk returns an AWS SDK for the node that does not try again.
func (n *node) sdk() *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &n.url, Retryer: aws.NopRetryer{}, HTTPClient: n.client,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// call posts a body to an operation and returns the answer.
func (n *node) call(t testing.TB, op, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSEvents."+op)
	resp, err := n.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// must is call of what succeeds.
func (n *node) must(t testing.TB, op, body string) string {
	t.Helper()
	status, answer := n.call(t, op, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", op, body, status, answer)
	}
	return answer
}
