package claim

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// silent is a transport to a server that never answers.
type silent struct{ calls int }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A store that never answers does not hold its caller for ever.
func TestBucketTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := OpenBucket(&url.URL{Scheme: "s3", Host: "bucket"}, credentials.NewStaticCredentialsProvider("key", "secret", ""), "")
		server := &silent{}
		b.client.HTTP.Transport = server
		start := time.Now()
		_, err := b.Put(t.Context(), "id", []byte("{}"))
		if took := time.Since(start); err == nil || server.calls != tries || took > tries*tryTime+10*time.Second {
			t.Errorf("%v after %d calls in %s", err, server.calls, took)
		}
	})
}
