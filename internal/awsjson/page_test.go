package awsjson

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tablecast/tablecast/internal/keys"
)

// A page of a closed node is served to those whose key has its action, and an open one
// to everybody.
func TestPages(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, Signer(r.Context())+" "+string(body)) //nolint:errcheck // of a recorder
	})
	pages := []Page{
		{Pattern: "GET /health", Open: true, Handler: show},
		{Pattern: "GET /figures", Action: "tablecast:Figures", Basic: true, Handler: show},
		{Pattern: "POST /read", Action: "tablecast:Read", Handler: show},
		{Pattern: "POST /drop", Action: "tablecast:Drop", Handler: show},
	}
	key := oneKey{Name: "k", Secret: "secret", Allow: []keys.Grant{{Actions: []string{"tablecast:Read", "tablecast:Figures"}, Resources: []string{"*"}}}}
	closed := NewServer(Options{Pages: pages, Auth: &Auth{Region: "us-east-1", Keys: key}})
	open := NewServer(Options{Pages: pages})
	const hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of x
	sign := func(secret, service string) func(*http.Request) {
		return func(r *http.Request) {
			sum := hash
			if r.Method == http.MethodGet {
				sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
			}
			if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "key", SecretAccessKey: secret}, r, sum, service, "us-east-1", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	none := func(*http.Request) {}
	for _, c := range []struct {
		h            http.Handler
		method, path string
		edit         func(*http.Request)
		status       int
		want         string
	}{
		{open, "POST", "/drop", none, 200, " x"},
		{closed, "GET", "/health", none, 200, " "},
		{closed, "POST", "/read", none, 403, "MissingAuthenticationTokenException"},
		{closed, "POST", "/read", sign("secret", PageService), 200, "k x"},
		{closed, "POST", "/read", sign("wrong", PageService), 403, "InvalidSignatureException"},
		{closed, "POST", "/read", sign("secret", "dynamodb"), 403, "InvalidSignatureException"},
		{closed, "POST", "/read", basic("key", "secret"), 403, "MissingAuthenticationTokenException"},
		{closed, "POST", "/drop", sign("secret", PageService), 403, "not authorized to perform: tablecast:Drop on resource: *"},
		{closed, "GET", "/figures", sign("secret", PageService), 200, "k "},
		{closed, "GET", "/figures", basic("key", "secret"), 200, "k "},
		{closed, "GET", "/figures", basic("key", "wrong"), 403, "UnrecognizedClientException"},
		{closed, "GET", "/figures", basic("", ""), 403, "UnrecognizedClientException"},
		{closed, "GET", "/drop", none, 404, "UnknownOperationException"},
		{closed, "GET", "/nothing", none, 404, "UnknownOperationException"},
	} {
		body := ""
		if c.method == http.MethodPost {
			body = "x"
		}
		r := httptest.NewRequestWithContext(t.Context(), c.method, "http://localhost"+c.path, strings.NewReader(body))
		c.edit(r)
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.want)
		}
	}
}

// What does not say which permission it needs cannot be served.
func TestUndeclared(t *testing.T) {
	for name, o := range map[string]Options{
		"operation": {Services: []Service{{Ops: map[string]Op{"X": {}}}}},
		"route":     {REST: []RESTService{{Routes: []Route{{Method: "GET", Path: "/x"}}}}},
		"page":      {Pages: []Page{{Pattern: "GET /x"}}},
		"both":      {Pages: []Page{{Pattern: "GET /x", Open: true, Action: "tablecast:Read"}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is served", name)
				}
			}()
			NewServer(o)
		}()
	}
}

// An answer that lasts is cut off within a second once its key was revoked.
func TestRevokedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := keys.Fresh("k", keys.Everything)
		all := &fleeting{key: k}
		began := make(chan struct{})
		h := NewServer(Options{Auth: &Auth{Region: "us-east-1", Keys: all}, Pages: []Page{{
			Pattern: "GET /tail", Action: "tablecast:Read", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(began)
				<-r.Context().Done()
			}),
		}}})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/tail", nil)
		sum := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}, r, sum, PageService, "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}()
		<-began
		time.Sleep(time.Hour)
		select {
		case <-done:
			t.Fatal("the answer ended while the key was good")
		default:
		}
		all.gone.Store(true)
		at := time.Now()
		<-done
		if took := time.Since(at); took > time.Second {
			t.Errorf("cut off after %v", took)
		}
	})
}

// fleeting is one key until it is gone.
type fleeting struct {
	key  keys.Key
	gone atomic.Bool
}

func (f *fleeting) Closed() bool { return true }

func (f *fleeting) Find(id string) (keys.Key, bool) { return f.key, id == f.key.ID && !f.gone.Load() }
