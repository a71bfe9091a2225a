package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/target/connection"
)

// declaring is a file that declares something of each kind.
const declaring = `
tables: { users: { key: id, stream: new-image } }
events: { UserCreated: { from: users, on: insert, source: app, bus: main } }
buses: [main, shared, spare]
archives: { all: { bus: main, retention-days: 30 } }
connections: { partner: { api-key: { name: X-Key, value: "${env:UNDECLARED_KEY}" } } }
api-destinations: { orders: { connection: partner, endpoint: "https://orders.example.com/" } }
functions: { hears: { handler: index.handler, runtime: nodejs22.x, from: users } }
rules:
  tell: { bus: main, pattern: { source: [app] }, targets: [ { api-destination: orders } ] }
  nightly: { schedule: cron(0 3 * * ? *), targets: [ { log: nightly } ] }
`

// declared is what a node has of each kind.
func declared(t *testing.T, n *tablecast.Node) string {
	t.Helper()
	var out []string
	add := func(kind, name string) { out = append(out, kind+" "+name) }
	for _, b := range n.Buses().List("") {
		if b.Name != bus.Default {
			add("bus", b.Name)
		}
		rules, err := n.Buses().Rules(b.Name, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			add("rule", b.Name+"/"+r.Name)
		}
	}
	if _, err := n.Buses().Archive("all"); err == nil {
		add("archive", "all")
	}
	for _, c := range n.Connections().List("") {
		add("connection", c.Name)
	}
	for _, d := range n.Connections().Destinations("") {
		add("api-destination", d.Name)
	}
	functions, _ := n.Functions().List("", 100)
	for _, f := range functions {
		add("function", f.Name)
	}
	for _, s := range n.EventSources().List("", 100) {
		if s.State != eventsource.Deleting {
			add("source of", s.Function)
		}
	}
	snap := n.Snapshot()
	defer snap.Close()
	if timetables, _ := keys(t, snap, kv.Prefix(kv.NewKey('h'))); timetables > 0 {
		add("timetables", fmt.Sprint(timetables))
	}
	tables, _ := n.Tables().List("", 100)
	for _, name := range tables {
		add("table", name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// What a file declared and another one does not goes at the next start and at a
// reload alike, but for tables and archives, which hold data, and for what the
// API put there. A bus with an archive or rules of the API stays, and the log says so.
func TestUndeclared(t *testing.T) {
	const all = "api-destination orders, archive all, bus main, bus shared, bus spare, connection partner, function hears, rule default/nightly, rule main/Events-Archive-all, rule main/tell, source of hears, table users, timetables 1"
	const stay = "api-destination mine, archive all, bus main, bus mine, bus shared, connection mine, rule main/Events-Archive-all, rule mine/mine, rule shared/mine, table users"
	for _, how := range []string{"start", "reload"} {
		t.Run(how, func(t *testing.T) {
			t.Setenv("UNDECLARED_KEY", "k")
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "index.mjs"), []byte("export const handler = async () => {}"), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			parse := func(text string) *config.File {
				f, err := config.Parse(filepath.Join(dir, "tablecast.yaml"), []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			open := func(text string) *tablecast.Node {
				n, err := tablecast.Open(filepath.Join(dir, "data"), tablecast.Options{Config: parse(text), Endpoint: "http://127.0.0.1:1", Logger: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			n := open(declaring)
			if got := declared(t, n); got != all {
				t.Errorf("declared\n %s, want\n %s", got, all)
			}
			putMine(t, n)
			const less = "tables: { users: { key: id, stream: new-image } }\nevents: { UserCreated: { from: users, on: insert, source: app } }\n"
			if how == "reload" {
				if err := n.Reload(t.Context(), parse(less)); err != nil {
					t.Fatal(err)
				}
			} else {
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				n = open(less)
			}
			if got := declared(t, n); got != stay {
				t.Errorf("after the %s\n %s, want\n %s", how, got, stay)
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			if strings.Count(log.String(), "bus=") != 2 || !strings.Contains(log.String(), "bus=shared") || !strings.Contains(log.String(), "bus=main") {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

// putMine adds, as the API does, a connection with a destination, a bus, and a
// rule there and on a bus of the file.
func putMine(t *testing.T, n *tablecast.Node) {
	t.Helper()
	if _, err := n.Connections().Create(connection.Connection{Name: "mine", Kind: connection.APIKey}, connection.AuthParameters{KeyName: "X", KeyValue: "y"}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Connections().CreateDestination(connection.Destination{Name: "mine", Connection: "mine", Endpoint: "https://example.com/", Method: "POST"}); err != nil {
		t.Fatal(err)
	}
	if err := n.Buses().Create(bus.Bus{Name: "mine"}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{"mine", "shared"} {
		if err := n.Buses().PutRule(bus.Rule{Bus: b, Name: "mine", Pattern: `{"source":["app"]}`}); err != nil {
			t.Fatal(err)
		}
	}
}

// A bus goes once no relay raises events for it any more: a change that is
// mapped meanwhile is not parked.
func TestBusGoesLast(t *testing.T) {
	const file = "tables: { users: { key: id, stream: new-image } }\nbuses: [%s]\nevents: { UserCreated: { from: users, on: insert, source: app, bus: %[1]s } }\n"
	was, is := parse(t, fmt.Sprintf(file, "main")), parse(t, fmt.Sprintf(file, "other"))
	mapped, goOn := make(chan bool, 1), make(chan bool)
	n := runNode(t, tablecast.Options{Config: was, Observer: tablecast.Observer{Mapped: func(*stream.Record, []mapping.Raised) {
		mapped <- true
		<-goOn
	}}})
	insert(t, n, `{"id":{"S":"u"}}`)
	<-mapped
	reloaded := make(chan error, 1)
	go func() { reloaded <- n.Reload(t.Context(), is) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n.Config() != is { // all but the relays is as the new file says
		<-tick.C
	}
	close(goOn)
	if err := <-reloaded; err != nil {
		t.Fatal(err)
	}
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := n.Relay("users").Status(); s.Parked != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := n.Buses().Describe("main"); !errors.Is(err, bus.ErrBusNotFound) {
		t.Errorf("the bus is still there: %v", err)
	}
}
