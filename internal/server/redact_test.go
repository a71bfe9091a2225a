package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/keys"
	"github.com/tablecast/tablecast/internal/telemetry"
)

// A gathering keeps what was written, from any goroutine.
type gathering struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (g *gathering) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(b)
}

func (g *gathering) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

const failingCalls = `
tables: { users: { key: id, stream: new-image } }
events: { Created: { from: users, on: insert, source: s, detail: { id: "${new.id}" } } }
connections:
  basic: { basic: { username: ada, password: "${env:CANARY_BASIC}" } }
  key: { api-key: { name: X-Key, value: "${env:CANARY_API}" }, header: { X-More: "${env:CANARY_MORE}" }, query: { q: "${env:CANARY_QUERY}" } }
  bank: { oauth: { token-url: "${env:API}/token", client-id: me, client-secret: "${env:CANARY_CLIENT}" } }
  shut: { oauth: { token-url: "${env:API}/no-token", client-id: me, client-secret: "${env:CANARY_CLIENT}" } }
api-destinations:
  a: { connection: basic, endpoint: "${env:API}/a" }
  b: { connection: key, endpoint: "${env:API}/b" }
  c: { connection: bank, endpoint: "${env:API}/c" }
  d: { connection: shut, endpoint: "${env:API}/d" }
rules:
  r:
    pattern: { source: [s] }
    targets:
      - { id: hook, webhook: "${env:API}/hook", retry: { attempts: 1 } }
      - { id: a, api-destination: a, retry: { attempts: 1 } }
      - { id: b, api-destination: b, retry: { attempts: 1 } }
      - { id: c, api-destination: c, retry: { attempts: 1 } }
      - { id: d, api-destination: d, retry: { attempts: 1 } }
`

// refusing answers tokens, and refuses all calls; the first of each path breaks off.
func refusing(t *testing.T) *httptest.Server {
	var seen sync.Map
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			fmt.Fprint(w, `{"access_token":"canary-token","expires_in":3600}`)
			return
		}
		if _, again := seen.LoadOrStore(r.URL.Path, true); !again {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// Secrets appear in no log, error, answer, page, metric, trace, backup or file of the
// folder: those of connections and webhooks, tokens, keys, and headers that carry them.
func TestNoSecretIsShown(t *testing.T) {
	traces, log := &gathering{}, &gathering{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(traces, r.Body) })) //nolint:errcheck // of a test
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("API", refusing(t).URL)
	for _, name := range []string{"BASIC", "API", "MORE", "QUERY", "CLIENT"} {
		t.Setenv("CANARY_"+name, "canary-"+strings.ToLower(name))
	}
	dir := filepath.Join(t.TempDir(), "data")
	key, err := keys.Create(t.Context(), dir, keys.Key{Name: "operator", Allow: []keys.Grant{keys.Everything}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	functions := keys.Fresh("functions", keys.Everything)
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ring, err := keys.Open(dir, logger, functions)
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse("tablecast.yaml", []byte(failingCalls))
	if err != nil {
		t.Fatal(err)
	}
	node, err := tablecast.Open(dir, tablecast.Options{Config: file, Logger: logger, WebhookSecret: []byte("canary-webhook"), FunctionKey: [2]string{functions.ID, functions.Secret}})
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := telemetry.Open()
	if err != nil {
		t.Fatal(err)
	}
	shown := talk(t, node, Options{Listen: "127.0.0.1:0", Keys: ring, Logger: logger, Tracer: tracer, Backups: dir + "-backups"}, key)
	if err := errors.Join(tracer.Close(t.Context()), node.Close()); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"log": log.String(), "traces": traces.String(), "answers": shown}
	for _, root := range []string{dir, dir + "-backups"} {
		for name, text := range filesBelow(t, root) {
			all[name] = text
		}
	}
	if len(all) < 10 || !strings.Contains(shown, "SDK_CLIENT_ERROR") && !strings.Contains(shown, "403") || traces.String() == "" {
		t.Fatalf("little was looked at: %d things, %s", len(all), shown)
	}
	for name, text := range all {
		for _, secret := range []string{"canary-", key.Secret, functions.Secret, "AWS4-HMAC-SHA256 Credential", "YWRhOmNhbmFyeS1iYXNpYw"} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s shows %s: …%q…", name, secret, text[max(0, at-200):min(len(text), at+100)])
			}
		}
	}
}

// talk serves the node, makes its calls fail, and returns what clients are answered.
func talk(t *testing.T, node *tablecast.Node, o Options, key keys.Key) string {
	t.Helper()
	ln, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, node, ln, o, time.Second) }()
	at := "http://" + ln.Addr().String()
	var shown strings.Builder
	ask := func(d door, body, secret string) {
		_, header, text := signed(t, at, d, body, key.ID, secret)
		fmt.Fprintln(&shown, d.name, header, text)
	}
	put := door{"PutItem", http.MethodPost, "/", "DynamoDB_20120810.PutItem", "dynamodb"}
	for _, id := range []string{"u1", "u2"} {
		ask(put, `{"TableName":"users","Item":{"id":{"S":"`+id+`"}}}`, key.Secret)
	}
	if err := node.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(put, `{}`, "wrong")
	ask(door{"PutItem", http.MethodPost, "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", "DynamoDB_20120810.PutItem", "dynamodb"}, `{}`, key.Secret)
	reads := regexp.MustCompile(`^(Describe|List|GET )|^POST /_api/v1/(explain|parked|mappings|dead-letters|events/get|buses|rules|targets)$`)
	for _, d := range doors(node) {
		if reads.MatchString(d.name) {
			ask(d, `{}`, key.Secret)
		}
	}
	for _, name := range []string{"basic", "key", "bank", "shut"} {
		ask(door{"DescribeConnection", http.MethodPost, "/", "AWSEvents.DescribeConnection", "events"}, `{"Name":"`+name+`"}`, key.Secret)
	}
	ask(door{"backup", http.MethodPost, "/_api/v1/backup", "", "tablecast"}, `{"dir":"monday"}`, key.Secret)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return shown.String()
}

// filesBelow returns the files below a folder by their names.
func filesBelow(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
