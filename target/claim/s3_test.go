package claim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

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
