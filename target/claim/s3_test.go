package claim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tablecast/tablecast/target/claim"
)

// S3 is asked again after what may pass, and once for what it refuses.
func TestBucketTriesAgain(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		calls  int64
		says   string
	}{
		{http.StatusServiceUnavailable, `<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>`, 3, ""},
		{http.StatusInternalServerError, ``, 3, ""},
		{http.StatusForbidden, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`, 1, "AccessDenied"},
	} {
		var calls atomic.Int64
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) < 3 {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}
		}))
		defer srv.Close()
		t.Setenv("AWS_ACCESS_KEY_ID", "key")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		s, err := claim.Open("s3://bucket/prefix?endpoint=" + srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Put(t.Context(), "id", []byte("{}"))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || calls.Load() != c.calls {
			t.Errorf("%d: %v after %d calls", c.status, err, calls.Load())
		}
	}
}

// A prefix is escaped as S3 does it before it computes the signature.
func TestBucketEscapesKeys(t *testing.T) {
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.RequestURI }))
	defer srv.Close()
	if _, err := openBucket(t, srv.URL, "year=2024/a+b@c, d").Put(t.Context(), "id", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if want := "/bucket/year%3D2024/a%2Bb%40c%2C%20d/id.json"; path != want {
		t.Errorf("path %s, want %s", path, want)
	}
}

// A redirect is an error: followed, a PUT becomes a GET, which stores nothing.
func TestBucketFollowsNoRedirect(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			http.Redirect(w, r, "/login", http.StatusFound)
		}
	}))
	defer srv.Close()
	if ref, err := openBucket(t, srv.URL, "prefix").Put(t.Context(), "id", []byte("{}")); err == nil {
		t.Errorf("put as %s, though nothing is stored", ref)
	}
}

func openBucket(t *testing.T, endpoint, prefix string) *claim.Bucket {
	t.Helper()
	u := &url.URL{Scheme: "s3", Host: "bucket", Path: "/" + prefix, RawQuery: url.Values{"endpoint": {endpoint}}.Encode()}
	return claim.OpenBucket(u, credentials.NewStaticCredentialsProvider("key", "secret", ""), "")
}
