package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/parking"
)

const consumer = `
import { appendFileSync } from "node:fs";
export const handler = async (event) => {
  appendFileSync(process.env.OUT, event["detail-type"] + " " + event.detail.id + "\n");
  if (event.detail.id === "poison") throw new Error("cannot welcome " + event.detail.id);
  return "welcome";
};
`

// A function that consumes an event is invoked with it, as on Lambda; one that
// fails is tried three times, and its event becomes a dead letter.
func TestFunctionConsumes(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: run test/install")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out.txt")
	if err := os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(consumer), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse(filepath.Join(dir, "tablecast.yaml"), fmt.Appendf(nil, `
tables: { users: { key: id } }
functions: { welcome: { handler: index.handler, runtime: nodejs22.x, env: { OUT: %q }, timeout: 20s } }
events: { UserCreated: { from: users, on: insert, source: myapp.users } }
rules: { welcome: { pattern: { detail-type: [UserCreated] }, targets: { function: welcome } } }
`, out))
	if err != nil {
		t.Fatal(err)
	}
	node, err := tablecast.Open(filepath.Join(dir, "data"), tablecast.Options{Config: file, Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	for _, id := range []string{"ada", "poison", "grace"} {
		change(t, node, "insert", fmt.Sprintf(`{"id":{"S":%q}}`, id))
	}
	if err := node.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]int{"UserCreated ada\n": 1, "UserCreated grace\n": 1, "UserCreated poison\n": 3} {
		if n := strings.Count(string(text), line); n != want {
			t.Errorf("%q came %d times, want %d", line, n, want)
		}
	}
	s := node.Queues().States()[0]
	if s.Delivered != 2 || s.DeadLettered != 1 || !strings.Contains(s.LastError, "cannot welcome poison") {
		t.Errorf("%+v", s)
	}
}

const mapper = `
export const handler = async ({ Records: [record] }) => {
  const { NewImage, Keys } = record.dynamodb;
  if (Keys.id.S === "poison") throw new Error("what is " + Keys.id.S);
  const entry = (n) => ({ Source: "myapp", DetailType: "Word", Detail: JSON.stringify({ id: Keys.id.S, word: n }), Time: 86400 });
  return NewImage.name ? NewImage.name.S.split(" ").map(entry) : { Entries: [] };
};
`

// A function makes events of changes; one that fails parks the change alone.
func TestFunctionMaps(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: run test/install")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(mapper), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse(filepath.Join(dir, "tablecast.yaml"), []byte(`
tables: { users: { key: id } }
functions: { words: { handler: index.handler, runtime: nodejs22.x, timeout: 20s } }
events: { Words: { from: users, on: insert, mapper: words } }
`))
	if err != nil {
		t.Fatal(err)
	}
	node, err := tablecast.Open(filepath.Join(dir, "data"), tablecast.Options{Config: file, Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	for _, user := range []string{`{"id":{"S":"ada"},"name":{"S":"Ada Lovelace"}}`, `{"id":{"S":"poison"}}`, `{"id":{"S":"nobody"}}`, `{"id":{"S":"grace"},"name":{"S":"Grace"}}`} {
		change(t, node, "insert", user)
	}
	got := strings.Join(events(t, node), ", ")
	if want := `Word {"id":"ada","word":"Ada"}, Word {"id":"ada","word":"Lovelace"}, Word {"id":"grace","word":"Grace"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var parked []string
	err = node.Parked(t.Context(), "users", parking.Selection{}, func(p *parking.Record) bool { parked = append(parked, p.Error); return true })
	if err != nil || len(parked) != 1 || !strings.Contains(parked[0], "what is poison") {
		t.Errorf("%v, %v", parked, err)
	}
}

// A function that cannot run is told of before the node starts.
func TestFunctionThatCannotRun(t *testing.T) {
	file, err := config.Parse(filepath.Join(t.TempDir(), "tablecast.yaml"), []byte("functions: { welcome: { handler: none.handler, runtime: nodejs22.x } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tablecast.Open(filepath.Join(t.TempDir(), "data"), tablecast.Options{Config: file, Endpoint: "http://127.0.0.1:1"}); err == nil || !strings.Contains(err.Error(), "welcome") {
		t.Errorf("%v", err)
	}
}

// The record of an event that a function failed on reaches each kind of
// destination.
func TestDestinations(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte("def handler(event, context):\n    raise ValueError('no luck')\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		heard <- string(body)
	}))
	defer hook.Close()
	node, err := tablecast.Open(filepath.Join(dir, "data"), tablecast.Options{Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	_, err = node.Functions().Create(function.Function{Name: "f", Code: function.Code{Dir: dir}, Config: function.Config{Runtime: "python3.12", Handler: "app.handler", Seconds: 20}})
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "data/logs/failed.jsonl")
	for _, to := range []string{hook.URL, "log:failed"} {
		if _, err := node.Functions().SetEvents("f", func(c *function.EventConfig) *function.EventConfig {
			c.MaxRetries, c.OnFailure = 0, to
			return c
		}); err != nil {
			t.Fatal(err)
		}
		if err := node.Functions().Enqueue("f", "", []byte(`{"to":"`+to+`"}`)); err != nil {
			t.Fatal(err)
		}
		text := ""
		if to == hook.URL {
			text = <-heard
		}
		for text == "" {
			if t.Context().Err() != nil {
				t.Fatal("no record")
			}
			b, _ := os.ReadFile(log)
			text = string(b)
		}
		if !strings.Contains(text, `"requestPayload":{"to":"`+to+`"}`) || !strings.Contains(text, "no luck") {
			t.Errorf("%s was told %s", to, text)
		}
	}
}

// A node without functions refuses a file that declares some, with its place, at the
// start and when it is reloaded.
func TestNoFunctions(t *testing.T) {
	parse := func(text string) *config.File {
		f, err := config.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	const plain = "tables: { users: { key: id } }\n"
	declaring := parse(plain + "functions:\n  hello: { handler: index.handler }\n")
	const want = "f:3:3: functions are off on this node; remove functions, or start the node without --no-functions"
	if _, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: declaring, NoFunctions: true}); err == nil || err.Error() != want {
		t.Errorf("at the start: %v", err)
	}
	n := runNode(t, tablecast.Options{Config: parse(plain), NoFunctions: true})
	if err := n.Reload(t.Context(), declaring); err == nil || err.Error() != want {
		t.Errorf("at a reload: %v", err)
	}
}
