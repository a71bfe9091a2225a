package eventbridge_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A node is buses in a folder, served on loopback.
type node struct {
	*apitest.Server
	buses  *bus.Buses
	queues *delivery.Queues
	conns  *connection.Connections
}

// start serves buses and delivers their events until the test ends.
func start(t testing.TB, o bus.Options) *node {
	t.Helper()
	store := kvtest.Open(t, t.TempDir(), kv.Options{})
	n, log := &node{}, &apitest.Log{}
	var err error
	if n.conns, err = connection.Open(store, connection.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}); err != nil {
		t.Fatal(err)
	}
	n.queues, err = delivery.Open(store, delivery.Options{
		Targets: func(arn string) (target.Target, error) {
			if strings.Contains(arn, connection.ResourcePrefix) {
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
	o.Serves = func(arn string) bool { return strings.Contains(arn, connection.ResourcePrefix) }
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
	t.Cleanup(func() { cancel(); hops.Wait() })
	n.Server = apitest.Serve(t, eventbridge.Service(n.buses, n.conns), log)
	return n
}

// sdk returns the SDK's client of the node.
func (n *node) sdk() *sdk.Client { return sdk.NewFromConfig(n.Config()) }
