package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A floor is what an operation is compared with: a bare net/http handler that
// does the least that any server must do for it.
type floor int

const (
	commits floor = iota // commits the bytes of the request to Pebble with sync
	answers              // returns the bytes of the node's answer, its header among them
	scans                // reads ten rows off Pebble and returns the bytes of the node's answer
)

// An operation is one row of the table, at each number of connections.
type operation struct {
	name  string
	op    string // DynamoDB's name
	floor floor
	aims  map[int]string // by connections
	body  func(n uint64) string
}

// doc is the bulk of an item of about 1 KB.
var doc = strings.Repeat("x", 900)

func user(n uint64) string {
	return fmt.Sprintf(`{"id":{"S":"u%012d"},"n":{"N":"%d"},"doc":{"S":"%s"}}`, n, n, doc)
}

// operations returns the rows for a table of so many items; new items have
// numbers above it.
func operations(items uint64) []operation {
	old := func() uint64 { return rand.Uint64N(items) }
	several := func(n uint64, count int, format string) string {
		parts := make([]string, count)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, user(items+n*uint64(count)+uint64(i)))
		}
		return strings.Join(parts, ",")
	}
	return []operation{
		{"GetItem", "GetItem", answers, map[int]string{64: ">= 0.80"}, func(uint64) string {
			return fmt.Sprintf(`{"TableName":"users","Key":{"id":{"S":"u%012d"}}}`, old())
		}},
		{"PutItem", "PutItem", commits, map[int]string{64: ">= 0.70"}, func(n uint64) string {
			return fmt.Sprintf(`{"TableName":"users","Item":%s}`, user(items+n))
		}},
		{"UpdateItem, counter", "UpdateItem", commits, nil, func(uint64) string {
			return fmt.Sprintf(`{"TableName":"users","Key":{"id":{"S":"u%012d"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`, old())
		}},
		{"PutItem, conditional", "PutItem", commits, nil, func(n uint64) string {
			return fmt.Sprintf(`{"TableName":"users","Item":%s,"ConditionExpression":"attribute_not_exists(id)"}`, user(items+n))
		}},
		{"Query, 10 of 1,000", "Query", scans, map[int]string{64: ">= 0.50"}, func(uint64) string {
			return fmt.Sprintf(`{"TableName":"lines","KeyConditionExpression":"pk = :p AND sk >= :s","ExpressionAttributeValues":{":p":{"S":"p"},":s":{"N":"%d"}},"Limit":10}`, rand.IntN(990))
		}},
		{"Scan, 10", "Scan", scans, nil, func(uint64) string { return `{"TableName":"lines","Limit":10}` }},
		{"BatchWriteItem, 25", "BatchWriteItem", commits, nil, func(n uint64) string {
			return `{"RequestItems":{"users":[` + several(n, 25, `{"PutRequest":{"Item":%s}}`) + `]}}`
		}},
		{"TransactWriteItems, 4", "TransactWriteItems", commits, nil, func(n uint64) string {
			return `{"TransactItems":[` + several(n, 4, `{"Put":{"TableName":"users","Item":%s}}`) + `]}`
		}},
	}
}

// numbers makes each request's items new ones.
var numbers atomic.Uint64

// rounds is how often node and floor are measured in turn.
const rounds = 3

// operate measures the operations at each number of connections.
func operate(ctx context.Context, dir string, s settings) error {
	folder, err := os.MkdirTemp(dir, "ops-")
	if err != nil {
		return err
	}
	node, err := serveNode(filepath.Join(folder, "node"), false)
	if err != nil {
		return err
	}
	if err := fillNode(ctx, node, s.items); err != nil {
		return err
	}
	for _, o := range operations(s.items) {
		if !s.only.MatchString(o.name) {
			continue
		}
		bare, err := serveFloor(ctx, filepath.Join(folder, fmt.Sprint("bare", numbers.Add(1))), o, node.url)
		if err != nil {
			return err
		}
		for _, connections := range s.connections {
			if err := o.measure(ctx, node.url, bare.url, connections, s.time); err != nil {
				return err
			}
		}
		if err := bare.stop(); err != nil {
			return err
		}
	}
	grown := residentNow()
	row(fmt.Sprintf("resident memory, %d items", s.items), fmt.Sprintf("%d MB", grown>>20), "500 MB", float64(grown)/(500<<20), "< 1")
	return node.stop()
}

// measure prints the row of an operation at a number of connections.
func (o operation) measure(ctx context.Context, node, bare string, connections int, d time.Duration) error {
	var ours, floor load
	for range rounds {
		if err := ours.run(ctx, node, o, connections, d/rounds); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		if err := floor.run(ctx, bare, o, connections, d/rounds); err != nil {
			return fmt.Errorf("floor of %s: %w", o.name, err)
		}
	}
	aim := o.aims[connections]
	if aim == "" {
		aim = "-"
	}
	row(fmt.Sprintf("%s, %d connections", o.name, connections), ours.String(), floor.String(), ours.rate()/floor.rate(), aim)
	return nil
}

// A load is what clients got done.
type load struct {
	answered uint64
	spent    time.Duration // by the clock
	cpu      time.Duration // by the process: client and server
}

func (l load) rate() float64 { return float64(l.answered) / l.spent.Seconds() }

// String gives the requests in a second and the processor time of each.
func (l load) String() string {
	return fmt.Sprintf("%.0f/s %3dus", l.rate(), (l.cpu / time.Duration(max(l.answered, 1))).Microseconds())
}

// run posts requests over a number of connections.
func (l *load) run(ctx context.Context, url string, o operation, connections int, d time.Duration) error {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var answered atomic.Uint64
	var failed atomic.Pointer[error]
	var posting sync.WaitGroup
	begin, cpu := time.Now(), processorTime()
	for range connections {
		posting.Go(func() {
			for time.Since(begin) < d && failed.Load() == nil {
				if _, _, err := post(ctx, client, url, o.op, o.body(numbers.Add(1))); err != nil {
					failed.Store(&err)
					return
				}
				answered.Add(1)
			}
		})
	}
	posting.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	l.answered += answered.Load()
	l.spent += time.Since(begin)
	l.cpu += processorTime() - cpu
	return nil
}

// post sends one request and returns the answer with its header.
func post(ctx context.Context, client *http.Client, url, op, body string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err = io.Copy(&text, resp.Body); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", resp.StatusCode, text.String())
	}
	return text.Bytes(), resp.Header, err
}

// processorTime returns what the process has used so far.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// residentNow returns the memory of this process that is resident, in bytes.
func residentNow() int64 {
	n, err := resident(os.Getpid(), "VmRSS:")
	if err != nil {
		return 0
	}
	return n
}
