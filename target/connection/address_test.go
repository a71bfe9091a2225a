package connection

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

// No way of declaring an endpoint takes one that is never called, and none that is
// private where only public ones are.
func TestAddressesWhenDeclared(t *testing.T) {
	const metadata, private, public = "http://0251.0376.0251.0376/token", "http://10.1.2.3/token", "https://example.com/token"
	for _, publicOnly := range []bool{false, true} {
		s, err := Open(kvtest.NewMem(t), Options{Key: seal.Key{1}, Target: target.Options{PublicOnly: func() bool { return publicOnly }}})
		if err != nil {
			t.Fatal(err)
		}
		oauth := func(url string) AuthParameters {
			return AuthParameters{TokenURL: url, TokenMethod: http.MethodPost, ClientID: "c", ClientSecret: "s"}
		}
		if _, err := s.Create(Connection{Name: "c", Kind: OAuth}, oauth(public)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CreateDestination(Destination{Name: "d", Connection: "c", Endpoint: public, Method: http.MethodPost}); err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{metadata, private} {
			errs := map[string]error{}
			_, errs["Create"] = s.Create(Connection{Name: "new", Kind: OAuth}, oauth(url))
			_, errs["Update"] = s.Update("c", func(_ *Connection, a *AuthParameters) error { *a = oauth(url); return nil })
			_, errs["CreateDestination"] = s.CreateDestination(Destination{Name: "new", Connection: "c", Endpoint: url})
			_, errs["UpdateDestination"] = s.UpdateDestination("d", func(d *Destination) { d.Endpoint = url })
			errs["Declare connection"] = s.Declare("file", []Declaration{{Name: "f", Kind: OAuth, Auth: oauth(url)}}, nil)
			errs["Declare destination"] = s.Declare("file", []Declaration{{Name: "f", Kind: Basic, Auth: basic}}, []Destination{{Name: "f", Connection: "f", Endpoint: url}})
			refused := url == metadata || publicOnly
			for how, err := range errs {
				var e *target.ParseError
				if errors.As(err, &e) != refused || err != nil && !refused {
					t.Errorf("%s of %s, public only %v: %v", how, url, publicOnly, err)
				}
			}
		}
	}
}

// What a name leads to is checked again when it is called: of the destination and
// of the endpoint for tokens.
func TestAddressesWhenCalled(t *testing.T) {
	w := newWorld(t)
	named := strings.Replace(w.api.URL, "127.0.0.1", "localhost", 1)
	direct := w.destination("direct", Basic, basic, Destination{Endpoint: named + "/call"})
	byToken := w.destination("token", OAuth, AuthParameters{TokenURL: named + "/token", TokenMethod: http.MethodPost, ClientID: "c", ClientSecret: "s"}, Destination{Endpoint: named + "/call"})
	w.client = target.NewClient(target.Options{PublicOnly: func() bool { return true }}) // as after a start with keys
	for name, to := range map[string]target.Target{"direct": direct, "token": byToken} {
		_, err := to.Deliver(t.Context(), targettest.Delivery(1))
		if e := (*target.Error)(nil); !errors.As(err, &e) || e.Code != target.CodeNoPermissions {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.calls) > 0 {
		t.Errorf("called %s", w.calls[0].URL)
	}
}

// A parameter that comes from an event does not lead out of the endpoint's path.
func TestPathParameters(t *testing.T) {
	w := newWorld(t)
	for value, good := range map[string]bool{"a/b": true, "..": false, ".": false, "../../admin": false, "a/../../../x": false, "..a": true, "%2e%2e": true} {
		name := "d" + strings.NewReplacer("/", "-", "%", "-").Replace(value)
		to := w.destination(name, Basic, basic, Destination{Endpoint: w.api.URL + "/v1/users/*"})
		d := targettest.Delivery(1)
		d.Params = map[string]jsontext.Value{"HttpParameters": jsontext.Value(`{"PathParameterValues":["` + value + `"]}`)}
		_, err := to.Deliver(t.Context(), d)
		if e := (*target.Error)(nil); good != (err == nil) || !good && (!errors.As(err, &e) || !e.Permanent) {
			t.Errorf("%s: %v", value, err)
		}
	}
	for _, r := range w.calls {
		if !strings.HasPrefix(r.URL.Path, "/v1/users/") {
			t.Errorf("called %s", r.URL.Path)
		}
	}
}

// A star in a value stays where the value is: no other value takes its place.
func TestStarInPathParameter(t *testing.T) {
	s := newWorld(t).Connections
	c, err := s.Create(Connection{Name: "c", Kind: Basic}, basic)
	if err != nil {
		t.Fatal(err)
	}
	for values, want := range map[string]string{`["*","b"]`: "/v1/*/of/b", `["a","*","c"]`: "/v1/a/of/*", `["a"]`: "/v1/a/of/*"} {
		d := targettest.Delivery(1)
		d.Params = map[string]jsontext.Value{"HttpParameters": jsontext.Value(`{"PathParameterValues":` + values + `}`)}
		r, err := s.request(t.Context(), Destination{Endpoint: "https://example.com/v1/*/of/*", Method: http.MethodPost}, c, d)
		if err != nil || r.URL.Path != want {
			t.Errorf("%s: %v, %v", values, r, err)
		}
	}
}
