package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// A story collects what each hop does with each user's change, and prints it once the
// event is delivered.
type story struct {
	out  io.Writer
	json bool

	mu         sync.Mutex
	chapters   map[string]*chapter // by user id; guarded by mu, as all below
	byEvent    map[string]*chapter
	writes     int
	events     int
	deliveries int
	latencies  []time.Duration
}

// A chapter is the way of one user's change from the write to the delivery.
type chapter struct {
	id, name         string
	seq              uint64
	start, acked     time.Time
	mapped, accepted time.Time
	arrived          time.Time
	event, detail    string
	rules            []string
	answer           string
	done             bool
}

func newStory(out io.Writer, asJSON bool) *story {
	return &story{out: out, json: asJSON, chapters: map[string]*chapter{}, byEvent: map[string]*chapter{}}
}

func (s *story) observer() tablecast.Observer {
	return tablecast.Observer{Mapped: s.mapped, Accepted: s.accepted, Attempted: s.attempted}
}

// starting says at once what is about to happen.
func (s *story) starting() {
	if !s.json {
		fmt.Fprintln(s.out, "Starting a node with a table, a bus and a consumer ...")
	}
}

func (s *story) begin(endpoint, consumer string) {
	if s.json {
		return
	}
	fmt.Fprintf(s.out, `A node is up at %s with
  table    users         partition key id, stream NEW_IMAGE
  event    UserCreated   from users, on insert
  bus      main
  rule     user-created  {"source":["myapp.users"],"detail-type":["UserCreated"]}
  consumer http://%s/welcome

A service inserts users with the AWS SDK for Go. It sends no event.

`, endpoint, consumer)
	fmt.Fprintf(s.out, "%-12s %-19s %-24s %-14s %-27s %s\n", "user", "write", "event", "rule", "consumer", "ack to delivered")
}

// chapter returns the chapter of a user. The caller holds mu.
func (s *story) chapter(id string) *chapter {
	c := s.chapters[id]
	if c == nil {
		c = &chapter{id: id}
		s.chapters[id] = c
	}
	return c
}

func (s *story) writing(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chapter(id)
}

func (s *story) written(user map[string]string, start, acked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chapter(user["id"])
	c.name, c.start, c.acked = user["username"], start, acked
	s.writes++
	s.finish(c)
}

func (s *story) mapped(r *stream.Record, events []mapping.Raised) {
	id, ok := r.Keys.Get("id")
	if !ok || len(events) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chapter(id.Str())
	c.seq, c.mapped, c.event, c.detail = r.Seq, time.Now(), events[0].Event.ID, events[0].Event.DetailType
	s.byEvent[c.event] = c
}

func (s *story) accepted(a bus.Accepted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	if c := s.byEvent[a.Event.ID]; c != nil {
		c.accepted, c.rules = time.Now(), a.Rules
	}
}

// arrived is called by the consumer.
func (s *story) arrived(body []byte, at time.Time) {
	var e struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(body, &e) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.byEvent[e.ID]; c != nil && c.arrived.IsZero() {
		c.arrived = at
	}
}

func (s *story) attempted(a delivery.Attempt) {
	if a.Event == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.byEvent[a.Event.ID]
	if c == nil {
		return
	}
	c.answer = a.Response.Status
	if a.Err != nil {
		c.answer = a.Err.Error()
		return
	}
	s.deliveries++
	s.finish(c)
}

// finish prints a chapter once all its hops are done. The caller holds mu.
func (s *story) finish(c *chapter) {
	if c.done || c.acked.IsZero() || c.arrived.IsZero() || c.answer == "" {
		return
	}
	c.done = true
	latency := max(c.arrived.Sub(c.acked), 0)
	s.latencies = append(s.latencies, latency)
	if s.json {
		s.hops(c)
		return
	}
	rule := ""
	if len(c.rules) > 0 {
		rule = c.rules[0]
	}
	fmt.Fprintf(s.out, "%-12s %-19s %-24s %-14s %-27s %s\n", c.name,
		fmt.Sprintf("seq %d in %s", c.seq, ms(c.acked.Sub(c.start))),
		fmt.Sprintf("%s in %s", c.detail, ms(c.accepted.Sub(c.mapped))),
		rule, fmt.Sprintf("%s in %s", c.answer, ms(c.arrived.Sub(c.accepted))), ms(latency))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// print prints a line of JSON. A terminal that is gone does not end the demo.
func (s *story) print(v any) { _ = writeJSON(s.out, v) }

// hops prints a chapter as JSON, one object a hop.
func (s *story) hops(c *chapter) {
	s.print(map[string]any{"hop": "write", "user": c.id, "username": c.name, "ms": millis(c.acked.Sub(c.start))})
	s.print(map[string]any{"hop": "stream", "user": c.id, "sequenceNumber": stream.FormatSeq(c.seq)})
	s.print(map[string]any{"hop": "event", "user": c.id, "id": c.event, "detailType": c.detail, "rules": c.rules, "ms": millis(c.accepted.Sub(c.mapped))})
	s.print(map[string]any{"hop": "delivery", "user": c.id, "answer": c.answer, "ms": millis(c.arrived.Sub(c.accepted)), "sinceAckMs": millis(max(c.arrived.Sub(c.acked), 0))})
}

func (s *story) summary(endpoint string, syncs uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p50, p99 := percentile(s.latencies, 0.50), percentile(s.latencies, 0.99)
	if s.json {
		s.print(map[string]any{"summary": map[string]any{
			"writes": s.writes, "events": s.events, "deliveries": s.deliveries,
			"p50_ms": millis(p50), "p99_ms": millis(p99), "fsyncs": syncs,
		}})
		return
	}
	fmt.Fprintf(s.out, "\n%d writes, %d events, %d deliveries; acknowledged write to delivered event: p50 %s, p99 %s; %d fsyncs\n",
		s.writes, s.events, s.deliveries, ms(p50), ms(p99), syncs)
	fmt.Fprintf(s.out, `
Go on by hand:
  aws dynamodb put-item --endpoint-url %[1]s --table-name users --item '{"id":{"S":"u-1"},"username":{"S":"you"}}'
  aws dynamodb scan --endpoint-url %[1]s --table-name users
  aws dynamodbstreams list-streams --endpoint-url %[1]s --table-name users
  aws events list-rules --endpoint-url %[1]s --event-bus-name main
with AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
`, endpoint)
}

func (s *story) staying() {
	if !s.json {
		fmt.Fprintln(s.out, "\nThe node stays up; interrupt to stop.")
	}
}

// percentile returns the value below which the part q of the durations lies.
func percentile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
