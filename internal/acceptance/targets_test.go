package acceptance

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/target"
)

// runNode runs a node on a folder until the test ends.
func runNode(t *testing.T, o tablecast.Options) *tablecast.Node {
	t.Helper()
	n, err := tablecast.Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func put(t *testing.T, n *tablecast.Node, busName string) string {
	t.Helper()
	got, err := n.Buses().Put(t.Context(), []bus.Entry{{Bus: busName, Source: "s", DetailType: "T", Detail: []byte(`{}`)}})
	if err != nil || got[0].Err != nil {
		t.Fatal(err, got)
	}
	return got[0].ID
}

func route(t *testing.T, n *tablecast.Node, busName, rule string, to bus.Target) {
	t.Helper()
	if err := n.Buses().PutRule(bus.Rule{Bus: busName, Name: rule, Pattern: `{"source":["s"]}`}); err != nil {
		t.Fatal(err)
	}
	to.ID = "t"
	if err := n.Buses().PutTargets(busName, rule, []bus.Target{to}); err != nil {
		t.Fatal(err)
	}
}

// A bus is a target of a rule on another bus.
func TestBusTarget(t *testing.T) {
	n := runNode(t, tablecast.Options{})
	if err := n.Buses().Create(bus.Bus{Name: "main"}); err != nil {
		t.Fatal(err)
	}
	route(t, n, bus.Default, "r", bus.Target{ARN: n.Buses().ARN("main")})
	id := put(t, n, bus.Default)
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := n.Buses().Events("main", 0, func(_ uint64, e *event.Event) bool { got = append(got, e.ID); return true })
	if err != nil || !slices.Equal(got, []string{id}) {
		t.Errorf("%v %v, want %s", got, err, id)
	}
}

// queueService answers as SQS does, and returns how it is called and the
// messages that it was sent. It refuses those that hold the word huge.
func queueService(t *testing.T) (*target.AWS, <-chan string) {
	t.Helper()
	sent := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body strings.Builder
		_, _ = body.WriteString(r.Header.Get("X-Amz-Target") + " ")
		_, _ = io.Copy(&body, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		switch {
		case strings.HasPrefix(body.String(), "AmazonSQS.GetQueueUrl"):
			_, _ = w.Write([]byte(`{"QueueUrl":"http://` + r.Host + `/dead"}`))
		case strings.Contains(body.String(), "huge"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"com.amazonaws.sqs#InvalidParameterValue","message":"One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."}`))
		default:
			_, _ = w.Write([]byte(`{"MessageId":"m"}`))
			sent <- body.String()
		}
	}))
	t.Cleanup(srv.Close)
	return &target.AWS{SQS: srv.URL, Credentials: credentials.NewStaticCredentialsProvider("k", "s", "")}, sent
}

// Dead letters go to the queue that their target names, with EventBridge's
// attributes, and leave the store.
func TestDeadLettersGoToAQueue(t *testing.T) {
	calls, sent := queueService(t)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }))
	t.Cleanup(refusing.Close)
	n := runNode(t, tablecast.Options{AWS: calls})
	route(t, n, bus.Default, "r", bus.Target{ARN: refusing.URL, DeadLetterARN: "arn:aws:sqs:us-east-1:000000000000:dead"})
	id := put(t, n, bus.Default)
	select {
	case got := <-sent:
		for _, want := range []string{"AmazonSQS.SendMessage", id, "RULE_ARN", "rule/r", "TARGET_ARN", "ERROR_CODE", "SDK_CLIENT_ERROR", "RETRY_ATTEMPTS"} {
			if !strings.Contains(got, want) {
				t.Errorf("sent %s, which lacks %s", got, want)
			}
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was sent")
	}
	for end := time.Now().Add(10 * time.Second); ; {
		var left []delivery.DeadLetter
		if err := n.Queues().DeadLetters(t.Context(), delivery.DeadFilter{}, func(d delivery.DeadLetter) bool { left = append(left, d); return false }); err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v stays", left)
		}
	}
	if c := n.Queues().Counts(bus.Default, "r"); c.DeadLettered != 1 || c.Pending() != 0 {
		t.Errorf("%+v", c)
	}
}
