package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
)

// An event is seen by who watches its pattern, tells what each rule makes of it
// and how its deliveries went, and counts in the metrics.
func TestEventCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id } }\n")
	upHere(t)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(hook.Close)
	url := os.Getenv("AWS_ENDPOINT_URL")
	c := eb.NewFromConfig(apitest.Config(url))
	for name, pattern := range map[string]string{"hears": `{"source":["s"]}`, "deaf": `{"source":["other"]}`} {
		if _, err := c.PutRule(t.Context(), &eb.PutRuleInput{Name: &name, EventPattern: &pattern}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.PutTargets(t.Context(), &eb.PutTargetsInput{Rule: &name, Targets: []types.Target{{Id: aws.String("t"), Arn: &hook.URL}}}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		cmd := newRoot()
		cmd.SetArgs([]string{"events", "tail", "--bus", "default", "--pattern", `{"detail":{"a":[2]}}`})
		cmd.SetOut(in)
		ended <- cmd.ExecuteContext(ctx)
		in.Close()
	}()
	seen := make(chan string, 100)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			seen <- lines.Text()
		}
	}()
	var id, line string
	for line == "" { // the tail hears what comes after its start
		put, err := c.PutEvents(t.Context(), &eb.PutEventsInput{Entries: []types.PutEventsRequestEntry{
			{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(`{"a":1}`)},
			{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(`{"a":2}`)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		id = *put.Entries[1].EventId
		select {
		case line = <-seen:
		default:
		}
	}
	if !strings.Contains(line, `"detail":{"a":2}`) || !strings.HasSuffix(line, "; to hears") {
		t.Errorf("tail printed %s", line)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	says(t, "events get "+id, `"detail":{"a":2}`, "rule hears matches", "target t ("+hook.URL+"): settled", "attempt 1 ", "delivered 202 Accepted",
		"rule deaf does not match", `source: wanted "other"; found "s" at /source`)
	if status, _, stderr := execute(t.Context(), "events", "get", "nobody"); status != 2 || !strings.Contains(stderr, "no bus holds an event") {
		t.Errorf("%d %s", status, stderr)
	}
	says(t, "explain deaf "+id, `"detail":{"a":2}`, "rule deaf does not match", `source: wanted "other"; found "s" at /source`)
	says(t, "explain hears "+id+" --json", `"rules":[{"rule":"hears","matches":true,`)
	if _, out, _ := execute(t.Context(), "explain", "deaf", id); strings.Contains(out, "hears") {
		t.Errorf("explain tells of a rule that was not named:\n%s", out)
	}
	for line, want := range map[string]string{
		"explain nobody " + id:            "no such rule: nobody on default",
		"explain deaf nothing":            "no bus holds an event of the id nothing",
		"explain deaf":                    "name RULE and EVENT-ID",
		"explain deaf " + id + " --seq 1": "not both",
	} {
		if status, _, stderr := execute(t.Context(), strings.Fields(line)...); status != statusUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", line, status, stderr)
		}
	}
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`tablecast_matched_events_total{bus="default",rule="hears",target="t"} `, `tablecast_invocations_total{bus="default",rule="hears",target="t"} `,
		`tablecast_ingestion_to_delivery_seconds_bucket{bus="default",rule="hears",target="t",le=`, `tablecast_pending_events{bus="default",rule="deaf",target="t"} 0`,
		`tablecast_events_to_missing_buses_total 0`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
}
