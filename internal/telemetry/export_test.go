package telemetry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

func someSpans() []sdk.ReadOnlySpan {
	return tracetest.SpanStubs{{
		Name: "deliver welcome", StartTime: time.Unix(1, 2), EndTime: time.Unix(3, 4),
		Attributes: []attribute.KeyValue{attribute.Int("n", 7), attribute.StringSlice("rules", []string{"a", "b"}), attribute.String("s", "x")},
		Status:     sdk.Status{Code: codes.Error, Description: "refused"},
	}}.Snapshots()
}

// A collector that puts spans off gets them again, whole; one that refuses them
// does not.
func TestExport(t *testing.T) {
	var calls int
	var got spans.TracesData
	statuses := []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusOK, http.StatusBadRequest}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.URL.Path != "/v1/traces" || r.Header.Get("Authorization") != "Basic a=" || err != nil || proto.Unmarshal(body, &got) != nil {
			t.Errorf("the collector got %s %v %q", r.URL, r.Header, body)
		}
		w.WriteHeader(statuses[calls])
		calls++
	}))
	defer srv.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL+"/")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=b,authorization=Basic%20a%3D")
	x, err := newExporter()
	if err != nil {
		t.Fatal(err)
	}
	x.pause = time.Microsecond
	if err := x.ExportSpans(t.Context(), someSpans()); err != nil || calls != 3 {
		t.Errorf("the spans were sent %d times: %v", calls, err)
	}
	s := got.ResourceSpans[0].ScopeSpans[0].Spans[0]
	if s.Name != "deliver welcome" || s.StartTimeUnixNano != 1_000_000_002 || s.Status.Message != "refused" || s.Attributes[0].Value.GetIntValue() != 7 ||
		s.Attributes[1].Value.GetArrayValue().Values[1].GetStringValue() != "b" || s.Attributes[2].Value.GetStringValue() != "x" || s.ParentSpanId != nil {
		t.Errorf("the collector got %v", s)
	}
	if err := x.ExportSpans(t.Context(), someSpans()); err == nil || !strings.Contains(err.Error(), "400") || calls != 4 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

// An address that is none is refused at the start, with what to write.
func TestBadCollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	if _, err := Open(); err == nil || !strings.Contains(err.Error(), "http://HOST:4318") {
		t.Errorf("%v", err)
	}
}
