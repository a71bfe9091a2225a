package streams_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	dynamodbapi "github.com/tablecast/tablecast/internal/awsapi/dynamodb"
	streamsapi "github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/remote/streams"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

const state = "state"

// A world is a server with a table, whose clients call it without a network, so
// that it fits into a bubble of testing/synctest.
type world struct {
	t       testing.TB
	table   string
	tables  *table.Tables
	streams *stream.Streams
	server  http.Handler
	log     lines

	mu      sync.Mutex
	written map[string]int    // changes by item
	before  map[string]int    // those of before the start
	seen    []sight           // what handlers were given; guarded by mu
	deal    func(sight) error // what a handler says to a record; nil: takes it
}

// A sight is a record that was handed over.
type sight struct {
	worker, shard, item, sequence string
	n                             int
	expired                       bool
}

// newWorld returns a world with the table "users", whose stream has so many
// shards.
func newWorld(t testing.TB, shards int) *world {
	t.Helper()
	w := newServer(t, kvtest.NewMem(t), shards)
	w.use("users")
	return w
}

// newServer returns a world without a table.
func newServer(t testing.TB, store *kv.Store, shards int) *world {
	t.Helper()
	w := &world{t: t, written: map[string]int{}}
	var err error
	if w.streams, err = stream.Open(store, stream.Options{Shards: shards, Rotate: 1000 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if w.tables, err = table.Open(store, w.streams, table.Options{}); err != nil {
		t.Fatal(err)
	}
	w.server = awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{
		dynamodbapi.Service(w.tables, "us-east-1"), streamsapi.Service(w.streams, "000000000000", "us-east-1"),
	}})
	if err := streams.EnsureState(t.Context(), w.wire(nil).tables(), state); err != nil {
		t.Fatal(err)
	}
	return w
}

// use makes a table with a stream, for what follows.
func (w *world) use(name string) {
	w.t.Helper()
	w.table = name
	if _, err := w.tables.Create(table.Spec{Name: name, View: stream.NewAndOldImages, Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}}); err != nil {
		w.t.Fatal(err)
	}
}

// put changes items, each once.
func (w *world) put(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		w.mu.Lock()
		n := w.written[id]
		w.written[id]++
		w.mu.Unlock()
		it := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "n", Value: item.NumOf(int64(n)).Value()})
		if _, err := w.tables.Put(context.Background(), table.PutRequest{Table: w.table, Item: it}); err != nil {
			w.t.Error(err)
		}
	}
}

// stream returns the table's newest stream.
func (w *world) stream() *stream.Stream {
	all := w.streams.OfTable(w.table)
	return all[len(all)-1]
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// turn enables or disables the table's stream.
func (w *world) turn(on bool) {
	w.t.Helper()
	change := &table.StreamChange{Enabled: on}
	if on {
		change.View = stream.NewAndOldImages
	}
	_, err := w.tables.Update(w.table, table.Change{Stream: change})
	w.must(err)
}

// handler returns the handler of a worker: it keeps what it is given.
func (w *world) handler(worker string) streams.Handler {
	return func(_ context.Context, b streams.Batch) error {
		for _, r := range b.Records {
			id, _ := r.Keys.Get("id")
			s := sight{worker: worker, shard: b.Shard, item: id.Str(), sequence: r.Sequence(), expired: r.Expired, n: -1}
			if n, ok := r.New.Get("n"); ok {
				s.n, _ = strconv.Atoi(n.Str())
			}
			w.mu.Lock()
			var err error
			if w.deal != nil {
				err = w.deal(s)
			}
			if err == nil {
				w.seen = append(w.seen, s)
			}
			w.mu.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (w *world) sights() []sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// missing returns how many changes were not seen.
func (w *world) missing() (n int) {
	first := map[string]int{}
	for _, s := range w.sights() {
		first[s.item] = max(first[s.item], s.n+1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, written := range w.written {
		n += written - first[id]
	}
	return n
}

// check reports the first fault of what was seen: a change of an item that was
// passed over, or that came twice as different records.
func (w *world) check() error {
	next, numbers := map[string]int{}, map[string]string{}
	maps.Copy(next, w.before)
	for _, s := range w.sights() {
		change := fmt.Sprint(s.item, " ", s.n)
		switch {
		case s.n < w.before[s.item]:
			return fmt.Errorf("%s came, which was before the start", change)
		case s.n > next[s.item]:
			return fmt.Errorf("%s came, want %d first; to %s of %s", change, next[s.item], s.worker, s.shard)
		case s.n == next[s.item]:
			next[s.item]++
			numbers[change] = s.sequence
		case numbers[change] != s.sequence:
			return fmt.Errorf("%s came as %s and as %s", change, numbers[change], s.sequence)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, n := range w.written {
		if next[id] != n {
			return fmt.Errorf("%d changes of %s were seen, %d were made", next[id], id, n)
		}
	}
	return nil
}

// An answer is what a server replied, or an error of the network.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// meddle stands between a client and the server and misbehaves: it gets the
// operation and the request, may ask the server that or another one, and returns
// the answer.
type meddle func(op, body string, ask func(body string) answer) answer

// A wire is one client's connection.
type wire struct {
	server http.Handler
	mu     sync.Mutex
	meddle meddle
	calls  map[string]int // by operation
	cut    bool
}

func (w *world) wire(m meddle) *wire {
	return &wire{server: w.server, meddle: m, calls: map[string]int{}}
}

// Do is the SDK's HTTP client.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	w.calls[op]++
	cut, m := w.cut, w.meddle
	w.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if cut {
		return nil, fmt.Errorf("the network is down")
	}
	ask := func(body string) answer {
		rec := &answer{status: http.StatusOK, header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}}
		in := r.Clone(context.Background())
		in.Body, in.Host, in.RemoteAddr = io.NopCloser(strings.NewReader(body)), r.URL.Host, "127.0.0.1:1"
		w.server.ServeHTTP(rec, in)
		return *rec
	}
	var a answer
	if m != nil {
		a = m(op, string(body), ask)
	} else {
		a = ask(string(body))
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}, nil
}

// An answer is also what the server writes to.
func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { a.body = append(a.body, b...); return len(b), nil }

// refusal is an answer of the service that refuses.
func refusal(name string) answer {
	return answer{status: http.StatusBadRequest, header: http.Header{}, body: []byte(`{"__type":"com.amazonaws.dynamodb.v20120810#` + name + `","message":"on purpose"}`)}
}

// down cuts the connection.
func (w *wire) down() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
}

func (w *wire) count(op string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[op]
}

func (w *wire) tables() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://localhost"), HTTPClient: w,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Retryer: aws.NopRetryer{}})
}

func (w *wire) streams() *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://localhost"), HTTPClient: w,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Retryer: aws.NopRetryer{}})
}

// A worker is a reader that runs.
type worker struct {
	*streams.Reader
	wire *wire
	stop context.CancelFunc
	done chan error
}

// options are those of a worker over a wire.
func (w *world) options(name string, x *wire) streams.Options {
	return streams.Options{
		Tables: x.tables(), Streams: x.streams(), Table: w.table, Group: "g", Worker: name, State: state, Start: streams.TrimHorizon,
		Handle: w.handler(name), Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
}

// work starts a worker; change may alter its options.
func (w *world) work(name string, change func(*streams.Options), m meddle) *worker {
	x := w.wire(m)
	o := w.options(name, x)
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := &worker{Reader: streams.New(o), wire: x, stop: cancel, done: make(chan error, 1)}
	go func() { k.done <- k.Run(ctx) }()
	return k
}

// quit ends workers and waits for them.
func (w *world) quit(workers ...*worker) {
	w.t.Helper()
	for _, k := range workers {
		k.stop()
	}
	for _, k := range workers {
		if err := <-k.done; err != nil {
			w.t.Error(err)
		}
	}
}

// kill ends a worker as a power loss does: nothing of it reaches the server any
// more.
func (k *worker) kill() {
	k.wire.down()
	k.stop()
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// ids returns names of items.
func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("u", i)
	}
	return out
}

// putLarge changes items to about 390 KB, whose records pass 1 MB on the wire.
func (w *world) putLarge(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		it := item.MapOf(item.Field{Name: "id", Value: item.S(id)}, item.Field{Name: "n", Value: item.NumOf(int64(w.written[id])).Value()},
			item.Field{Name: "data", Value: item.B(bytes.Repeat([]byte{byte(w.written[id])}, 390_000))})
		w.written[id]++
		_, err := w.tables.Put(context.Background(), table.PutRequest{Table: w.table, Item: it})
		w.must(err)
	}
}
