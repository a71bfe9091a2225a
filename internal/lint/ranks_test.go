package lint

import (
	"slices"
	"strings"
	"testing"
)

// ranks orders the packages: a package imports only packages of a strictly
// lower rank. docs/design.md explains the order.
var ranks = map[string]int{
	"kv": 0, "item": 0, "event": 0, "pattern": 0, "bus/schedule": 0, "function/process": 0, "mapping/schema": 0, "target/claim": 0,
	"internal/wait": 0, "internal/sdkhttp": 0, "internal/local": 0, "internal/attempt": 0, "internal/tuple": 0, "expr/internal/syntax": 0, "internal/wire": 0, "internal/awscall": 0, "internal/runtimeapi": 0, "internal/powerfs": 0, "internal/fsck": 0, "internal/seal": 0, "internal/machine": 0, "internal/keys": 0, "internal/trace": 0, "internal/lint": 0,
	"expr": 1, "mapping/cel": 1, "stream": 1, "target": 1, "function": 1, "internal/attribute": 1, "internal/awsjson": 1,
	"table": 2, "expr/partiql": 2, "target/connection": 2, "mapping": 2, "delivery": 2, "parking": 2,
	"relay": 3, "bus": 3, "eventsource": 3,
	"config": 4, "remote/streams": 4, "remote/eventbridge": 4,
	".": 5, "remote/handler": 5, "remote/inbox": 5, "remote/worker": 5,
	"internal/awsapi/dynamodb": 6, "internal/awsapi/streams": 6, "internal/awsapi/eventbridge": 6, "internal/awsapi/lambda": 6,
	"internal/telemetry": 6, "internal/cases": 6,
	"internal/server": 7, "internal/transfer": 7, "internal/follow": 7,
	"cmd/tablecast":       8,
	"internal/acceptance": 9, "internal/history": 9, "internal/hostile": 9, "internal/weather": 9, "internal/soak": 9, "internal/parity": 9, "bench": 9,
	"examples/users": 9, "examples/orders": 9, "examples/aws": 9,
}

// base are packages that any other may import, those of rank 0 too: they import
// nothing of ours.
var base = []string{"internal/wait", "internal/sdkhttp", "internal/local", "internal/tuple", "internal/wire", "internal/awscall", "internal/runtimeapi", "internal/fsck", "internal/attempt", "internal/seal", "internal/machine", "internal/powerfs"}

// helpers are packages that only tests import. They sit beside the package
// whose contract they check and may import it.
var helpers = []string{"kv/kvtest", "target/targettest", "parking/parkingtest", "internal/awsapi/apitest", "internal/server/servertest", "internal/campaigntest"}

// The two halves of the path meet in mapping, relay and above, never below.
var (
	state = []string{"item", "mapping/cel", "expr", "expr/partiql", "stream", "table"}
	news  = []string{"event", "pattern", "target", "target/claim", "target/connection", "delivery", "bus", "bus/schedule"}
)

func TestImportRanks(t *testing.T) {
	_, files := parseModule(t)
	for _, f := range files {
		if slices.Contains(helpers, f.pkg) {
			continue
		}
		rank, ok := ranks[f.pkg]
		if !ok {
			t.Errorf("%s: package %s has no rank: add it to ranks in internal/lint and to docs/design.md", f.path, f.pkg)
			continue
		}
		for _, dep := range f.imports() {
			if slices.Contains(base, f.pkg) && !f.test {
				t.Errorf("%s: imports %s, but %s may import nothing of ours", f.path, dep, f.pkg)
			}
			checkImport(t, f, rank, dep)
		}
	}
}

func checkImport(t *testing.T, f *source, rank int, dep string) {
	t.Helper()
	if slices.Contains(helpers, dep) {
		if !f.test {
			t.Errorf("%s: imports %s, which is for tests only", f.path, dep)
		}
		return
	}
	if slices.Contains(base, dep) {
		return
	}
	if f.test && dep == f.pkg {
		return // an external test of the package itself
	}
	depRank, ok := ranks[dep]
	switch {
	case !ok:
		t.Errorf("%s: imports %s, which has no rank", f.path, dep)
	case depRank >= rank && !f.test:
		t.Errorf("%s: %s (rank %d) imports %s (rank %d)", f.path, f.pkg, rank, dep, depRank)
	case depRank > rank && f.test && !strings.HasPrefix(dep, "internal/"):
		t.Errorf("%s: test of %s (rank %d) imports %s (rank %d)", f.path, f.pkg, rank, dep, depRank)
	}
	if !f.test && opposed(f.pkg, dep) {
		t.Errorf("%s: %s and %s are of different halves and never import each other", f.path, f.pkg, dep)
	}
}

// opposed reports whether the two packages stand in different halves.
func opposed(a, b string) bool {
	return slices.Contains(state, a) && slices.Contains(news, b) ||
		slices.Contains(news, a) && slices.Contains(state, b)
}

// AWS's exception names appear at the edges, where we serve and where we call,
// and nowhere between.
func TestExceptionNamesStayAtTheEdge(t *testing.T) {
	_, files := parseModule(t)
	for _, f := range files {
		if f.test || ranks[f.pkg] >= 6 || f.pkg == "internal/awsjson" || f.pkg == "internal/awscall" || strings.HasPrefix(f.pkg, "remote/") {
			continue
		}
		for _, name := range []string{"ResourceNotFoundException", "ValidationException", "ConditionalCheckFailedException", "ResourceInUseException"} {
			if strings.Contains(f.text, `"`+name) {
				t.Errorf("%s: mentions %s: map a domain error to it in internal/awsapi", f.path, name)
			}
		}
	}
}
