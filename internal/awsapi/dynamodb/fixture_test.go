package dynamodb_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A node is tables in a folder, served on loopback.
type node struct {
	url    string
	tables *table.Tables
	log    *strings.Builder
}

// start serves tables in a folder of the file system, or in memory.
func start(t testing.TB, inMemory bool) *node {
	t.Helper()
	var store *kv.Store
	if inMemory {
		store = kvtest.NewMem(t)
	} else {
		store = kvtest.Open(t, t.TempDir(), kv.Options{})
	}
	return serve(t, store)
}

func serve(t testing.TB, store *kv.Store) *node {
	t.Helper()
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{log: &strings.Builder{}}
	if n.tables, err = table.Open(store, streams, table.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = n.tables.Run(ctx) })
	t.Cleanup(func() { cancel(); background.Wait() })
	log := slog.New(slog.NewTextHandler(n.log, nil))
	h := awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{dynamodb.Service(n.tables, "us-east-1")}, Logger: log})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(h, nil)
	srv.Start()
	t.Cleanup(srv.Close)
	n.url = srv.URL
	return n
}

// client returns an AWS SDK for the node that does not try again.
func (n *node) client() *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &n.url, Retryer: onlyClosed(),
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
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	resp, err := http.DefaultClient.Do(req)
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

const (
	createUsers = `{"TableName":"users","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}`
	createLines = `{"TableName":"lines","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],` +
		`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":6}}`
)

// onlyClosed tries again only what the SDK spoils itself: it closes the body of
// a request as soon as the answer begins, and if net/http is not done with it
// by then, the connection goes with the rest of the answer. Its own default
// tries again, too.
func onlyClosed() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = []retry.IsErrorRetryable{retry.RetryableConnectionError{}}
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}
