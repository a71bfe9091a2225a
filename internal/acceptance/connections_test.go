package acceptance

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/kv"
)

// The file says how an API is called: with the secrets of the environment, of
// which nothing is in the store or the log, and with others after a reload.
func TestConnectionsOfTheFile(t *testing.T) {
	calls := make(chan string, 10)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			fmt.Fprintf(w, `{"access_token":"for-%s","expires_in":3600}`, r.PostFormValue("client_secret"))
			return
		}
		calls <- strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("X-Key"), r.Header.Get("X-Kind"), r.Header.Get("Authorization")}, " ")
	}))
	defer api.Close()
	t.Setenv("API", api.URL)
	file := func(key string) *config.File {
		t.Setenv("PARTNER_KEY", key)
		f, err := config.Parse("f", []byte(`
connections:
  partner: { api-key: { name: X-Key, value: "${env:PARTNER_KEY}" }, query: { q: "${env:PARTNER_KEY}" } }
  bank: { oauth: { token-url: "${env:API}/token", client-id: me, client-secret: "${env:PARTNER_KEY}" } }
api-destinations:
  orders: { connection: partner, endpoint: "${env:API}/orders/*", method: PUT }
  pay: { connection: bank, endpoint: "${env:API}/pay" }
rules:
  r:
    pattern: { source: [s] }
    targets:
      - { api-destination: orders, path: [$.source], header: { X-Kind: $.detail-type } }
      - { api-destination: pay }
`))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	var log bytes.Buffer
	t.Cleanup(func() { // once the node is closed
		if bytes.Contains(log.Bytes(), []byte("canary")) {
			t.Errorf("logged %s", log.Bytes())
		}
	})
	n := runNode(t, tablecast.Options{Config: file("canary-1"), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i, key := range []string{"canary-1", "canary-2"} {
		if i > 0 {
			if err := n.Reload(t.Context(), file(key)); err != nil {
				t.Fatal(err)
			}
		}
		put(t, n, "default")
		got := map[string]bool{<-calls: true, <-calls: true}
		for _, want := range []string{"PUT /orders/s?q=" + key + " " + key + " T ", "POST /pay   Bearer for-" + key} {
			found := false
			for call := range got {
				found = found || strings.HasPrefix(call, want)
			}
			if !found {
				t.Errorf("%v, want %s", got, want)
			}
		}
	}
	snap := n.Snapshot()
	defer snap.Close()
	it := snap.Scan(kv.Range{})
	for it.Next() {
		if bytes.Contains(it.Value(), []byte("canary")) {
			t.Errorf("%q holds a secret", it.Key())
		}
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
}
