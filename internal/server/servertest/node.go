// Package servertest runs whole nodes behind their server on loopback. Only
// tests import it.
package servertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/server"
)

// Options configure a node. The zero Options are a node without a file.
type Options struct {
	// Config is the text of the node's tablecast.yaml.
	Config string
	// Memory keeps the node in memory. The default is a new folder.
	Memory bool
	// Server configures the server, which takes a free port.
	Server server.Options
}

// Start runs a node until the test ends and returns it with the URL of its
// server. The test fails if the node's end does.
func Start(t testing.TB, o Options) (*tablecast.Node, string) {
	t.Helper()
	file, err := config.Parse("tablecast.yaml", []byte(o.Config))
	if err != nil {
		t.Fatal(err)
	}
	o.Server.Listen = "127.0.0.1:0"
	ln, err := server.Listen(o.Server)
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	dir, opts := "data", tablecast.Options{Config: file, Endpoint: url}
	if o.Memory {
		opts.FS = vfs.NewMem()
	} else {
		dir = t.TempDir()
	}
	node, err := tablecast.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, node, ln, o.Server, time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, node.Close()); err != nil {
			t.Error(err)
		}
	})
	return node, url
}
