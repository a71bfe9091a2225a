package dynamodb_test

import (
	"context"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A node is tables in a folder, served on loopback.
type node struct {
	*apitest.Server
	tables *table.Tables
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
	n := serveIdle(t, store)
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = n.tables.Run(ctx) })
	t.Cleanup(func() { cancel(); background.Wait() })
	return n
}

// serveIdle serves tables whose background work does not run: indexes are never
// filled.
func serveIdle(t testing.TB, store *kv.Store) *node {
	t.Helper()
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{}
	if n.tables, err = table.Open(store, streams, table.Options{}); err != nil {
		t.Fatal(err)
	}
	n.Server = apitest.Serve(t, dynamodb.Service(n.tables, "us-east-1"), &apitest.Log{})
	return n
}

// client returns the SDK's client of the node.
func (n *node) client() *sdk.Client { return sdk.NewFromConfig(n.Config()) }

const (
	createUsers = `{"TableName":"users","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"}`
	createLines = `{"TableName":"lines","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],` +
		`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":6}}`
)
