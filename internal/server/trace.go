package server

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/tablecast/tablecast/internal/telemetry"
	"github.com/tablecast/tablecast/internal/trace"
)

// traced lets what a request changes belong to the trace that its headers name.
// With a tracer, calls that may change something have a span, and start a trace
// if they name none.
func traced(next http.Handler, tracer *telemetry.Tracer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := trace.Parse(cmp.Or(r.Header.Get(trace.Header), r.Header.Get(trace.AWSHeader)))
		if tracer != nil && (c.Valid() || writes(r.Header.Get("X-Amz-Target"))) {
			var end func(int)
			c, end = tracer.Request(r, c)
			seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
			defer func() { end(seen.status) }()
			w = seen
		}
		if c.Valid() {
			r = r.WithContext(trace.With(r.Context(), c))
		}
		next.ServeHTTP(w, r)
	})
}

// writes reports whether an operation may change items or send events.
func writes(target string) bool {
	_, operation, _ := strings.Cut(target, ".")
	for _, verb := range []string{"Put", "Update", "Delete", "BatchWrite", "TransactWrite", "Execute", "BatchExecute"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// A statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.NewResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
