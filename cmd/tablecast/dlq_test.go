package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
)

// says runs a command that must print all the texts in time.
func says(t *testing.T, line string, texts ...string) {
	t.Helper()
	var out string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		status, stdout, stderr := execute(t.Context(), strings.Fields(line)...)
		if status != 0 {
			t.Fatalf("%s: %d %s", line, status, stderr)
		}
		missing := false
		for _, text := range texts {
			missing = missing || !strings.Contains(stdout, text)
		}
		if out = stdout; !missing {
			return
		}
	}
	t.Fatalf("%s printed %s, want %q", line, out, texts)
}

// A refused event is listed, shown, delivered again after a fix; another is
// dropped; the counters add up throughout.
func TestDeadLetterCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id } }\n")
	upHere(t)
	var up atomic.Bool
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(hook.Close)
	c := eb.NewFromConfig(apitest.Config(os.Getenv("AWS_ENDPOINT_URL")))
	if _, err := c.PutRule(t.Context(), &eb.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutTargets(t.Context(), &eb.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("t"), Arn: aws.String(hook.URL)}}}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 2 {
		put, err := c.PutEvents(t.Context(), &eb.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Source: aws.String("s"), DetailType: aws.String("T"), Detail: aws.String(`{"a":1}`)}}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *put.Entries[0].EventId)
	}
	says(t, "dlq ls", ids[0], ids[1], "default/r/t", "SDK_CLIENT_ERROR: answered 400 Bad Request")
	says(t, "dlq show --event "+ids[0], "RULE_ARN arn:aws:events:us-east-1:000000000000:rule/r", "TARGET_ARN "+hook.URL, "RETRY_ATTEMPTS 0", `"detail":{"a":1}`, "tried 20")
	says(t, "rules ls --bus default", "default/r: 2 matched = 0 delivered + 2 dead-lettered + 0 dropped + 0 pending; 1 targets")
	says(t, "dlq drop --event "+ids[1], "1 dropped")
	up.Store(true)
	says(t, "dlq redrive --rule r", "1 events are pending again")
	says(t, "targets ls", "default/r/t: 2 matched = 1 delivered + 0 dead-lettered + 1 dropped + 0 pending; "+hook.URL)
	says(t, "buses ls --json", `"bus":"default"`, `"delivered":1,"deadLettered":0,"dropped":1,"pending":0`)
	for line, want := range map[string]string{"dlq drop": "or --all", "dlq ls --since x": "is no time"} {
		if status, _, stderr := execute(t.Context(), strings.Fields(line)...); status != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %s", line, status, stderr)
		}
	}
}

// An event with duplicate names, and an answer that is no UTF-8, are shown, as is
// what comes after them.
func TestShowAnyEvent(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id } }\n")
	upHere(t)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 400 No\xff\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}))
	t.Cleanup(hook.Close)
	c := eb.NewFromConfig(apitest.Config(os.Getenv("AWS_ENDPOINT_URL")))
	if _, err := c.PutRule(t.Context(), &eb.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["s"]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutTargets(t.Context(), &eb.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{{Id: aws.String("t"), Arn: aws.String(hook.URL)}}}); err != nil {
		t.Fatal(err)
	}
	details := []string{`{"a":1,"a":2}`, `{"b":3}`}
	var ids []string
	for _, detail := range details {
		put, err := c.PutEvents(t.Context(), &eb.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Source: aws.String("s"), DetailType: aws.String("T"), Detail: &detail}}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *put.Entries[0].EventId)
	}
	says(t, "dlq ls", ids[0], ids[1], "answered 400 No\uFFFD")
	says(t, "dlq show", details[0], details[1])
	says(t, "dlq show --json", details[0], details[1])
	says(t, "events get "+ids[0], details[0], "attempt 1 ", "400 No\uFFFD")
}
