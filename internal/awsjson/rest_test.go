package awsjson

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tablecast/tablecast/internal/keys"
)

// useThing needs things:Use on the thing of the path.
func useThing(r *Request) ([]Permission, error) {
	return []Permission{{"things:Use", "arn:" + r.Param("Name")}}, nil
}

// things is a REST service that answers with what it was asked for.
func things() RESTService {
	return RESTService{
		SigningName: "things", Owns: func(path string) bool { return strings.HasPrefix(path, "/2015/") }, MaxBody: 100,
		Routes: []Route{
			{http.MethodGet, "/2015/things", func(_ context.Context, r *Request) (*Answer, error) {
				return &Answer{Body: []byte("all " + r.Query.Get("Marker"))}, nil
			}, useThing},
			{http.MethodPost, "/2015/things/{Name}/use", func(_ context.Context, r *Request) (*Answer, error) {
				if r.Param("Name") == "broken" {
					return nil, errors.New("unexpected")
				}
				if r.Param("Name") == "none" {
					return nil, &Error{Type: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "no thing"}
				}
				return &Answer{Status: http.StatusAccepted, Header: map[string]string{"X-Thing": r.Param("Name")}, Body: r.Body}, nil
			}, useThing},
		},
	}
}

// ask sends a request, signed if there is a secret, and returns the answer.
func ask(t *testing.T, url, method, path, body, secret string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("X-Amz-Kind", "signed")
		sum := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // of nothing
		secret, late := strings.CutSuffix(secret, " and a header")
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "key", SecretAccessKey: secret}, req, sum, "things", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		if late {
			req.Header.Set("X-Amz-Other", "x")
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestREST(t *testing.T) {
	srv := httptest.NewServer(NewServer(Options{REST: []RESTService{things()}}))
	defer srv.Close()
	for _, c := range []struct {
		method, path, body string
		status             int
		want, kind         string
	}{
		{"GET", "/2015/things?Marker=m", "", 200, "all m", ""},
		{"GET", "/2015/things/", "", 200, "all ", ""},
		{"POST", "/2015/things/a%3Ab%2Fc/use", "x", 202, "x", ""},
		{"POST", "/2015/things/none/use", "", 404, `{"Message":"no thing","Type":"User"}`, "ResourceNotFoundException"},
		{"POST", "/2015/things/broken/use", "", 500, `{"Message":"` + internalMessage + `","Type":"Service"}`, "ServiceException"},
		{"PUT", "/2015/things", "", 404, `{"Type":"User","message":"PUT /2015/things is not offered here."}`, unknownOperation},
		{"POST", "/2015/things/a/use", strings.Repeat("x", 101), 413, `{"Type":"User","message":"Request size exceeded the limit of 100 bytes"}`, "RequestEntityTooLargeException"},
	} {
		resp, text := ask(t, srv.URL, c.method, c.path, c.body, "")
		if resp.StatusCode != c.status || text != c.want || resp.Header.Get("X-Amzn-Errortype") != c.kind || len(resp.Header.Get("X-Amzn-Requestid")) != 36 {
			t.Errorf("%s %s: %d %s %v", c.method, c.path, resp.StatusCode, text, resp.Header)
		}
	}
	resp, _ := ask(t, srv.URL, "POST", "/2015/things/a%3Ab%2Fc/use", "", "")
	if got := resp.Header.Get("X-Thing"); got != "a:b/c" {
		t.Errorf("segment %q", got)
	}
}

// oneKey is a closed node that has one key, with the id "key".
type oneKey keys.Key

func (k oneKey) Closed() bool { return true }

func (k oneKey) Find(id string) (keys.Key, bool) { return keys.Key(k), id == "key" }

// A signature covers path, query and each X-Amz header, and a key needs what the path
// says.
func TestRESTSignature(t *testing.T) {
	key := oneKey{Name: "k", Secret: "secret", Allow: []keys.Grant{{Actions: []string{"things:*"}, Resources: []string{"arn:", "arn:a*"}}}}
	srv := httptest.NewServer(NewServer(Options{REST: []RESTService{things()}, Auth: &Auth{Region: "us-east-1", Keys: key}}))
	defer srv.Close()
	for _, c := range []struct {
		method, path, secret string
		status               int
	}{
		{"GET", "/2015/things?b=2&Marker=a%20b%2Fc&b=1", "secret", 200},
		{"POST", "/2015/things/a%3Ab/use", "secret", 202},
		{"POST", "/2015/things/b/use", "secret", 403},
		{"GET", "/2015/things", "wrong", 403},
		{"GET", "/2015/things", "", 403},
		{"GET", "/2015/things", "secret and a header", 403},
	} {
		if resp, text := ask(t, srv.URL, c.method, c.path, "", c.secret); resp.StatusCode != c.status {
			t.Errorf("%+v: %d %s", c, resp.StatusCode, text)
		}
	}
}
