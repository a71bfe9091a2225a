package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/trace"
)

const parentSpan = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"

// A write that belongs to a trace takes it to the webhook, and the collector
// hears of each hop between; a write that belongs to none starts one.
func TestTrace(t *testing.T) {
	exported := make(chan *spans.Span, 100)
	otlp := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var in spans.TracesData // the request has its form
		if err != nil || proto.Unmarshal(body, &in) != nil {
			t.Errorf("the collector got %q, %v", body, err)
		}
		for _, rs := range in.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					exported <- s
				}
			}
		}
	}))
	t.Cleanup(otlp.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	calls := make(chan http.Header, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { calls <- r.Header }))
	t.Cleanup(hook.Close)
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", `
tables: { users: { key: id, stream: new-and-old-images } }
events: { UserCreated: { from: users, on: insert, source: app } }
rules: { welcome: { pattern: { source: [app] }, targets: [ { webhook: `+hook.URL+` } ] } }
`)
	upHere(t)
	put := func(id, header string) trace.Context {
		c := ddb.NewFromConfig(apitest.Config(os.Getenv("AWS_ENDPOINT_URL")))
		_, err := c.PutItem(t.Context(), &ddb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}},
			func(o *ddb.Options) {
				o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
					if header == "" {
						return nil
					}
					return s.Build.Add(middleware.BuildMiddlewareFunc("trace", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
						in.Request.(*smithyhttp.Request).Header.Set(trace.Header, header)
						return next.HandleBuild(ctx, in)
					}), middleware.After)
				})
			})
		if err != nil {
			t.Fatal(err)
		}
		h := <-calls
		says(t, "events get "+h.Get("Tablecast-Event-Id"), "raised by UserCreated from users 1000", "old ·\n", `new {"id":"`+id+`"}`, "settled")
		if c := trace.Parse(h.Get(trace.Header)); c.AWS() != h.Get(trace.AWSHeader) {
			t.Errorf("the webhook got two traces: %v", h)
		}
		return trace.Parse(h.Get(trace.Header))
	}
	hops := func(traceID string) map[string]*spans.Span {
		got := map[string]*spans.Span{}
		for len(got) < 4 {
			s := <-exported
			if hex.EncodeToString(s.TraceId) == traceID {
				got[s.Name] = s
			}
		}
		return got
	}
	check := func(c trace.Context, parent string) {
		t.Helper()
		got := hops(hex.EncodeToString(c.Trace[:]))
		root := got["DynamoDB.PutItem"]
		if root == nil || hex.EncodeToString(root.ParentSpanId) != parent {
			t.Fatalf("the write has the span %v", root)
		}
		for _, name := range []string{"map users", "publish default", "deliver welcome"} {
			if s := got[name]; s == nil || !bytes.Equal(s.ParentSpanId, root.SpanId) || s.EndTimeUnixNano < s.StartTimeUnixNano {
				t.Errorf("%s has the span %v", name, s)
			}
		}
		if !bytes.Equal(root.SpanId, c.Span[:]) {
			t.Errorf("the webhook belongs to %s, not to the write's span %x", c, root.SpanId)
		}
	}
	c := put("ada", parentSpan)
	if c.Trace != trace.Parse(parentSpan).Trace {
		t.Errorf("the webhook belongs to %s", c)
	}
	check(c, "53995c3f42cd8ad8")
	if c = put("grace", ""); c.Trace == trace.Parse(parentSpan).Trace || !c.Valid() {
		t.Errorf("the webhook belongs to %q", c)
	}
	check(c, "")
}
