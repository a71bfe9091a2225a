package acceptance

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
)

const busFile = `
tables: { users: { key: id } }
events: { UserCreated: { from: users, on: insert, source: app, detail: { id: "${new.id}" } } }
buses: [main, other]
put-events: { missing-bus: refuse, deduplication: 10m, max-size: 256KB }
quotas: { rules: 2, targets: 6 }
archives: { all: { bus: main, retention-days: 30 } }
rules:
  forward: { pattern: { source: [app] }, targets: [ { bus: main, rate: 1000, concurrency: 3 } ] }
  tell:
    bus: main
    pattern: { source: [app] }
    targets: [ { log: users, input-transformer: { paths: { id: $.detail.id }, template: '{"user": <id>}' } } ]
  nightly: { schedule: cron(0 3 * * ? *), targets: [ { log: nightly } ] }
`

// What the file says of buses, archives, schedules and targets is in force, and
// another file's after it.
func TestBusesOfTheFile(t *testing.T) {
	dir := t.TempDir()
	parse := func(text string) *config.File {
		t.Helper()
		f, err := config.Parse(filepath.Join(dir, "tablecast.yaml"), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	n, err := tablecast.Open(filepath.Join(dir, "data"), tablecast.Options{Config: parse(busFile)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	change(t, n, "insert", `{"id":{"S":"ada"}}`)
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "data", "logs", "users.jsonl"))
	if err != nil || strings.TrimSpace(string(text)) != `{"user":"ada"}` {
		t.Errorf("the log has %s, %v", text, err)
	}
	if a, err := n.Buses().Archive("all"); err != nil || a.Events != 1 || a.RetentionDays != 30 {
		t.Errorf("%+v, %v", a, err)
	}
	r, err := n.Buses().Rule(bus.Default, "nightly")
	if err != nil || r.Schedule != "cron(0 3 * * ? *)" {
		t.Errorf("%+v, %v", r, err)
	}
	got, err := n.Buses().Put(t.Context(), []bus.Entry{{Bus: "nobody", Source: "s", DetailType: "T", Detail: []byte(`{}`)}})
	if err != nil || !errors.Is(got[0].Err, bus.ErrBusNotFound) {
		t.Errorf("%+v, %v", got, err)
	}

	if err := n.Buses().PutRule(bus.Rule{Bus: bus.Default, Name: "third", Pattern: `{"source":["x"]}`}); !errors.Is(err, bus.ErrLimit) {
		t.Errorf("a third rule: %v", err)
	}
	large := bus.Entry{Bus: "main", Source: "s", DetailType: "T", Detail: []byte(`{"a":"` + strings.Repeat("x", 300<<10) + `"}`)}
	if _, err := n.Buses().Put(t.Context(), []bus.Entry{large}); !errors.Is(err, bus.ErrPutSize) {
		t.Errorf("300 KB: %v", err)
	}

	next := strings.NewReplacer("retention-days: 30", "retention-days: 60", "concurrency: 3", "concurrency: 4", "cron(0 3", "cron(0 4").Replace(busFile)
	if err := n.Reload(t.Context(), parse(next)); err != nil {
		t.Fatal(err)
	}
	if a, err := n.Buses().Archive("all"); err != nil || a.Events != 1 || a.RetentionDays != 60 {
		t.Errorf("%+v, %v", a, err)
	}
	if r, err := n.Buses().Rule(bus.Default, "forward"); err != nil || r.Targets[0].Concurrency != 4 || r.Targets[0].Rate != 1000 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := n.Reload(t.Context(), parse(strings.Replace(busFile, "all: { bus: main", "all: { bus: other", 1))); err == nil || !strings.Contains(err.Error(), "archive all is of bus main") {
		t.Errorf("an archive of another bus: %v", err)
	}
	if err := n.Reload(t.Context(), parse(strings.Replace(next, "10m", "20m", 1))); !errors.Is(err, tablecast.ErrRestart) {
		t.Errorf("another window: %v", err)
	}
}
