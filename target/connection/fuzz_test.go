package connection

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/target"
)

// Whatever a rule says of the call of an API destination, the call goes to the
// destination's host with the connection's credentials and without headers that are
// reserved.
func FuzzCall(f *testing.F) {
	s, err := Open(kvtest.NewMem(f), Options{Key: seal.Key{1}, Target: target.Options{Timeout: time.Second}})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.Create(Connection{Name: "c", Kind: Basic}, AuthParameters{Username: "ada", Password: canary}); err != nil {
		f.Fatal(err)
	}
	f.Add("https://api.example.com/v1/*/x/*?a=b", `{"PathParameterValues":["a b","../../c"],"HeaderParameters":{"X-Mine":"1","Host":"evil","Authorization":"x"},"QueryStringParameters":{"q":"1 2"}}`, []byte(`{}`))
	f.Add("https://api.example.com/*", `{"PathParameterValues":["//evil.example.com/x"]}`, []byte(nil))
	f.Add("https://api.example.com", `{"HeaderParameters":{"A\r\nB":"c\r\nd","":""}}`, []byte(nil))
	f.Fuzz(func(t *testing.T, endpoint, params string, body []byte) {
		at, err := url.Parse(endpoint)
		if err != nil || at.Scheme != "https" || at.Host == "" || !jsontext.Value(params).IsValid() {
			return
		}
		d := Destination{Name: "d", Connection: "c", Endpoint: endpoint, Method: http.MethodPost}
		req, err := s.request(t.Context(), d, s.connections["c"], &target.Delivery{Body: body, Params: map[string]jsontext.Value{"HttpParameters": jsontext.Value(params)}})
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the secret is in %v", err)
			}
			return
		}
		user, password, ok := req.BasicAuth()
		if req.URL.Host != at.Host || req.URL.Scheme != "https" || req.Host != at.Host || !ok || user != "ada" || password != canary {
			t.Errorf("%s with %s calls %s %s as %s", endpoint, params, req.Host, req.URL, user)
		}
		if err := req.Write(io.Discard); err != nil && !strings.Contains(err.Error(), "invalid") {
			t.Errorf("%s with %s: %v", endpoint, params, err)
		}
	})
}
