package server

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/delivery"
	"github.com/tablecast/tablecast/target"
)

// The series of a target that was removed go with it; those of others stay.
func TestMetricsForgetRemovedTargets(t *testing.T) {
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	if err := node.Buses().PutRule(bus.Rule{Bus: bus.Default, Name: "r", Pattern: `{"source":["s"]}`}); err != nil {
		t.Fatal(err)
	}
	if err := node.Buses().PutTargets(bus.Default, "r", []bus.Target{{ID: "stays", ARN: "log:a"}, {ID: "goes", ARN: "log:b"}}); err != nil {
		t.Fatal(err)
	}
	m, stop := newMetrics(node)
	defer stop()
	for _, id := range []string{"stays", "goes"} {
		for _, err := range []error{nil, &target.Error{Code: target.CodeThrottling}} {
			m.attempted(delivery.Attempt{Queue: delivery.QueueID{Bus: bus.Default, Rule: "r", Target: id}, Err: err})
		}
	}
	page := func() string {
		answer := httptest.NewRecorder()
		m.handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		return answer.Body.String()
	}
	if got := page(); !strings.Contains(got, `target="goes"`) {
		t.Errorf("no series of the target: %s", got)
	}
	if _, err := node.Buses().RemoveTargets(bus.Default, "r", []string{"goes"}); err != nil {
		t.Fatal(err)
	}
	page() // collectors are asked at once: the last scrape that may show it
	if got := page(); strings.Contains(got, `target="goes"`) || strings.Count(got, `target="stays"`) < 10 {
		t.Error(got)
	}
}
