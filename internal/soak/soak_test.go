package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/internal/runtimeapi"
)

// The test program is also the function that hears the changes.
func TestMain(m *testing.M) {
	if address := os.Getenv(runtimeapi.EnvAddress); address != "" {
		handle := func(context.Context, runtimeapi.Invocation) ([]byte, error) { return []byte("null"), nil }
		fmt.Fprintln(os.Stderr, runtimeapi.New(address).Run(context.Background(), handle))
		os.Exit(1)
	}
	campaigntest.Main(m)
}

const soakConfig = `
tables: { users: { key: id, stream: new-and-old-images, indexes: { by-n: { key: n } } } }
streams: { shards: 2, rotate: 1m, retention: 1h }
buses: [main]
archives: { all: { bus: main, retention-days: 1 } }
functions: { hear: { binary: %q, runtime: provided.al2023, from: { users: { batch: 100 } } } }
events: { UserChanged: { from: users, on: [insert, modify], source: mine, bus: main, detail: { id: "${new.id}" } } }
rules: { works: { bus: main, description: "file %d", pattern: { source: [mine] }, targets: [ { log: heard } ] } }
`

// writers write at once.
const writers = 4

// A soak is a node under load.
type soak struct {
	*campaigntest.Process
	t      *testing.T
	file   string
	binary string // of the function

	pause   atomic.Int64 // of each writer after a write, in nanoseconds
	written atomic.Int64
	failed  atomic.Int64
}

// TestSoak keeps a node under load for N minutes. The short form does so for some
// seconds, and checks that goroutines and descriptors return to where they were.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the command")
	}
	c := campaigntest.Start(t, "soak", "minutes", 0)
	s := start(t)
	rest := s.sample(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var working sync.WaitGroup
	for i := range writers {
		working.Go(func() { s.write(ctx, i) })
	}
	s.calibrate(max(2*time.Second, time.Duration(c.N)*time.Second))
	working.Go(func() { s.disturb(ctx, max(time.Second, time.Duration(c.N)*time.Second/2)) })
	samples := s.watch(t, max(3*time.Second, time.Duration(c.N)*time.Minute))
	cancel()
	working.Wait()
	c.Done = c.N
	t.Logf("%d writes, %d refused; first %v, last %v", s.written.Load(), s.failed.Load(), samples[0], samples[len(samples)-1])
	if s.failed.Load() > 0 {
		t.Errorf("%d writes were refused", s.failed.Load())
	}
	if campaigntest.Long() {
		checkFlat(t, samples)
	}
	s.comesToRest(t, rest)
}

// start runs the node, whose function has been called once and whose connections
// are open, so that what it needs at all is there.
func start(t *testing.T) *soak {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &soak{t: t, file: filepath.Join(t.TempDir(), "tablecast.yaml"), binary: binary}
	s.declare(0)
	s.Process = campaigntest.StartNode(t, filepath.Join(t.TempDir(), "data"), s.file)
	t.Cleanup(s.Kill)
	client := s.Tables()
	for i := range 100 {
		if err := put(t.Context(), client, i, 0); err != nil {
			t.Fatal(err)
		}
	}
	s.drain(t)
	return s
}

// declare writes the file, which the node then reloads.
func (s *soak) declare(n int) {
	next := s.file + ".next"
	if err := os.WriteFile(next, fmt.Appendf(nil, soakConfig, s.binary, n), 0o600); err != nil {
		s.t.Error(err)
	}
	if err := os.Rename(next, s.file); err != nil {
		s.t.Error(err)
	}
}

func put(ctx context.Context, client *dynamodb.Client, i, n int) error {
	_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: "u" + strconv.Itoa(i)}, "n": &types.AttributeValueMemberS{Value: strconv.Itoa(n % 100)},
		"text": &types.AttributeValueMemberS{Value: "some text that is neither short nor long, as users have it"},
	}})
	return err
}

// write writes items, the same thousands over and over, until ctx ends.
func (s *soak) write(ctx context.Context, writer int) {
	client := s.Tables()
	for n := 0; ctx.Err() == nil; n++ {
		if err := put(ctx, client, writer*2000+n%2000, n); err != nil && ctx.Err() == nil {
			s.t.Logf("write: %v", err)
			s.failed.Add(1)
		}
		s.written.Add(1)
		if pause := time.Duration(s.pause.Load()); pause > 0 {
			rest(ctx, pause)
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// calibrate lets the writers write as fast as they can for a while, and from then on
// at 70 % of that.
func (s *soak) calibrate(d time.Duration) {
	before := s.written.Load()
	rest(s.t.Context(), d)
	each := d * writers / time.Duration(max(1, s.written.Load()-before))
	s.pause.Store(int64(each * 3 / 7))
	s.t.Logf("%d writes a second at most", (s.written.Load()-before)*int64(time.Second)/int64(d))
}

// disturb reloads the file and replays the archive now and then until ctx ends.
func (s *soak) disturb(ctx context.Context, every time.Duration) {
	client := eventbridge.New(eventbridge.Options{BaseEndpoint: aws.String(s.Endpoint), Region: "us-east-1", Credentials: campaigntest.Local})
	arn := func(resource string) *string { return aws.String("arn:aws:events:us-east-1:000000000000:" + resource) }
	for n := 1; ctx.Err() == nil; n++ {
		rest(ctx, every)
		s.declare(n)
		end := time.Now()
		_, err := client.StartReplay(ctx, &eventbridge.StartReplayInput{
			ReplayName: aws.String("r" + strconv.Itoa(n)), EventSourceArn: arn("archive/all"), Destination: &ebtypes.ReplayDestination{Arn: arn("event-bus/main")},
			EventStartTime: aws.Time(end.Add(-every / 10)), EventEndTime: aws.Time(end),
		})
		if err != nil && ctx.Err() == nil {
			s.t.Errorf("replay: %v", err)
		}
	}
}
