package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/remote/worker"
)

// carried is how many records of about 1 KB a worker carries.
const carried = 20_000

const carryFile = `
tables: { users: { key: id, stream: new-image } }
mapping: { envelope: metadata }
events: { UserCreated: { from: users, on: insert, source: bench, start: trim-horizon } }
`

// A road leads from the stream of one node to the bus of another.
type road struct {
	from, to *served
	tables   *dynamodb.Client
	streams  *dynamodbstreams.Client
	buses    *sdk.Client
}

// carrying measures records a second through a worker, from stream to bus,
// against a bare loop of GetRecords over the same records and bare calls of
// PutEvents with as many events, added up.
func carrying(ctx context.Context, dir string) error {
	r, err := openRoad(dir)
	if err != nil {
		return err
	}
	err = fillTable(ctx, r.from, 0, carried, user)
	var took, floor time.Duration
	n := 0
	if err == nil {
		n, took, err = r.worker(ctx)
	}
	if err == nil {
		floor, err = r.bare(ctx)
	}
	if err == nil {
		got, bare := perSecond(n, took), perSecond(carried, floor)
		row("records from a stream to a bus elsewhere", fmt.Sprintf("%.0f/s", got), fmt.Sprintf("%.0f/s", bare), got/bare, ">= 0.8")
	}
	return errors.Join(err, r.from.stop(), r.to.stop())
}

func openRoad(dir string) (*road, error) {
	from, err := serveNode(filepath.Join(dir, "carry-from"), false)
	if err != nil {
		return nil, err
	}
	to, err := serveNode(filepath.Join(dir, "carry-to"), false)
	if err != nil {
		return nil, errors.Join(err, from.stop())
	}
	c := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	at := func(url string) aws.Config { c.BaseEndpoint = &url; return c }
	return &road{from, to, dynamodb.NewFromConfig(at(from.url)), dynamodbstreams.NewFromConfig(at(from.url)), sdk.NewFromConfig(at(to.url))}, nil
}

// worker returns how long a worker takes for n records, the last ones, once it
// has its leases and is under way.
func (r *road) worker(ctx context.Context) (n int, took time.Duration, err error) {
	file, err := config.Parse("bench.yaml", []byte(carryFile))
	if err != nil {
		return 0, 0, err
	}
	w, err := worker.New(worker.Options{File: file, Group: "bench", State: "state", Tables: r.tables, Streams: r.streams, Buses: r.buses, CallsPerSecond: -1, Concurrency: publishCalls})
	if err == nil {
		err = w.Prepare(ctx)
	}
	if err != nil {
		return 0, 0, err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.Run(running) }()
	began := time.Now()
	for count := 0; ctx.Err() == nil && count < carried; count = publishedBy(w) {
		if n == 0 && count > 0 {
			n, began = carried-count, time.Now()
		}
		time.Sleep(5 * time.Millisecond)
	}
	took = time.Since(began)
	stop()
	return n, took, <-done
}

// publishedBy returns how many events a worker has published, by its metrics.
func publishedBy(w *worker.Worker) (n int) {
	page := httptest.NewRecorder()
	w.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if count, ok := strings.CutPrefix(line, "tablecast_worker_published_events_total "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
			if err == nil {
				n = int(f)
			}
		}
	}
	return n
}

// bare returns how long the floor takes.
func (r *road) bare(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if err := r.readAll(ctx); err != nil {
		return 0, err
	}
	events := raisedEvents()
	for range carried / len(events) {
		if err := bareCalls(ctx, r.buses, events); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// readAll reads all records of the stream, the shards side by side.
func (r *road) readAll(ctx context.Context) error {
	table, err := r.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String("users")})
	if err != nil {
		return err
	}
	arn := table.Table.LatestStreamArn
	stream, err := r.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		return err
	}
	shards := stream.StreamDescription.Shards
	var all sync.WaitGroup
	errs := make([]error, len(shards))
	for i, s := range shards {
		all.Go(func() { errs[i] = r.readShard(ctx, arn, s.ShardId) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (r *road) readShard(ctx context.Context, arn, shard *string) error {
	at, err := r.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: arn, ShardId: shard, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return err
	}
	for next := at.ShardIterator; next != nil; {
		page, err := r.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil || len(page.Records) == 0 {
			return err
		}
		next = page.NextShardIterator
	}
	return nil
}
