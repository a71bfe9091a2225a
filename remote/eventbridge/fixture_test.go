package eventbridge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/event"
	api "github.com/tablecast/tablecast/internal/awsapi/eventbridge"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/remote/eventbridge"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fault is what goes wrong with one call of PutEvents.
type fault int

const (
	none      fault = iota
	entries         // of the entries some fail, in ways that pass
	throttle        // the call is throttled
	broken          // the server fails before it looks
	lost            // the entries are taken, and the answer never arrives
	denied          // the caller may not
	short           // the answer lacks the last entry, which was not taken
	oversized       // the request is too large for the bus, if it has two entries
	html            // a proxy answers
)

// A server is real buses behind faults.
type server struct {
	url    string
	buses  *bus.Buses
	real   http.Handler
	client *http.Client

	mu     sync.Mutex
	faults []fault // of the next calls
	calls  []call
	twice  map[string]bool // events whose answer was lost
}

// A call is one that arrived.
type call struct {
	ids   []string
	bytes int
}

// start serves buses until the test ends.
func start(t testing.TB) *server {
	t.Helper()
	store := kvtest.NewMem(t)
	queues, err := delivery.Open(store, delivery.Options{
		Targets: func(string) (target.Target, error) { return nil, fmt.Errorf("no targets") },
		Events:  func(name string, seq uint64) (*event.Event, error) { return bus.Event(store, name, seq) },
		Restore: bus.Restore,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	if s.buses, err = bus.Open(store, queues, bus.Options{StrictBus: true}); err != nil {
		t.Fatal(err)
	}
	conns, err := connection.Open(store, connection.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.real = awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{api.Service(s.buses, conns)}})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = awsjson.NewHTTPServer(s, nil)
	srv.Start()
	s.url = srv.URL
	s.plan()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		srv.Close()
	})
	return s
}

// plan sets what goes wrong with the next calls, and forgets those that were.
func (s *server) plan(faults ...fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.calls, s.twice = faults, nil, map[string]bool{}
}

func (s *server) next() fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return none
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

type entry struct {
	Source, DetailType, Detail, EventBusName string
	Time                                     float64
	Resources                                []string
}

type request struct{ Entries []entry }

type answer struct {
	FailedEntryCount int
	Entries          []map[string]string
}

// idOf returns the id that a detail carries.
func idOf(detail []byte) string {
	var d struct {
		Metadata struct{ EventID string } `json:"metadata"`
	}
	if err := json.Unmarshal(detail, &d, json.MatchCaseInsensitiveNames(true)); err != nil {
		panic(err)
	}
	return d.Metadata.EventID
}

// ServeHTTP lets one call go wrong.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		panic(err)
	}
	c := call{}
	for _, e := range in.Entries {
		c.ids = append(c.ids, idOf([]byte(e.Detail)))
		c.bytes += len(e.Detail)
	}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	f := s.next()
	switch {
	case f == throttle:
		fail(w, http.StatusBadRequest, "ThrottlingException")
	case f == broken:
		fail(w, http.StatusInternalServerError, "InternalException")
	case f == denied:
		fail(w, http.StatusBadRequest, "AccessDeniedException")
	case f == oversized && len(in.Entries) > 1:
		fail(w, http.StatusBadRequest, "ValidationException")
	case f == html:
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html>")
	default:
		s.pass(w, r, in, f)
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type":%q,"message":"planned"}`, code)
}

// pass hands on the entries that do not fail, and answers for all.
func (s *server) pass(w http.ResponseWriter, r *http.Request, in request, f fault) {
	out := answer{Entries: make([]map[string]string, len(in.Entries))}
	var on request
	var at []int
	for i, e := range in.Entries {
		switch {
		case f == entries && i%2 == 0:
			out.Entries[i] = map[string]string{"ErrorCode": []string{"ThrottlingException", "InternalFailure"}[i/2%2], "ErrorMessage": "planned"}
		case f == short && i == len(in.Entries)-1:
		case strings.Contains(e.Detail, "poison"):
			out.Entries[i] = map[string]string{"ErrorCode": "NotAuthorizedForDetailTypeException", "ErrorMessage": "planned"}
		case strings.Contains(e.Detail, "sick"):
			out.Entries[i] = map[string]string{"ErrorCode": "InternalFailure", "ErrorMessage": "planned"}
		default:
			on.Entries, at = append(on.Entries, e), append(at, i)
		}
	}
	if len(on.Entries) > 0 {
		for i, result := range s.forward(r, on).Entries {
			out.Entries[at[i]] = result
		}
	}
	if f == lost {
		s.mu.Lock()
		for _, e := range on.Entries {
			s.twice[idOf([]byte(e.Detail))] = true
		}
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	if f == short {
		out.Entries = out.Entries[:len(out.Entries)-1]
	}
	for _, result := range out.Entries {
		if result["ErrorCode"] != "" {
			out.FailedEntryCount++
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Write(b)
}

// forward calls the real service.
func (s *server) forward(r *http.Request, in request) answer {
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	on := r.Clone(r.Context())
	on.Body, on.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	rec := httptest.NewRecorder()
	s.real.ServeHTTP(rec, on)
	var out answer
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || rec.Code != http.StatusOK {
		panic(fmt.Sprint(rec.Code, rec.Body, err))
	}
	return out
}

// sdk returns AWS's client for the server.
func (s *server) sdk() *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &s.url, HTTPClient: s.client,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// publisher returns one with short pauses, and its log.
func (s *server) publisher(o eventbridge.Options) (*eventbridge.Publisher, *lines) {
	log := &lines{}
	o.Client, o.MinPause, o.MaxPause = s.sdk(), time.Millisecond, 5*time.Millisecond
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	return eventbridge.New(o), log
}

// lines is a log that many goroutines write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// raised returns an event of a group.
func raised(group string, n int, more string) mapping.Raised {
	id := event.DeterministicID(group, fmt.Sprint(n))
	return mapping.Raised{Definition: "Changed", Bus: "default", Event: event.Event{
		ID: id, Source: "test", DetailType: "Changed", Time: time.Unix(1_800_000_000, 0), Group: group,
		Detail: fmt.Appendf(nil, `{"metadata":{"eventId":%q},"data":{"n":%d,"group":%q,"more":%q}}`, id, n, group, more),
	}}
}

// A fact is an event that a bus has.
type fact struct {
	id, group string
	n         int
}

// facts returns the events that the default bus accepted behind a position, and
// the position behind them.
func (s *server) facts(t testing.TB, after uint64) ([]fact, uint64) {
	t.Helper()
	var out []fact
	err := s.buses.Events(bus.Default, after, func(seq uint64, e *event.Event) bool {
		var d struct {
			Data struct {
				N     int    `json:"n"`
				Group string `json:"group"`
			} `json:"data"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Error(err)
		}
		out = append(out, fact{idOf(e.Detail), d.Data.Group, d.Data.N})
		after = seq
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, after
}

// limit is a context that ends a test which hangs.
func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
