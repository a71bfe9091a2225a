package acceptance

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/parking"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target/claim"
)

var rewrite = flag.Bool("rewrite", false, "write the stories as they happen")

// A story is a file of testdata/stories: parts that begin with -- NAME --, of
// which tablecast.yaml is the file of a node and story what is done, a line
// each, with what happens below it, indented. The node is real, in a folder of
// its own, and is closed and opened again where the story says restart.
type story struct {
	t      *testing.T
	dir    string
	parts  map[string]string
	node   *tablecast.Node
	mu     sync.Mutex
	heard  []string // what happened since the last line
	queued []string // deliveries, which are told after the events, in order of rules
}

func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &story{t: t, dir: t.TempDir(), parts: map[string]string{}}
			before, _, _ := strings.Cut(string(text), "-- story --\n")
			for _, part := range strings.Split("\n"+string(text), "\n-- ")[1:] {
				name, body, _ := strings.Cut(part, " --\n")
				s.parts[name] = body
			}
			got := s.play()
			if want := strings.TrimSpace(s.parts["story"]); got != want && !*rewrite {
				t.Errorf("it happens otherwise:\n%s\nwant\n%s", got, want)
			}
			if *rewrite {
				if err := os.WriteFile(path, []byte(before+"-- story --\n"+got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play does what the story says and returns it with what happened.
func (s *story) play() string {
	for name, body := range s.parts {
		if name != "story" {
			if err := os.WriteFile(filepath.Join(s.dir, name), []byte(strings.ReplaceAll(body, "DIR", s.dir)), 0o600); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.open()
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(s.parts["story"]), "\n") {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out = append(out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		s.do(verb, rest)
		for _, heard := range s.settle() {
			out = append(out, "  "+heard)
		}
	}
	s.close()
	return strings.TrimSpace(strings.Join(out, "\n"))
}

func (s *story) file(name string) *config.File {
	s.t.Helper()
	f, err := config.Load(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *story) open() {
	s.t.Helper()
	var err error
	s.node, err = tablecast.Open(filepath.Join(s.dir, "data"), tablecast.Options{Config: s.file("tablecast.yaml"), Observer: tablecast.Observer{
		Accepted: func(a bus.Accepted) {
			s.hear(&s.heard, fmt.Sprintf("event %s %s", a.Event.DetailType, s.plain(a.Event)))
		},
		Attempted: func(a delivery.Attempt) {
			s.hear(&s.queued, strings.ToLower(a.Outcome)+" by rule "+a.Queue.Rule)
		},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) close() {
	s.t.Helper()
	if err := s.node.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *story) hear(what *[]string, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what = append(*what, line)
}

// varying is what of the metadata differs from run to run.
var varying = regexp.MustCompile(`"(sequenceNumber|mappingVersion|time)":"[^"]*"`)

// plain is an event's detail without what differs from run to run.
func (s *story) plain(e *event.Event) string {
	text := string(e.Detail)
	if r, ok := claim.ParseReference(e.Detail); ok {
		store, err := claim.OpenFolder(filepath.Join(s.dir, "blobs"))
		if err != nil {
			s.t.Error(err)
		}
		content, err := claim.Fetch(context.Background(), store, e.Detail)
		return fmt.Sprintf("a reference to %d bytes, %v", min(len(content), r.Size), err)
	}
	return varying.ReplaceAllString(strings.ReplaceAll(text, e.ID, "ID"), `"$1":"…"`)
}

// settle waits until all is done and returns what happened.
func (s *story) settle() []string {
	s.t.Helper()
	if err := s.node.AwaitQuiet(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.queued)
	out := append(s.heard, s.queued...)
	s.heard, s.queued = nil, nil
	return out
}

func (s *story) do(verb, rest string) {
	s.t.Helper()
	name, body, _ := strings.Cut(rest, " ")
	ctx := s.t.Context()
	var err error
	switch verb {
	case "put":
		_, err = s.node.Tables().Put(ctx, table.PutRequest{Table: name, Item: s.item(body)})
	case "delete":
		_, err = s.node.Tables().Delete(ctx, table.DeleteRequest{Table: name, Key: s.item(body)})
	case "transact":
		err = s.transact(rest)
	case "items":
		err = s.items(name)
	case "restart":
		s.close()
		s.open()
	case "reload":
		err = s.node.Reload(ctx, s.file(rest))
	case "parked":
		err = s.node.Parked(ctx, rest, parking.Selection{}, func(p *parking.Record) bool {
			s.hear(&s.heard, fmt.Sprintf("%s %s: %s", p.Op, p.Group, p.Error))
			return true
		})
	case "redrive":
		var d parking.Redriven
		d, err = s.node.Relay(rest).Redrive(ctx, parking.Selection{}, false, func(parking.Redriven) {})
		s.hear(&s.queued, fmt.Sprintf("redriven: %d changes, %d events, %d failed, %d waiting", d.Records, d.Events, d.Failed, d.Waiting))
	case "drop":
		err = s.drop(name, body)
	case "explain":
		err = s.explain(name, body)
	case "dry-run":
		err = s.dryRun(rest)
	case "backfill":
		_, err = s.node.Relay(body).StartBackfill(ctx, name, "RUN", 0)
		s.awaitBackfill(body)
	default:
		s.t.Fatalf("nothing is called %s", verb)
	}
	if err != nil {
		s.hear(&s.heard, "error: "+strings.ReplaceAll(err.Error(), s.dir+"/", ""))
	}
}

// item reads plain JSON, or DynamoDB's where a first value is an object.
func (s *story) item(text string) item.Item {
	s.t.Helper()
	text = strings.ReplaceAll(text, "LARGE", strings.Repeat("x", 300<<10))
	var wire item.Map
	if json.Unmarshal([]byte(text), &wire) == nil {
		return wire
	}
	v, err := item.FromPlainJSON([]byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return v.Map()
}

// transact puts items of several tables in one commit: TABLE ITEM + TABLE ITEM.
func (s *story) transact(text string) error {
	var x table.Transaction
	for part := range strings.SplitSeq(text, " + ") {
		name, body, _ := strings.Cut(part, " ")
		x.Requests = append(x.Requests, table.PutRequest{Table: name, Item: s.item(body)})
	}
	_, _, err := s.node.Tables().Transact(s.t.Context(), x)
	return err
}

// items tells the items of a table.
func (s *story) items(name string) error {
	p, err := s.node.Tables().Scan(s.t.Context(), table.ScanRequest{Table: name})
	for _, it := range p.Items {
		s.hear(&s.heard, string(item.AppendPlainItem(nil, it)))
	}
	if err == nil && len(p.Items) == 0 {
		s.hear(&s.heard, "none")
	}
	return err
}

// drop gives up the first parked change of an operation.
func (s *story) drop(name, op string) error {
	var first *parking.Record
	err := s.node.Parked(s.t.Context(), name, parking.Selection{}, func(p *parking.Record) bool {
		first = p
		return p.Op != op
	})
	if err != nil {
		return err
	}
	_, err = s.node.Relay(name).Drop(s.t.Context(), parking.Selection{Seqs: []string{first.Seq}})
	return err
}

func (s *story) explain(name, key string) error {
	return s.node.Explain(s.t.Context(), tablecast.Question{Table: name, Key: s.item(key)}, func(e tablecast.Explanation) bool {
		s.hear(&s.heard, string(mapping.KindOf(e.Record))+":")
		for _, v := range e.Verdicts {
			s.hear(&s.heard, "  "+v.String())
		}
		return true
	})
}

func (s *story) dryRun(name string) error {
	show := func(r *mapping.Raised, err error) string {
		switch {
		case err != nil:
			return "fails: " + err.Error()
		case r == nil:
			return "nothing"
		}
		return r.Event.DetailType + " " + s.plain(&r.Event)
	}
	n, err := s.node.DryRun(s.t.Context(), s.file(name), time.Time{}, false, func(d tablecast.Difference) bool {
		s.hear(&s.heard, fmt.Sprintf("%s → %s", show(d.Was, d.WasErr), show(d.Is, d.IsErr)))
		return true
	})
	s.hear(&s.heard, fmt.Sprintf("%d changes", n))
	return err
}

func (s *story) awaitBackfill(name string) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.node.Relay(name).Status().Backfill != "" {
		<-tick.C
	}
}
