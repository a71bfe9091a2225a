package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

const failing = "def handler(event, context):\n    raise ValueError('no ' + str(event)[-60:])\n"

// failingNode has a function that always fails and a table with a stream.
func failingNode(t *testing.T) (n *tablecast.Node, sent <-chan string, streamARN string) {
	t.Helper()
	calls, sent := queueService(t)
	n = runNode(t, tablecast.Options{AWS: calls, Endpoint: "http://127.0.0.1:1"})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(failing), 0o600); err != nil {
		t.Fatal(err)
	}
	var f function.Function
	f.Name, f.Code.Dir, f.Handler, f.Runtime = "f", dir, "app.handler", "python3.12"
	if _, err := n.Functions().Create(f); err != nil {
		t.Fatal(err)
	}
	d, err := n.Tables().Create(table.Spec{Name: "users", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}, View: stream.NewAndOldImages})
	if err != nil {
		t.Fatal(err)
	}
	return n, sent, d.Stream.ARN()
}

const queueARN = "arn:aws:sqs:us-east-1:000000000000:dead"

// message returns the body of the next message of a queue.
func message(t *testing.T, sent <-chan string) string {
	t.Helper()
	_, request, _ := strings.Cut(<-sent, " ")
	var in struct{ MessageBody string }
	if err := json.Unmarshal([]byte(request), &in); err != nil {
		t.Fatal(err)
	}
	return in.MessageBody
}

// The record of an event that failed goes to a queue of SQS; one that the queue
// refuses for good becomes a dead letter of the function.
func TestFailedEventsGoToAQueue(t *testing.T) {
	n, sent, _ := failingNode(t)
	_, err := n.Functions().SetEvents("f", func(*function.EventConfig) *function.EventConfig {
		return &function.EventConfig{MaxAge: 3600, OnFailure: queueARN}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`"huge"`, `{"a":1}`} {
		if err := n.Functions().Enqueue("f", "", []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if body := message(t, sent); !strings.Contains(body, `"requestPayload":{"a":1}`) || !strings.Contains(body, `"condition":"RetriesExhausted"`) {
		t.Errorf("the queue got %s", body)
	}
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	var dead []string
	err = n.Functions().DeadLetters("f", func(d function.DeadLetter) bool { dead = append(dead, string(d.Record)); return true })
	if err != nil || len(dead) != 1 || !strings.Contains(dead[0], `"requestPayload":"huge"`) {
		t.Errorf("dead letters %v, %v", dead, err)
	}
}

// So do the failure records of a stream's batches, which hold the records.
func TestFailedBatchesGoToAQueue(t *testing.T) {
	n, sent, arn := failingNode(t)
	m := eventsource.Mapping{Stream: arn, Start: eventsource.TrimHorizon, Settings: eventsource.Defaults()}
	m.Function, m.BatchSize, m.MaxRetry, m.OnFailure = "f", 1, 0, queueARN
	_, err := n.EventSources().Create(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"huge", "ada"} {
		_, err := n.Tables().Put(t.Context(), table.PutRequest{Table: "users", Item: item.MapOf(item.Field{Name: "id", Value: item.S(id)})})
		if err != nil {
			t.Fatal(err)
		}
	}
	if body := message(t, sent); !strings.Contains(body, `"condition":"RetryAttemptsExhausted"`) || !strings.Contains(body, `"payload":{"Records":[{"eventID":`) || !strings.Contains(body, `{"S":"ada"}`) {
		t.Errorf("the queue got %s", body)
	}
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	var dead int
	err = n.Functions().DeadLetters("f", func(d function.DeadLetter) bool {
		dead++
		return strings.Contains(string(d.Record), `{"S":"huge"}`)
	})
	if err != nil || dead != 1 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}
