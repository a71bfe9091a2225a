package connection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands in each secret of these tests.
const canary = "canary-5f1e"

// A world is connections and somebody to call, who keeps what was asked.
type world struct {
	*Connections
	t     *testing.T
	store *kv.Store
	log   *bytes.Buffer
	api   *httptest.Server

	mu      sync.Mutex
	calls   []*http.Request // guarded by mu, as all below
	bodies  []string
	answers []int // statuses to answer with, the first first; then 200
	tokens  int   // given
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: kvtest.NewMem(t), log: &bytes.Buffer{}}
	w.api = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.api.Close)
	w.open(seal.Key{1})
	return w
}

// open opens the connections as a new process would.
func (w *world) open(k seal.Key) {
	w.t.Helper()
	c, err := Open(w.store, Options{Key: k, Logger: slog.New(slog.NewTextHandler(w.log, nil)), Target: target.Options{Timeout: 500 * time.Millisecond}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Connections = c
	w.t.Cleanup(c.client.CloseIdleConnections)
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	status := http.StatusOK
	if len(w.answers) > 0 {
		status, w.answers = w.answers[0], w.answers[1:]
	}
	if r.URL.Path == "/token" {
		w.tokens++
		out.WriteHeader(status)
		fmt.Fprintf(out, `{"access_token":"token-%d","expires_in":3600}`, w.tokens)
		w.bodies = append(w.bodies, string(body))
		return
	}
	w.calls, w.bodies = append(w.calls, r), append(w.bodies, string(body))
	out.Header().Set("Retry-After", "7")
	out.WriteHeader(status)
}

func (w *world) answer(statuses ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = statuses
}

// destination makes a connection and a destination of one name and returns the
// target.
func (w *world) destination(name, kind string, a AuthParameters, d Destination) target.Target {
	w.t.Helper()
	if _, err := w.Create(Connection{Name: name, Kind: kind}, a); err != nil {
		w.t.Fatal(err)
	}
	d.Name, d.Connection = name, name
	if d.Endpoint == "" {
		d.Endpoint = w.api.URL + "/call"
	}
	if d.Method == "" {
		d.Method = http.MethodPost
	}
	made, err := w.CreateDestination(d)
	if err != nil {
		w.t.Fatal(err)
	}
	t, err := w.Target("arn:aws:events:us-east-1:000000000000:api-destination/" + name + "/" + made.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

var basic = AuthParameters{Username: "ada", Password: canary}

func TestConformance(t *testing.T) {
	open := func(statuses ...int) func(t *testing.T) target.Target {
		return func(t *testing.T) target.Target {
			w := newWorld(t)
			w.answer(statuses...)
			return w.destination("d", Basic, basic, Destination{})
		}
	}
	targettest.Run(t, func(t *testing.T) targettest.Fixture {
		w := newWorld(t)
		return targettest.Fixture{Target: w.destination("d", Basic, basic, Destination{}), Received: func() []string {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(w.bodies)
		}}
	}, targettest.Features{
		Failing: open(503), Refusing: open(400),
		Hanging: func(t *testing.T) target.Target {
			w := newWorld(t)
			end := make(chan struct{})
			hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-r.Context().Done():
				case <-end:
				}
			}))
			t.Cleanup(func() { close(end); hang.Close() })
			return w.destination("d", Basic, basic, Destination{Endpoint: hang.URL})
		},
	})
}

// A call carries what authorizes it, the parameters of target and connection,
// the latter over the former, and the fixed headers.
func TestCall(t *testing.T) {
	w := newWorld(t)
	a := basic
	a.Invocation = Parameters{
		Header: []Parameter{{Key: "X-Both", Value: "connection"}, {Key: "User-Agent", Value: "mine"}},
		Query:  []Parameter{{Key: "q", Value: canary, Secret: true}},
		Body:   []Parameter{{Key: "extra", Value: "1"}},
	}
	d := targettest.Delivery(1)
	d.Body = []byte(`{"a":1}`)
	d.Params = map[string]jsontext.Value{"HttpParameters": jsontext.Value(
		`{"PathParameterValues":["u 1","x"],"HeaderParameters":{"X-Both":"target","X-Own":"o"},"QueryStringParameters":{"p":"1"}}`)}
	for kind, auth := range map[string]string{Basic: "Basic YWRhOmNhbmFyeS01ZjFl", APIKey: ""} {
		a.KeyName, a.KeyValue = "X-Key", canary
		to := w.destination(kind, kind, a, Destination{Endpoint: w.api.URL + "/users/*/*?fixed=1", Method: http.MethodPut})
		if _, err := to.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		r := w.calls[len(w.calls)-1]
		if r.Method != http.MethodPut || r.URL.String() != "/users/u%201/x?fixed=1&p=1&q="+canary || w.bodies[len(w.bodies)-1] != `{"extra":"1","a":1}` {
			t.Errorf("%s %s %s", r.Method, r.URL, w.bodies[len(w.bodies)-1])
		}
		want := map[string]string{
			"Authorization": auth, "X-Both": "connection", "X-Own": "o", "User-Agent": "Amazon/EventBridge/ApiDestinations",
			"Range": "bytes=0-1048575", "Accept-Encoding": "gzip,deflate", "Content-Type": "application/json; charset=utf-8",
		}
		if kind == APIKey {
			want["X-Key"] = canary
		}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: header %s is %q, want %q", kind, name, got, value)
			}
		}
		if !r.Close {
			t.Error("the connection stays open")
		}
	}
}

// Tokens are fetched when needed, used again, and replaced when refused.
func TestOAuth(t *testing.T) {
	w := newWorld(t)
	a := AuthParameters{TokenURL: w.api.URL + "/token", TokenMethod: http.MethodPost, ClientID: "me", ClientSecret: canary, TokenParameters: Parameters{Body: []Parameter{{Key: "scope", Value: "all"}}}}
	to := w.destination("o", OAuth, a, Destination{})
	if _, active, _ := w.Destination("o"); active {
		t.Error("active before it is authorized")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	for active := false; !active; {
		_, active, _ = w.Destination("o")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if w.bodies[0] != "client_id=me&client_secret="+canary+"&grant_type=client_credentials&scope=all" {
		t.Errorf("asked with %s", w.bodies[0])
	}
	deliver := func(want bool) {
		t.Helper()
		_, err := to.Deliver(t.Context(), targettest.Delivery(1))
		if (err == nil) != want {
			t.Errorf("error %v", err)
		}
	}
	deliver(true)
	w.answer(401)
	deliver(false)
	deliver(true)
	var got []string
	for _, r := range w.calls {
		got = append(got, r.Header.Get("Authorization"))
	}
	if want := []string{"Bearer token-1", "Bearer token-1", "Bearer token-2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	w.answer(401, 500)
	deliver(false)
	_, err := to.Deliver(t.Context(), targettest.Delivery(1))
	var e *target.Error
	if !errors.As(err, &e) || e.Permanent || !strings.Contains(e.Msg, "answered 500") {
		t.Errorf("without a token: %v", err)
	}
}

// A throttling API says when to come back; a refusal is final.
func TestStatuses(t *testing.T) {
	w := newWorld(t)
	to := w.destination("d", Basic, basic, Destination{})
	for status, permanent := range map[int]bool{401: false, 407: false, 409: false, 429: false, 500: false, 503: false, 301: true, 400: true, 404: true, 403: true} {
		w.answer(status)
		_, err := to.Deliver(t.Context(), targettest.Delivery(1))
		var e *target.Error
		if !errors.As(err, &e) || e.Permanent != permanent || e.RetryAfter != 7*time.Second {
			t.Errorf("%d: %#v", status, err)
		}
	}
}

// Calls start no faster than the rate, whoever makes them.
func TestRate(t *testing.T) {
	w := newWorld(t)
	to := w.destination("d", Basic, basic, Destination{Rate: 50})
	start := time.Now()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := to.Deliver(t.Context(), targettest.Delivery(i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if took := time.Since(start); took < 19*time.Second/50 {
		t.Errorf("20 calls in %v", took)
	}
}

// No secret is in the store, in answers, errors or logs; it survives a restart,
// and without the key the connection says so.
func TestSecrets(t *testing.T) {
	w := newWorld(t)
	a := basic
	a.KeyValue, a.ClientSecret = canary, canary
	a.Invocation.Query = []Parameter{{Key: "q", Value: canary, Secret: true}, {Key: "open", Value: "shown"}}
	to := w.destination("d", Basic, a, Destination{Endpoint: "http://127.0.0.1:1/x"})
	_, err := to.Deliver(t.Context(), targettest.Delivery(1))
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("error %v", err)
	}
	c, shown, err := w.Describe("d")
	if text := fmt.Sprintf("%+v %+v", c, shown); err != nil || strings.Contains(text, canary) || !strings.Contains(text, "shown") || shown.Username != "ada" {
		t.Errorf("%s %v", text, err)
	}
	it := w.store.Scan(kv.Range{})
	for it.Next() {
		if bytes.Contains(it.Value(), []byte(canary)) || bytes.Contains(it.Value(), []byte("ada")) {
			t.Errorf("%q holds a secret", it.Key())
		}
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
	w.open(seal.Key{1})
	if _, shown, err := w.Describe("d"); err != nil || shown.Username != "ada" {
		t.Errorf("after a restart: %+v %v", shown, err)
	}
	w.open(seal.Key{2})
	if c, _, err := w.Describe("d"); err != nil || c.State != Deauthorized || c.Reason == "" {
		t.Errorf("with another key: %+v %v", c, err)
	}
	_, err = w.Update("d", func(_ *Connection, a *AuthParameters) error { *a = basic; return nil })
	if err != nil {
		t.Error(err)
	}
	if _, active, err := w.Destination("d"); err != nil || !active {
		t.Errorf("after an update: %v %v", active, err)
	}
	if _, err := w.Deauthorize("d"); err != nil {
		t.Error(err)
	}
	var e *target.Error
	to, err = w.Target("arn:aws:events:us-east-1:000000000000:api-destination/d")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Deliver(t.Context(), targettest.Delivery(1)); !errors.As(err, &e) || e.Code != target.CodeNoPermissions || e.Permanent {
		t.Errorf("deauthorized: %v", err)
	}
	if strings.Contains(w.log.String(), canary) {
		t.Errorf("logged %s", w.log)
	}
}

// A file's connections and API destinations are what it says, and nothing is
// written while it says the same.
func TestDeclare(t *testing.T) {
	w := newWorld(t)
	w.destination("api", Basic, basic, Destination{})
	w.destination("taken", Basic, basic, Destination{})
	declare := func(conns []Declaration, dests ...Destination) {
		t.Helper()
		if err := w.Declare("file", conns, dests); err != nil {
			t.Fatal(err)
		}
	}
	key := Declaration{"taken", APIKey, AuthParameters{KeyName: "X-Key", KeyValue: canary}}
	user := Declaration{"own", Basic, basic}
	to := Destination{Name: "own", Connection: "own", Endpoint: w.api.URL + "/own", Method: http.MethodPut}
	names := func() (out []string) {
		for _, c := range w.List("") {
			out = append(out, c.Name+" "+c.Kind+" "+c.Origin)
		}
		for _, d := range w.Destinations("") {
			out = append(out, d.Name+" "+d.Method+" "+d.Origin)
		}
		return out
	}
	declare([]Declaration{key, user}, to)
	want := []string{"api BASIC ", "own BASIC file", "taken API_KEY file", "api POST ", "own PUT file", "taken POST "}
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}

	was, sealed := w.content(), w.List("own")[0].Sealed
	w.open(seal.Key{1})
	declare([]Declaration{key, user}, to)
	if !bytes.Equal(was, w.content()) {
		t.Error("the same file was written again")
	}
	user.Auth.Password = "another"
	declare([]Declaration{key, user}, to)
	if c, _, err := w.Describe("own"); err != nil || bytes.Equal(c.Sealed, sealed) {
		t.Errorf("a new password: %v", err)
	}
	if _, err := w.Deauthorize("own"); err != nil {
		t.Fatal(err)
	}
	declare([]Declaration{key, user}, to)
	if _, active, err := w.Destination("own"); err != nil || !active {
		t.Errorf("%t, %v", active, err)
	}
	refused := w.connections["own"]
	refused.State = Deauthorized
	w.connections["own"] = refused // as one that got no token
	declare([]Declaration{key, user}, to)
	if _, active, err := w.Destination("own"); err != nil || !active {
		t.Errorf("after it was refused: %t, %v", active, err)
	}
	w.open(seal.Key{2})
	declare([]Declaration{key, user}, to)
	if c, _, err := w.Describe("taken"); err != nil || c.State != Authorized {
		t.Errorf("with another key: %+v, %v", c, err)
	}

	declare([]Declaration{user}, to)
	declare(nil)
	if got := names(); !slices.Equal(got, []string{"api BASIC ", "api POST ", "taken POST "}) {
		t.Errorf("%q", got)
	}
	if err := w.Declare("file", nil, []Destination{to}); !errors.Is(err, ErrNotFound) {
		t.Errorf("without its connection: %v", err)
	}
}

// content returns all that the store has.
func (w *world) content() []byte {
	w.t.Helper()
	var out []byte
	it := w.store.Scan(kv.Range{})
	for it.Next() {
		out = append(append(out, it.Key()...), it.Value()...)
	}
	if err := it.Close(); err != nil {
		w.t.Error(err)
	}
	return out
}
