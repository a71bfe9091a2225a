// Package telemetry sends an OpenTelemetry collector the spans of what becomes of a
// write: one of the request, and as its children one of the mapping of the change,
// one of each event that a bus accepts and one of each attempt to deliver it. The
// trace context travels with the change and the event, so that the spans join the
// trace of the service that writes.
//
// What is exported, where to and how much of it, the environment says as
// OpenTelemetry defines it: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER,
// OTEL_SERVICE_NAME and others (opentelemetry.io/docs/specs/otel/configuration).
package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/internal/trace"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// Wanted reports whether the environment names a collector and does not turn
// telemetry off.
func Wanted() bool {
	return (os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "") &&
		!strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true")
}

// A Tracer makes spans and exports them. Close must be called.
type Tracer struct {
	provider *sdk.TracerProvider
	spans    otel.Tracer
}

// Open makes a tracer with the settings of the environment. Errors: an address that
// is no URL of a collector, a resource that cannot be read.
func Open() (*Tracer, error) {
	exporter, err := newExporter()
	if err != nil {
		return nil, err
	}
	name := attribute.String("service.name", "tablecast")
	about, err := resource.Merge(resource.NewSchemaless(name), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("telemetry: resource: %w", err)
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Tracer{p, p.Tracer("github.com/tablecast/tablecast")}, nil
}

// Close exports the spans that are left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Request begins the span of a request as a child of parent, or of a new trace if
// that is not valid. It returns the context that what the request does belongs to;
// end ends the span with the HTTP status of the response.
func (t *Tracer) Request(r *http.Request, parent trace.Context) (c trace.Context, end func(status int)) {
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	service, _, _ = strings.Cut(service, "_")
	_, span := t.spans.Start(under(parent), service+"."+operation, otel.WithSpanKind(otel.SpanKindServer), otel.WithAttributes(
		attribute.String("rpc.system", "aws-api"), attribute.String("rpc.service", service), attribute.String("rpc.method", operation),
	))
	sc := span.SpanContext()
	return trace.Context{Trace: sc.TraceID(), Span: sc.SpanID(), Sampled: sc.IsSampled()}, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
}

// under returns a context in which spans are children of c.
func under(c trace.Context) context.Context {
	var flags otel.TraceFlags
	return otel.ContextWithRemoteSpanContext(context.Background(), otel.NewSpanContext(otel.SpanContextConfig{
		TraceID: c.Trace, SpanID: c.Span, TraceFlags: flags.WithSampled(c.Sampled), Remote: true,
	}))
}

// Observer returns the observer that makes the spans of the hops after a write.
func (t *Tracer) Observer() tablecast.Observer {
	return tablecast.Observer{Mapped: t.mapped, Accepted: t.accepted, Attempted: t.attempted}
}

// hop makes the span of something that was done for c. What belongs to no trace has
// no span.
func (t *Tracer) hop(c trace.Context, name string, kind otel.SpanKind, from, to time.Time, err error, about ...attribute.KeyValue) {
	if !c.Valid() {
		return
	}
	_, span := t.spans.Start(under(c), name, otel.WithSpanKind(kind), otel.WithTimestamp(from), otel.WithAttributes(about...))
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End(otel.WithTimestamp(to))
}

// mapped makes the span of a change that raises events, from its commit on.
func (t *Tracer) mapped(r *stream.Record, events []mapping.Raised) {
	if len(events) == 0 {
		return
	}
	t.hop(r.Trace, "map "+r.Table(), otel.SpanKindInternal, r.Time, time.Now(), nil,
		attribute.String("aws.dynamodb.table_names", r.Table()), attribute.String("tablecast.sequence_number", r.Sequence()), attribute.Int("tablecast.events", len(events)))
}

func (t *Tracer) accepted(x bus.Accepted) {
	t.hop(trace.Parse(x.Event.Trace), "publish "+x.Bus, otel.SpanKindProducer, x.Time, x.Time, nil,
		attribute.String("messaging.destination.name", x.Bus), attribute.String("messaging.message.id", x.Event.ID),
		attribute.String("tablecast.detail_type", x.Event.DetailType), attribute.StringSlice("tablecast.rules", x.Rules))
}

// attempted makes the span of an attempt. If the stored event is missing or
// damaged, nobody knows its trace, and there is no span.
func (t *Tracer) attempted(a delivery.Attempt) {
	if a.Event == nil {
		return
	}
	t.hop(trace.Parse(a.Event.Trace), "deliver "+a.Queue.Rule, otel.SpanKindConsumer, a.Start, a.Start.Add(a.Took), a.Err,
		attribute.String("messaging.destination.name", a.Queue.Bus), attribute.String("messaging.message.id", a.Event.ID),
		attribute.String("tablecast.target", a.Queue.Target), attribute.Int("tablecast.attempt", a.Number), attribute.String("tablecast.outcome", a.Outcome))
}
