package follow_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/follow"
	"github.com/tablecast/tablecast/internal/server/servertest"
	"github.com/tablecast/tablecast/stream"
)

// A world is a node on a real socket with a table, and what was followed.
type world struct {
	t       *testing.T
	node    *tablecast.Node
	tables  *dynamodb.Client
	streams *dynamodbstreams.Client

	mu   sync.Mutex
	seen []string // "id n" of each record
}

func start(t *testing.T) *world {
	t.Helper()
	node, url := servertest.Start(t, servertest.Options{})
	c := apitest.Config(url)
	w := &world{t: t, node: node, tables: dynamodb.NewFromConfig(c), streams: dynamodbstreams.NewFromConfig(c)}
	_, err := w.tables.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("users"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) put(id string, n int) {
	w.t.Helper()
	_, err := w.tables.PutItem(w.t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: id}, "n": &types.AttributeValueMemberN{Value: strconv.Itoa(n)},
	}})
	if err != nil {
		w.t.Error(err)
	}
}

func (w *world) turn(on bool) {
	w.t.Helper()
	spec := &types.StreamSpecification{StreamEnabled: &on}
	if on {
		spec.StreamViewType = types.StreamViewTypeNewImage
	}
	if _, err := w.tables.UpdateTable(w.t.Context(), &dynamodb.UpdateTableInput{TableName: aws.String("users"), StreamSpecification: spec}); err != nil {
		w.t.Fatal(err)
	}
}

// follow follows until the test ends, or what it returns is called.
func (w *world) follow(from string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- follow.Run(ctx, follow.Options{Tables: w.tables, Streams: w.streams, Table: "users", From: from, Pause: time.Millisecond, Record: w.take})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) take(r streamtypes.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, n := r.Dynamodb.Keys["id"].(*streamtypes.AttributeValueMemberS), r.Dynamodb.NewImage["n"].(*streamtypes.AttributeValueMemberN)
	w.seen = append(w.seen, id.Value+" "+n.Value)
	return nil
}

// await returns what was followed, once there are so many.
func (w *world) await(count int) []string {
	w.t.Helper()
	deadline := time.After(60 * time.Second)
	for tick := time.NewTicker(time.Millisecond); ; {
		w.mu.Lock()
		seen := w.seen
		w.mu.Unlock()
		if len(seen) >= count {
			return seen
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("%d records, want %d: %v", len(seen), count, seen)
		}
	}
}

// A follower loses, repeats and disorders nothing while shards are rotated and
// split 50 times under load, and goes on into the table's next stream.
func TestRotationsUnderLoad(t *testing.T) {
	const items, writes = 8, 60
	w := start(t)
	w.follow(follow.TrimHorizon)
	var writers sync.WaitGroup
	for i := range items {
		writers.Go(func() {
			for n := range writes {
				w.put(fmt.Sprint("u", i), n)
			}
		})
	}
	writers.Go(func() {
		for i := range 50 {
			st := latest(w)
			do := st.Rotate
			if i%10 == 5 {
				do = st.Split
			}
			if err := do(); err != nil {
				t.Error(err)
			}
		}
	})
	writers.Wait()
	w.turn(false)
	w.turn(true)
	w.put("last", 0)
	next := map[string]int{}
	for _, s := range w.await(items*writes + 1) {
		var id string
		var n int
		if _, err := fmt.Sscan(s, &id, &n); err != nil {
			t.Fatal(err)
		}
		if n != next[id] {
			t.Fatalf("%s came, want %d", s, next[id])
		}
		next[id]++
	}
	if next["last"] != 1 || len(next) != items+1 {
		t.Errorf("%v", next)
	}
}

// A child waits until its parent, of more than a page, was read to its end.
func TestParentFirst(t *testing.T) {
	const more = 1010 // than one GetRecords returns
	w := start(t)
	for n := range more {
		w.put("u", n)
	}
	if err := latest(w).Rotate(); err != nil {
		t.Fatal(err)
	}
	w.put("u", more)
	w.follow(follow.TrimHorizon)
	for i, s := range w.await(more + 1) {
		if want := fmt.Sprint("u ", i); s != want {
			t.Fatalf("%s came, want %s", s, want)
		}
	}
}

func latest(w *world) *stream.Stream {
	all := w.node.Streams().OfTable("users")
	return all[len(all)-1]
}

// Where following starts: at the oldest record, after a number, or now.
func TestFrom(t *testing.T) {
	w := start(t)
	for n := range 3 {
		w.put("u", n)
	}
	page, err := latest(w).Read(0, 10, 1<<20)
	if err != nil || len(page.Records) != 3 {
		t.Fatal(page, err)
	}
	if err := latest(w).Rotate(); err != nil {
		t.Fatal(err)
	}
	w.put("u", 3)
	for from, first := range map[string]int{follow.TrimHorizon: 0, stream.FormatSeq(page.Records[0].Seq): 1, stream.FormatSeq(page.Records[2].Seq): 3} {
		w.mu.Lock()
		w.seen = nil
		w.mu.Unlock()
		stop := w.follow(from)
		got := w.await(4 - first)
		stop()
		for i, s := range got {
			if want := fmt.Sprint("u ", first+i); s != want {
				t.Errorf("from %s: %v", from, got)
				break
			}
		}
	}
	w.mu.Lock()
	w.seen = nil
	w.mu.Unlock()
	w.follow(follow.Latest)
	for n := 4; ; n++ { // until the follower has begun
		w.put("u", n)
		w.mu.Lock()
		seen := len(w.seen)
		w.mu.Unlock()
		if seen > 0 {
			break
		}
	}
	if s := w.await(1)[0]; s == "u 0" || s == "u 3" {
		t.Errorf("latest began with %s", s)
	}
}

func TestNoStream(t *testing.T) {
	w := start(t)
	if _, err := w.tables.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("plain"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	}); err != nil {
		t.Fatal(err)
	}
	o := follow.Options{Tables: w.tables, Streams: w.streams, Table: "plain", Record: w.take}
	if err := follow.Run(t.Context(), o); !errors.Is(err, follow.ErrNoStream) {
		t.Error(err)
	}
	if o.Table = "none"; follow.Run(t.Context(), o) == nil {
		t.Error("a table that does not exist was followed")
	}
}

// Sequence numbers differ in length: they are numbers, not texts.
func TestCompareSeq(t *testing.T) {
	if follow.CompareSeq("999999999999999999999", "1000000000000000000000") >= 0 || follow.CompareSeq("11", "12") >= 0 || follow.CompareSeq("12", "12") != 0 {
		t.Error("order of sequence numbers")
	}
}
