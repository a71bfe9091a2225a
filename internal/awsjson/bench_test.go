package awsjson_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// BenchmarkEmpty measures what the protocol costs beside net/http: a handler
// that reads 1 KB and answers {}, bare and behind the server.
func BenchmarkEmpty(b *testing.B) {
	svc := echo()
	svc.Ops["None"] = op(func(context.Context, []byte) ([]byte, error) { return []byte("{}"), nil })
	body := `{"x":"` + strings.Repeat("y", 1000) + `"}`
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // discards
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Write([]byte("{}"))
	})
	ours := awsjson.NewServer(awsjson.Options{Services: []awsjson.Service{svc}})
	for _, c := range []struct {
		name string
		h    http.Handler
	}{{"bare", bare}, {"ours", ours}} {
		b.Run("http/"+c.name, func(b *testing.B) {
			srv := httptest.NewServer(c.h)
			defer srv.Close()
			b.ReportAllocs()
			for b.Loop() {
				post(b, srv.URL, "Echo_1.None", body, nil)
			}
		})
		b.Run("handler/"+c.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodPost, "http://localhost/", nil)
			r.Header["X-Amz-Target"] = []string{"Echo_1.None"}
			r.Header["Content-Type"] = []string{"application/x-amz-json-1.0"}
			r.ContentLength = int64(len(body))
			w := httptest.NewRecorder()
			reader := strings.NewReader(body)
			r.Body = io.NopCloser(reader)
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				w.Body.Reset()
				c.h.ServeHTTP(w, r)
			}
		})
	}
}
