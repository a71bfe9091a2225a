package process

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// eventBridge is an endpoint that takes every PutEvents and reports it.
func eventBridge(t *testing.T, got chan<- string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("X-Amz-Target")
		_, _ = io.WriteString(rw, `{"FailedEntryCount":0,"Entries":[]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
