package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
)

const hearing = `
import { appendFileSync } from "node:fs";
export const handler = async ({ Records }) => {
  for (const r of Records) appendFileSync(process.env.OUT, process.env.NAME + " " + r.eventName + " " + r.dynamodb.Keys.id.S + "\n");
};
`

// The file says which tables feed which functions; another file does so at once,
// without losing or repeating a change; one that cannot be changes nothing.
func TestFedFunctions(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: run test/install")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out.txt")
	if err := os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(hearing), 0o600); err != nil {
		t.Fatal(err)
	}
	parse := func(functions string) *config.File {
		t.Helper()
		f, err := config.Parse(filepath.Join(dir, "tablecast.yaml"), []byte("tables: { users: { key: id } }\nfunctions:\n"+strings.ReplaceAll(functions, "OUT", "OUT: "+out)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	open := func(f *config.File) *tablecast.Node {
		t.Helper()
		n, err := tablecast.Open(filepath.Join(dir, "data"), tablecast.Options{Config: f, Endpoint: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var n *tablecast.Node
	insert := func(id string) {
		t.Helper()
		change(t, n, "insert", fmt.Sprintf(`{"id":{"S":%q}}`, id))
		if err := n.AwaitQuiet(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reload := func(functions string) error { t.Helper(); return n.Reload(t.Context(), parse(functions)) }
	heard := func(want ...string) {
		t.Helper()
		text, _ := os.ReadFile(out)
		if got := strings.TrimSpace(string(text)); got != strings.Join(want, "\n") {
			t.Errorf("heard\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
		os.Remove(out)
	}
	const one = `  one: { handler: index.handler, runtime: nodejs22.x, env: { NAME: one, OUT }, from: users, timeout: 20s }` + "\n"
	n = open(parse(one))
	insert("a")
	heard("one INSERT a")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = open(parse(one)) // it goes on where it was
	defer func() { n.Close() }()
	insert("b")
	heard("one INSERT b")

	if err := reload(strings.ReplaceAll(one, "NAME: one", "NAME: uno") +
		`  two: { handler: index.handler, runtime: nodejs22.x, env: { NAME: two, OUT }, timeout: 20s, from: { users: { start: trim-horizon, filter: { dynamodb: { Keys: { id: { S: [a, c] } } } } } } }` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard("two INSERT a")
	insert("x")
	heard("uno INSERT x")
	if err := reload(`  two: { handler: index.handler, dir: /nowhere/at/all }` + "\n"); err == nil {
		t.Error("a function without a directory was taken")
	}
	err := reload(`  two: { handler: index.handler, from: { users: { on-failure: "arn:aws:sqs:us-east-1:000000000000:dead" } } }` + "\n")
	if err == nil || !strings.Contains(err.Error(), "need --aws") {
		t.Errorf("a queue without --aws: %v", err)
	}
	if err := reload(strings.ReplaceAll(one, "from: users", "from: { users: { enabled: false } }")); err != nil {
		t.Fatal(err)
	}
	insert("c") // two is gone, one is told to wait
	heard("")
	if err := reload(one); err != nil {
		t.Fatal(err)
	}
	if err := n.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard("one INSERT c")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); ; { // counters follow what is durable at once, not before
		got := n.EventSources().List("", 10)
		if len(got) == 1 && got[0].Delivered == 4 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%+v", got)
		}
	}
}
