package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

// TestKill kills the real binary in the middle of write bursts, over and over
// on one folder, and checks the promises after each restart.
func TestKill(t *testing.T) {
	short := 20
	if testing.Short() {
		short = 5
	}
	c := campaigntest.Start(t, "kill", "kills", short)
	h := newKillHistory(t, c.Rand(0))
	p := campaigntest.StartNode(t, h.dir, h.config)
	for c.Done < c.N {
		if len(h.sent) > 5000 { // a fresh folder now and then, as each check reads all of it
			p.Kill()
			h.end(t)
			h = newKillHistory(t, c.Rand(uint64(c.Done)))
			p = campaigntest.StartNode(t, h.dir, h.config)
		}
		h.burst(t, p, time.Duration(h.rand.IntN(150))*time.Millisecond)
		p = campaigntest.StartNode(t, h.dir, h.config)
		c.Done++
		h.check(t, p, fmt.Sprint("after kill ", c.Done))
		if t.Failed() {
			p.Kill()
			h.end(t)
			t.Fatal(p.Output)
		}
	}
	p.Kill()
	h.end(t)
}

// A killHistory is what the outside world knows of the node: what it asked
// for, what was acknowledged, and what arrived.
type killHistory struct {
	dir, config string
	rand        *rand.Rand
	next        int
	suicidal    bool         // the node kills itself
	path        *pathHistory // of what else the file declares
	sent, acked map[string]bool
	consumer    *httptest.Server

	mu      sync.Mutex
	events  map[string]string // event id -> user id
	raised  map[string]string // user id -> event id
	repeats int
	faults  []string
}

// newKillHistory begins a folder, whose file declares the whole path.
func newKillHistory(t *testing.T, choices *rand.Rand) *killHistory {
	h := &killHistory{
		rand: choices, path: newPathHistory(), sent: map[string]bool{}, acked: map[string]bool{}, events: map[string]string{}, raised: map[string]string{},
	}
	h.consumer = httptest.NewServer(http.HandlerFunc(h.consume))
	root, err := os.MkdirTemp("", "tablecast-kill-")
	if err != nil {
		t.Fatal(err)
	}
	h.dir, h.config = filepath.Join(root, "data"), filepath.Join(root, "tablecast.yaml")
	text := strings.ReplaceAll(h.path.config(t), "%s/welcome", h.consumer.URL+"/welcome")
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// end logs what a folder has seen. It removes the folder, unless the test has failed.
func (h *killHistory) end(t *testing.T) {
	t.Helper()
	h.consumer.Close()
	h.path.consumer.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	t.Logf("%d users acknowledged, %d with unknown outcome, %d events, %d deliveries repeated",
		len(h.acked), len(h.sent)-len(h.acked), len(h.events), h.repeats)
	if root := filepath.Dir(h.dir); t.Failed() {
		t.Logf("the folder is left in %s", root)
	} else if err := os.RemoveAll(root); err != nil {
		t.Error(err)
	}
}

const killConfig = `
tables:
  users: { key: id, stream: new-and-old-images, indexes: { by-check: { key: check, project: keys } } }
  ledger: { key: id }
buses: [main]
events:
  UserCreated: { from: users, on: insert, source: myapp.users, bus: main }
rules:
  user-created:
    bus: main
    pattern: { source: [myapp.users], detail-type: [UserCreated] }
    targets:
      - webhook: %s/welcome
`

// consume notes each delivered event: an id must always tell of the same
// user, and a user must have one event.
func (h *killHistory) consume(w http.ResponseWriter, r *http.Request) {
	var e struct {
		ID     string `json:"id"`
		Type   string `json:"detail-type"`
		Detail struct {
			ID string `json:"id"`
		} `json:"detail"`
	}
	if err := json.UnmarshalRead(r.Body, &e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if user, again := h.events[e.ID]; again {
		h.repeats++
		if user != e.Detail.ID {
			h.faults = append(h.faults, fmt.Sprintf("event %s told of %s, then of %s", e.ID, user, e.Detail.ID))
		}
		return
	}
	if other, twice := h.raised[e.Detail.ID]; twice {
		h.faults = append(h.faults, fmt.Sprintf("user %s raised events %s and %s", e.Detail.ID, other, e.ID))
	}
	h.events[e.ID], h.raised[e.Detail.ID] = e.Detail.ID, e.ID
}

// burst writes users from several connections and kills the node among them, after
// a pause.
func (h *killHistory) burst(t *testing.T, p *campaigntest.Process, pause time.Duration) {
	t.Helper()
	const writers = 8
	ctx, cancel := context.WithTimeout(t.Context(), pause)
	defer cancel()
	client := p.Tables()
	var mu sync.Mutex
	var writing sync.WaitGroup
	early := func(what string, err error) { // the deadline of ctx is the kill
		if ctx.Err() == nil && !h.suicidal {
			t.Errorf("%s before the kill: %v", what, err)
		}
	}
	for range writers {
		writing.Go(func() {
			for {
				mu.Lock()
				h.next++
				id := fmt.Sprintf("u%07d", h.next)
				h.sent[id] = true
				mu.Unlock()
				if err := insert(t.Context(), client, id); err != nil {
					early("insert", err)
					return
				}
				mu.Lock()
				h.acked[id] = true
				mu.Unlock()
			}
		})
	}
	writing.Go(func() { early("the rest of the path", h.path.write(t.Context(), p)) })
	<-ctx.Done()
	p.Kill()
	writing.Wait()
}

// insert puts one user as a service would: by itself, in a transaction with a
// row of the ledger, in a batch, or as an update of nothing.
func insert(ctx context.Context, client *dynamodb.Client, id string) (err error) {
	user := map[string]types.AttributeValue{
		"id":       &types.AttributeValueMemberS{Value: id},
		"username": &types.AttributeValueMemberS{Value: "user-" + id},
		"check":    &types.AttributeValueMemberS{Value: id},
	}
	users, absent := aws.String("users"), aws.String("attribute_not_exists(id)")
	switch id[len(id)-1] % 4 {
	case 0:
		_, err = client.PutItem(ctx, &dynamodb.PutItemInput{TableName: users, Item: user, ConditionExpression: absent})
	case 1:
		user["transaction"] = &types.AttributeValueMemberBOOL{Value: true}
		_, err = client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: users, Item: user, ConditionExpression: absent}},
			{Put: &types.Put{TableName: aws.String("ledger"), Item: user}},
		}})
	case 2:
		_, err = client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"users": {{PutRequest: &types.PutRequest{Item: user}}}}})
	default:
		_, err = client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: users, Key: map[string]types.AttributeValue{"id": user["id"]}, UpdateExpression: aws.String("SET username = :u, #c = :c"), ConditionExpression: absent,
			ExpressionAttributeNames: map[string]string{"#c": "check"}, ExpressionAttributeValues: map[string]types.AttributeValue{":u": user["username"], ":c": user["check"]},
		})
	}
	return err
}

// check waits until the node has caught up and compares what it holds and
// what arrived with what was asked for.
func (h *killHistory) check(t *testing.T, p *campaigntest.Process, when string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	h.settle(ctx, t, p, when)
	stored := h.scan(ctx, t, p)
	for id := range h.acked {
		if !stored[id] {
			t.Errorf("%s: P2: user %s was acknowledged and is gone", when, id)
		}
	}
	records := h.log(ctx, t, p)
	h.path.check(ctx, t, h, p, stored)
	h.settle(ctx, t, p, when)
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range stored {
		switch {
		case !h.sent[id]:
			t.Errorf("%s: P1: user %s was never sent", when, id)
		case records[id] != 1:
			t.Errorf("%s: P1: user %s has %d change records", when, id, records[id])
		case h.raised[id] == "":
			t.Errorf("%s: P5: user %s raised no event", when, id)
		}
	}
	for _, id := range h.events {
		if !stored[id] {
			t.Errorf("%s: P2: an event tells of user %s, who is not in the table", when, id)
		}
	}
	for _, fault := range h.faults {
		t.Errorf("%s: P5: %s", when, fault)
	}
}

// settle waits until each change is mapped and each event delivered, and
// checks P6 on the way.
func (h *killHistory) settle(ctx context.Context, t *testing.T, p *campaigntest.Process, when string) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := p.Status(ctx)
		if err != nil {
			t.Fatalf("%s: status: %v\n%s", when, err, p.Output)
		}
		for _, r := range s.Rules {
			if r.Matched != r.Delivered+r.DeadLettered+r.Dropped+r.Pending {
				t.Errorf("%s: P6: %+v does not add up", when, r)
			}
		}
		if len(s.Relays) > 0 && s.Drained() {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: the node did not catch up: %+v\n%s", when, s, p.Output)
		case <-tick.C:
		}
	}
}

// scan returns the ids of the table, and fails on a torn user.
func (h *killHistory) scan(ctx context.Context, t *testing.T, p *campaigntest.Process) map[string]bool {
	t.Helper()
	ids, transacted := map[string]bool{}, 0
	for _, user := range rows(ctx, t, p, dynamodb.ScanInput{TableName: aws.String("users")}) {
		id := user["id"].(*types.AttributeValueMemberS).Value
		if check, ok := user["check"].(*types.AttributeValueMemberS); !ok || check.Value != id {
			t.Errorf("P1: user %s is torn: %v", id, user)
		}
		if user["transaction"] != nil {
			transacted++
		}
		ids[id] = true
	}
	if n := len(rows(ctx, t, p, dynamodb.ScanInput{TableName: aws.String("users"), IndexName: aws.String("by-check")})); n != len(ids) {
		t.Errorf("P1: %d users, %d index entries", len(ids), n)
	}
	for _, row := range rows(ctx, t, p, dynamodb.ScanInput{TableName: aws.String("ledger")}) {
		transacted--
		if id := row["id"].(*types.AttributeValueMemberS).Value; !ids[id] {
			t.Errorf("P1: the ledger has %s, the table has not", id)
		}
	}
	if transacted != 0 {
		t.Errorf("P1: %d users of transactions lack their rows of the ledger", transacted)
	}
	return ids
}

// rows reads a table or an index to its end.
func rows(ctx context.Context, t *testing.T, p *campaigntest.Process, in dynamodb.ScanInput) (out []map[string]types.AttributeValue) {
	t.Helper()
	pages := dynamodb.NewScanPaginator(p.Reader(), &in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Items...)
	}
	return out
}

// log reads the whole change log over the wire and counts the inserts of each
// user; within a shard the sequence numbers must rise.
func (h *killHistory) log(ctx context.Context, t *testing.T, p *campaigntest.Process) map[string]int {
	t.Helper()
	client := p.Streams()
	list, err := client.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{TableName: aws.String("users")})
	if err != nil || len(list.Streams) != 1 {
		t.Fatalf("list streams: %v, %v", list, err)
	}
	arn := list.Streams[0].StreamArn
	desc, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, shard := range desc.StreamDescription.Shards {
		if err := readShard(ctx, client, arn, shard, counts); err != nil {
			t.Errorf("shard %s: %v", *shard.ShardId, err)
		}
	}
	return counts
}

// readShard counts the inserts in one shard by user.
func readShard(ctx context.Context, client *dynamodbstreams.Client, arn *string, shard streamtypes.Shard, counts map[string]int) error {
	it, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		return err
	}
	last := ""
	for next := it.ShardIterator; next != nil; {
		page, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: next})
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if *r.Dynamodb.SequenceNumber <= last {
				return errors.New("P3: sequence numbers do not rise")
			}
			last = *r.Dynamodb.SequenceNumber
			if r.EventName != streamtypes.OperationTypeInsert {
				return fmt.Errorf("P1: record %s is a %s", last, r.EventName)
			}
			counts[r.Dynamodb.Keys["id"].(*streamtypes.AttributeValueMemberS).Value]++
		}
		if len(page.Records) == 0 {
			return nil
		}
		next = page.NextShardIterator
	}
	return nil
}
