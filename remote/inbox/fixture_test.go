package inbox_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/remote/inbox"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// serve serves tables on loopback until the test ends, and returns the URL.
func serve(t testing.TB) string {
	t.Helper()
	url, stop, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// start serves tables on loopback, among them inbox and totals.
func start() (url string, stop func(), err error) {
	store, err := kv.Open("data", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		return "", nil, err
	}
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		return "", nil, err
	}
	tables, err := table.Open(store, streams, table.Options{})
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = tables.Run(ctx) })
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{dynamodb.Service(tables, "us-east-1")}}), nil)
	srv.Start()
	stop = func() {
		srv.Close()
		cancel()
		background.Wait()
		_ = store.Close()
	}
	for _, name := range []string{"inbox", "totals"} {
		_, err := client(srv.URL).CreateTable(ctx, &sdk.CreateTableInput{
			TableName: &name, BillingMode: types.BillingModePayPerRequest,
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		})
		if err != nil {
			stop()
			return "", nil, err
		}
	}
	return srv.URL, stop, nil
}

// client returns AWS's SDK for a server. It tries again only what it spoils
// itself, by closing a request's body before net/http is done with it.
func client(url string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Retryables = []retry.IsErrorRetryable{retry.RetryableConnectionError{}}
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
}

// A clock runs ahead of the real one by what it was moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) move(d time.Duration) { c.ahead.Add(int64(d)) }

// A world is an inbox with a clock of its own, on a server.
type world struct {
	*inbox.Inbox
	clock *clock
	db    *sdk.Client
	url   string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{clock: &clock{}, url: serve(t)}
	w.db = client(w.url)
	w.Inbox = inbox.New(inbox.Options{Client: w.db, Table: "inbox", Now: w.clock.now})
	return w
}

// total reads how often an order was counted.
func (w *world) total(t testing.TB, id string) string {
	t.Helper()
	out, err := w.db.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("totals"), Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}})
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := out.Item["n"].(*types.AttributeValueMemberN); ok {
		return n.Value
	}
	return ""
}

// count is the write that counts an order once more.
func count(id string) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: aws.String("totals"), Key: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}},
		UpdateExpression: aws.String("ADD n :one"), ExpressionAttributeValues: map[string]types.AttributeValue{":one": &types.AttributeValueMemberN{Value: "1"}},
	}}
}
