package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/server"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/remote/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A served node is real, on loopback.
type served struct {
	*tablecast.Node
	url    string
	client *http.Client
}

// serve runs a node until the test ends.
func serve(t testing.TB, text string) *served {
	t.Helper()
	return serveFor(t, text, nil)
}

// serveFor is serve for those who have one of the keys, if there are any.
func serveFor(t testing.TB, text string, keys awsjson.Keys) *served {
	t.Helper()
	file := parse(t, text)
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: file, StrictBus: true})
	if err != nil {
		t.Fatal(err)
	}
	opts := server.Options{Listen: "127.0.0.1:0", Keys: keys}
	ln, err := server.Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, node, ln, opts, time.Second) }()
	s := &served{node, "http://" + ln.Addr().String(), &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func parse(t testing.TB, text string) *config.File {
	t.Helper()
	file, err := config.Parse("tablecast.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var local = credentials.NewStaticCredentialsProvider("local", "local", "")

func (s *served) tables() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &s.url, Credentials: local, HTTPClient: s.client})
}

func (s *served) streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{Region: "us-east-1", BaseEndpoint: &s.url, Credentials: local, HTTPClient: s.client})
}

func (s *served) buses() *eventbridge.Client {
	return eventbridge.New(eventbridge.Options{Region: "us-east-1", BaseEndpoint: &s.url, Credentials: local, HTTPClient: s.client})
}

// A pair is where changes come from and where events go.
type pair struct {
	from, to *served
	log      *lines
}

// open returns a worker between the two.
func (p *pair) open(t testing.TB, group, text string) *worker.Worker {
	t.Helper()
	w, err := worker.New(p.options(t, group, text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (p *pair) options(t testing.TB, group, text string) worker.Options {
	return worker.Options{
		File: parse(t, text), Group: group, Name: "test", State: "state", Tables: p.from.tables(), Streams: p.from.streams(), Buses: p.to.buses(),
		Region: "us-east-1", CallsPerSecond: -1, Failover: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(p.log, nil)),
	}
}

// run runs a worker until stop is called, or the test ends.
func (p *pair) run(t testing.TB, group, text string) (w *worker.Worker, stop func()) {
	t.Helper()
	w = p.open(t, group, text)
	if err := w.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return w, stop
}

const users = "tables: { users: { key: id, stream: new-and-old-images } }\n"

// newPair serves two nodes, the first with the tables.
func newPair(t testing.TB, tables string) *pair {
	p := &pair{serve(t, tables), serve(t, ""), &lines{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.log)
		}
	})
	return p
}

// put writes an item, attributes given as name, value, ….
func (p *pair) put(t testing.TB, attributes ...string) {
	t.Helper()
	it := map[string]types.AttributeValue{}
	for i := 0; i < len(attributes); i += 2 {
		it[attributes[i]] = &types.AttributeValueMemberS{Value: attributes[i+1]}
	}
	if _, err := p.from.tables().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: it}); err != nil {
		t.Fatal(err)
	}
}

// A fact is an event that arrived, in the envelope metadata.
type fact struct {
	kind     string
	Metadata struct {
		EventID        string `json:"eventId"`
		SequenceNumber string `json:"sequenceNumber"`
	} `json:"metadata"`
	Data map[string]string `json:"data"`
}

// facts returns the events of the default bus in the order in which they
// arrived.
func (p *pair) facts(t testing.TB) (out []fact) {
	t.Helper()
	err := p.to.Buses().Events(bus.Default, 0, func(_ uint64, e *event.Event) bool {
		f := fact{kind: e.DetailType}
		if err := json.Unmarshal(e.Detail, &f); err != nil {
			t.Errorf("%s: %v", e.Detail, err)
		}
		out = append(out, f)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// texts returns type and id of each event, and more of its data.
func (p *pair) texts(t testing.TB, more ...string) (out []string) {
	for _, f := range p.facts(t) {
		text := f.kind + " " + f.Data["id"]
		for _, name := range more {
			text += " " + f.Data[name]
		}
		out = append(out, text)
	}
	return out
}

// parkedOf returns key and error of what is parked.
func parkedOf(t testing.TB, w *worker.Worker) (out []string) {
	t.Helper()
	err := w.Parked(t.Context(), parking.Selection{}, func(p *parking.Record) bool {
		out = append(out, fmt.Sprintf("%s %s %v %d", p.Keys, p.Definition, p.Behind, p.Tries))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// redrive redrives and returns what became of it.
func redrive(t testing.TB, w *worker.Worker, sel parking.Selection) (out parking.Redriven) {
	t.Helper()
	if err := w.Redrive(t.Context(), sel, func(_ string, r parking.Redriven) { out = r }); err != nil {
		t.Fatal(err)
	}
	return out
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if holds() {
			return
		}
		<-tick.C
	}
	t.Fatalf("it never came to this: %s", what)
}

// lines is a log that many goroutines write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
