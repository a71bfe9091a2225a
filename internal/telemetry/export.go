package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tablecast/tablecast/internal/wait"
)

// An exporter posts spans to a collector: OTLP over HTTP, in protobuf
// (opentelemetry.io/docs/specs/otlp). OpenTelemetry's own exporter is not used,
// as it brings gRPC along, which doubles the memory of an idle node.
type exporter struct {
	url     string
	headers http.Header
	client  *http.Client
	pause   time.Duration // the most before the second try; then twice that, and so on
}

const (
	exportTimeout = 10 * time.Second
	exportTries   = 4
	exportPause   = 500 * time.Millisecond
)

// newExporter takes the collector's address and headers from the environment.
func newExporter() (*exporter, error) {
	address := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if address == "" {
		address = strings.TrimSuffix(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "/") + "/v1/traces"
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %q is no URL of a collector; write http://HOST:4318", address)
	}
	headers := http.Header{"Content-Type": {"application/x-protobuf"}, "User-Agent": {"tablecast"}}
	for _, list := range []string{os.Getenv("OTEL_EXPORTER_OTLP_HEADERS"), os.Getenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS")} {
		for pair := range strings.SplitSeq(list, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if value, err := url.PathUnescape(value); ok && err == nil {
				headers.Set(name, value)
			}
		}
	}
	return &exporter{address, headers, &http.Client{Timeout: exportTimeout}, exportPause}, nil
}

// ExportSpans implements sdk.SpanExporter. Spans that the collector cannot take now,
// or that do not reach it, are sent up to exportTries times.
func (x *exporter) ExportSpans(ctx context.Context, list []sdk.ReadOnlySpan) error {
	body, err := proto.Marshal(message(list))
	if err != nil {
		return fmt.Errorf("telemetry: spans: %w", err)
	}
	pauses := wait.Backoff{Least: x.pause, Most: 4 * x.pause}
	for try := 1; ; try++ {
		again, err := x.post(ctx, body)
		if err == nil || !again || try == exportTries || pauses.Wait(ctx) != nil {
			return err
		}
	}
}

// post makes one request, and reports whether another one may succeed.
func (x *exporter) post(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("telemetry: %w", err)
	}
	req.Header = x.headers.Clone()
	resp, err := x.client.Do(req)
	if err != nil {
		return true, fmt.Errorf("telemetry: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	if resp.StatusCode/100 == 2 {
		return false, nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, fmt.Errorf("telemetry: the collector answered %s", resp.Status)
}

// Shutdown implements sdk.SpanExporter.
func (x *exporter) Shutdown(context.Context) error {
	x.client.CloseIdleConnections()
	return nil
}

// message returns spans, all of one resource and scope, as a collector takes
// them.
func message(list []sdk.ReadOnlySpan) *spans.TracesData {
	out := make([]*spans.Span, len(list))
	for i, s := range list {
		id, trace, parent := s.SpanContext().SpanID(), s.SpanContext().TraceID(), s.Parent().SpanID()
		out[i] = &spans.Span{
			TraceId: trace[:], SpanId: id[:], Name: s.Name(), Kind: spans.Span_SpanKind(s.SpanKind()),
			StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()),
			Attributes: attributes(s.Attributes()), Status: status(s.Status()),
		}
		if s.Parent().HasSpanID() {
			out[i].ParentSpanId = parent[:]
		}
	}
	if len(list) == 0 {
		return &spans.TracesData{}
	}
	return &spans.TracesData{ResourceSpans: []*spans.ResourceSpans{{
		Resource:   &resource.Resource{Attributes: attributes(list[0].Resource().Attributes())},
		ScopeSpans: []*spans.ScopeSpans{{Scope: &common.InstrumentationScope{Name: list[0].InstrumentationScope().Name}, Spans: out}},
	}}}
}

func attributes(list []attribute.KeyValue) []*common.KeyValue {
	out := make([]*common.KeyValue, len(list))
	for i, kv := range list {
		out[i] = &common.KeyValue{Key: string(kv.Key), Value: valueOf(kv.Value)}
	}
	return out
}

// valueOf returns the value of one of the kinds of attributes that spans have
// here.
func valueOf(v attribute.Value) *common.AnyValue {
	switch v.Type() {
	case attribute.INT64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.STRINGSLICE:
		list := &common.ArrayValue{}
		for _, s := range v.AsStringSlice() {
			list.Values = append(list.Values, &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}})
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	default:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v.String()}}
	}
}

func status(s sdk.Status) *spans.Status {
	if s.Code == codes.Error {
		return &spans.Status{Code: spans.Status_STATUS_CODE_ERROR, Message: s.Description}
	}
	return &spans.Status{}
}
