package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

// TestReplayKilled archives events over the wire, replays a window of them, and
// kills the binary in the middle. The next process carries the replay on by
// itself: each event of the window is sent once, and none besides.
func TestReplayKilled(t *testing.T) {
	short := 20_000
	if testing.Short() {
		short = 2_000
	}
	c := campaigntest.Start(t, "replay", "events", short)
	n := c.N
	h := newReplayHistory(t, n, c.Rand(2))
	p := campaigntest.StartNode(t, h.dir, h.config)
	h.archive(t, p)
	h.replay(t, p)
	at := 1 + h.rand.IntN(n/2)
	h.await(t, p, fmt.Sprint(at, " events"), func() bool { return h.matched(t, p) >= at })
	p.Kill()
	arrived := h.arrived.Load()
	p = campaigntest.StartNode(t, h.dir, h.config)
	defer p.Kill()
	h.await(t, p, "the end of the replay", func() bool {
		s, err := p.Status(t.Context())
		return err == nil && s.Drained() && h.state(t, p) == types.ReplayStateCompleted
	})
	h.check(t, p)
	if t.Failed() {
		t.Fatal(p.Output)
	}
	c.Done = n
	t.Logf("%d events replayed, killed after %d and %d deliveries, %d deliveries repeated", n, at, arrived, h.repeats)
}

// A replayHistory is what the outside world knows of a replay.
type replayHistory struct {
	dir, config string
	rand        *rand.Rand
	events      int // in the window; as many again are around it
	arrived     atomic.Int64

	mu      sync.Mutex
	seen    []uint8           // deliveries by the number of the event; guarded by mu, as is all below
	ids     map[string]uint32 // number by event id, of every 64th event
	repeats int
	faults  []string
}

const replayConfig = `
buses: [main]
rules:
  replayed:
    bus: main
    pattern: { replay-name: [ { exists: true } ] }
    targets:
      - webhook: %s/replayed
`

func newReplayHistory(t *testing.T, n int, choices *rand.Rand) *replayHistory {
	h := &replayHistory{rand: choices, events: n, seen: make([]uint8, n+n/2), ids: map[string]uint32{}}
	consumer := httptest.NewServer(http.HandlerFunc(h.consume))
	t.Cleanup(consumer.Close)
	root := t.TempDir()
	h.dir, h.config = filepath.Join(root, "data"), filepath.Join(root, "tablecast.yaml")
	if err := os.WriteFile(h.config, fmt.Appendf(nil, replayConfig, consumer.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// epoch is the start of the window. Events lie on both sides of it, so that a
// window that is off by a second shows.
var epoch = time.Unix(1_700_000_000, 0).UTC()

// before is how many events lie before the window.
func (h *replayHistory) before() int { return h.events / 4 }

// at returns the time of an event: a hundred share a second.
func (h *replayHistory) at(n int) time.Time {
	return epoch.Add(time.Duration(floor(n-h.before(), 100)) * time.Second)
}

// floor divides, rounding down.
func floor(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// consume notes a delivery.
func (h *replayHistory) consume(_ http.ResponseWriter, r *http.Request) {
	var e struct {
		ID     string `json:"id"`
		Replay string `json:"replay-name"`
		Detail struct{ N int }
	}
	err := json.UnmarshalRead(r.Body, &e, json.MatchCaseInsensitiveNames(true))
	h.mu.Lock()
	defer h.mu.Unlock()
	n := e.Detail.N
	switch {
	case err != nil || e.Replay != "again" || n < 0 || n >= len(h.seen):
		h.faults = append(h.faults, fmt.Sprintf("an invented event: %+v, %v", e, err))
		return
	case h.seen[n] > 0:
		h.repeats++
	default:
		h.arrived.Add(1)
	}
	h.seen[n] = min(h.seen[n]+1, 200)
	if want, ok := h.ids[e.ID]; ok && int(want) != n {
		h.faults = append(h.faults, fmt.Sprintf("id %s told of %d and of %d", e.ID, want, n))
	} else if n%64 == 0 {
		h.ids[e.ID] = uint32(n)
	}
}

func buses(p *campaigntest.Process) *eventbridge.Client {
	return eventbridge.New(eventbridge.Options{BaseEndpoint: aws.String(p.Endpoint), Region: "us-east-1", Credentials: campaigntest.Local, RetryMaxAttempts: 1})
}

const eventsARN = "arn:aws:events:us-east-1:000000000000:"

// archive makes the archive and puts the events into it, in batches of ten from
// several clients.
func (h *replayHistory) archive(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	c, ctx := buses(p), t.Context()
	_, err := c.CreateArchive(ctx, &eventbridge.CreateArchiveInput{ArchiveName: aws.String("kept"), EventSourceArn: aws.String(eventsARN + "event-bus/main")})
	if err != nil {
		t.Fatal(err)
	}
	var next atomic.Int64
	var putting sync.WaitGroup
	for range 8 {
		putting.Go(func() {
			for {
				last := int(next.Add(10))
				if last > len(h.seen)+9 {
					return
				}
				if err := h.put(ctx, c, last-10, min(last, len(h.seen))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	putting.Wait()
	got, err := c.DescribeArchive(ctx, &eventbridge.DescribeArchiveInput{ArchiveName: aws.String("kept")})
	if err != nil || int(got.EventCount) != len(h.seen) {
		t.Fatalf("archived %d of %d: %v", got.EventCount, len(h.seen), err)
	}
}

// put puts the events with the numbers from first to below last.
func (h *replayHistory) put(ctx context.Context, c *eventbridge.Client, first, last int) error {
	var in eventbridge.PutEventsInput
	for n := first; n < last; n++ {
		in.Entries = append(in.Entries, types.PutEventsRequestEntry{
			EventBusName: aws.String("main"), Source: aws.String("s"), DetailType: aws.String("T"), Time: aws.Time(h.at(n)),
			Detail: aws.String(fmt.Sprintf(`{"n":%d,"note":"what happened to number %d, as it was told when it did"}`, n, n)),
		})
	}
	if len(in.Entries) == 0 {
		return nil
	}
	out, err := c.PutEvents(ctx, &in)
	if err == nil && out.FailedEntryCount > 0 {
		err = fmt.Errorf("entries failed: %+v", out.Entries)
	}
	return err
}

// replay starts the replay of the window.
func (h *replayHistory) replay(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	_, err := buses(p).StartReplay(t.Context(), &eventbridge.StartReplayInput{
		ReplayName: aws.String("again"), EventSourceArn: aws.String(eventsARN + "archive/kept"),
		EventStartTime: &epoch, EventEndTime: aws.Time(h.end()),
		Destination: &types.ReplayDestination{Arn: aws.String(eventsARN + "event-bus/main")},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// matched returns how many events the replay has sent. That the rule still counts
// fewer than the window holds says that the replay goes on.
func (h *replayHistory) matched(t *testing.T, p *campaigntest.Process) int {
	s, err := p.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rules {
		if r.Rule == "replayed" {
			if int(r.Matched) >= h.events {
				t.Error("the replay was over before it could be killed")
			}
			return int(r.Matched)
		}
	}
	return 0
}

// end is the end of the window, which is not part of it.
func (h *replayHistory) end() time.Time { return h.at(h.before() + h.events) }

func (h *replayHistory) state(t *testing.T, p *campaigntest.Process) types.ReplayState {
	out, err := buses(p).DescribeReplay(t.Context(), &eventbridge.DescribeReplayInput{ReplayName: aws.String("again")})
	if err != nil {
		t.Fatal(err)
	}
	return out.State
}

// await waits for a condition.
func (h *replayHistory) await(t *testing.T, p *campaigntest.Process, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute + time.Duration(h.events)*time.Millisecond)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not in time; %d arrived\n%s", what, h.arrived.Load(), p.Output)
		}
	}
}

// repeatable is how many deliveries a kill may repeat: those that were running
// or whose outcome was on its way to the disk.
const repeatable = 1_000

// check compares what arrived with the window, and with the node's counters.
func (h *replayHistory) check(t *testing.T, p *campaigntest.Process) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fault := range h.faults {
		t.Error(fault)
	}
	lost, extra, wanted := 0, 0, 0
	for n, times := range h.seen {
		at := h.at(n)
		in := !at.Before(epoch) && at.Before(h.end())
		switch {
		case in && times == 0:
			lost++
		case !in && times > 0:
			extra++
		}
		if in {
			wanted++
		}
	}
	if lost > 0 || extra > 0 || h.repeats > repeatable {
		t.Errorf("P5: of %d events in the window %d never arrived; %d of others did; %d deliveries were repeated", wanted, lost, extra, h.repeats)
	}
	s, err := p.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rules {
		if r.Rule == "replayed" && (int(r.Matched) != wanted || r.Matched != r.Delivered+r.DeadLettered+r.Dropped+r.Pending || r.Matched != r.Delivered) {
			t.Errorf("P6: %d events in the window, %+v", wanted, r)
		}
	}
	out, err := buses(p).DescribeArchive(t.Context(), &eventbridge.DescribeArchiveInput{ArchiveName: aws.String("kept")})
	if err != nil || int(out.EventCount) != len(h.seen) {
		t.Errorf("the archive holds %d events of %d after the replay: %v", out.EventCount, len(h.seen), err)
	}
}
