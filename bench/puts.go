package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/server"
)

// body is a PutItem of about 1 KB, with the number of the item in it.
func body(n uint64) []byte {
	return fmt.Appendf(nil, `{"TableName":"users","Item":{"id":{"S":"u%012d"},"n":{"N":"%d"},"doc":{"S":"%s"}}}`, n, n, strings.Repeat("x", 900))
}

// rounds is how often node and floor are measured in turn.
const rounds = 3

// puts compares durable PutItem over HTTP, on a table with its stream on, with a
// bare handler that commits the body of the same request to Pebble with sync.
// With events, each put raises one, which is a second commit.
func puts(ctx context.Context, dir string, connections int, events bool, d time.Duration) error {
	folder, err := os.MkdirTemp(dir, "puts-")
	if err != nil {
		return err
	}
	node, nodeURL, stopNode, err := serveNode(filepath.Join(folder, "node"), events)
	if err != nil {
		return err
	}
	bareURL, stopBare, err := serveBare(filepath.Join(folder, "bare"))
	if err != nil {
		return err
	}
	var ours, floor float64
	for range rounds {
		n, err := load(ctx, nodeURL, connections, d/rounds)
		if err != nil {
			return err
		}
		m, err := load(ctx, bareURL, connections, d/rounds)
		if err != nil {
			return err
		}
		ours, floor = ours+n/rounds, floor+m/rounds
	}
	what, aim := fmt.Sprintf("PutItem/s, %d connections", connections), "-"
	switch {
	case events:
		what += ", an event each"
	case connections == 64:
		aim = ">= 0.60"
	}
	row(what, fmt.Sprintf("%.0f", ours), fmt.Sprintf("%.0f", floor), ours/floor, aim)
	return errors.Join(stopNode(), node.Close(), stopBare())
}

const (
	benchTable = "tables: { users: { key: id, stream: new-image } }\n"
	benchEvent = "events: { UserCreated: { from: users, on: insert, source: bench } }\n"
)

// serveNode runs a node with a table, its stream, and with events a mapping, in
// this process.
func serveNode(dir string, events bool) (*tablecast.Node, string, func() error, error) {
	text := benchTable
	if events {
		text += benchEvent
	}
	file, err := config.Parse("bench.yaml", []byte(text))
	if err != nil {
		return nil, "", nil, err
	}
	node, err := tablecast.Open(dir, tablecast.Options{Config: file})
	if err != nil {
		return nil, "", nil, err
	}
	opts := server.Options{Listen: "127.0.0.1:0"}
	ln, err := server.Listen(opts)
	if err != nil {
		return nil, "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, node, ln, opts, time.Second) }()
	return node, "http://" + ln.Addr().String(), func() error { cancel(); return <-done }, nil
}

// serveBare runs the floor: net/http and a synced Pebble commit of the body.
func serveBare(dir string) (string, func() error, error) {
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		return "", nil, err
	}
	var next atomic.Uint64
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			err = db.Set(fmt.Appendf(nil, "%020d", next.Add(1)), b, pebble.Sync)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write([]byte("{}"))
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	return "http://" + ln.Addr().String(), func() error { return errors.Join(srv.Close(), db.Close()) }, nil
}

type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

var items atomic.Uint64

// load posts PutItem requests over a number of connections and returns how many
// were answered in a second.
func load(ctx context.Context, url string, connections int, d time.Duration) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var answered atomic.Uint64
	var failed atomic.Pointer[error]
	var posting sync.WaitGroup
	begin := time.Now()
	for range connections {
		posting.Go(func() {
			for time.Since(begin) < d {
				if err := put(ctx, client, url, body(items.Add(1))); err != nil {
					failed.Store(&err)
					return
				}
				answered.Add(1)
			}
		})
	}
	posting.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(answered.Load()) / time.Since(begin).Seconds(), nil
}

func put(ctx context.Context, client *http.Client, url string, b []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return err
}
