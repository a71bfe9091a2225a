package acceptance

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

var fence = regexp.MustCompile("(?ms)^```(\\S*)(?: (\\S+))?\n(.*?)^```$")

// The examples of docs/mapping.md and of the README do what they say.
func TestDocumentedFiles(t *testing.T) {
	for _, doc := range []string{"../../docs/mapping.md", "../../README.md"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		var node *tablecast.Node
		found := 0
		var raised []string
		for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
			lang, kind, body := block[1], block[2], strings.TrimSpace(block[3])
			switch {
			case lang == "yaml":
				file, err := config.Parse(doc, []byte(block[3]))
				if err != nil {
					t.Errorf("%s: %v", doc, err)
				}
				found++
				if kind == "map" {
					node = openNode(t, file)
				}
			case kind == "insert" || kind == "remove":
				change(t, node, kind, body)
				raised = events(t, node)
			case kind == "event":
				found++
				if len(raised) == 0 || raised[len(raised)-1] != body {
					t.Errorf("%s: raised %v, documented %s", doc, raised, body)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no examples found", doc)
		}
	}
}

func openNode(t *testing.T, file *config.File) *tablecast.Node {
	t.Helper()
	node, err := tablecast.Open("data", tablecast.Options{FS: vfs.NewMem(), Config: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return node
}

// change inserts an item in wire JSON, or removes the item of a key.
func change(t *testing.T, node *tablecast.Node, kind, body string) {
	t.Helper()
	if kind == "insert" {
		insert(t, node, body)
	} else if _, err := node.Tables().Delete(t.Context(), table.DeleteRequest{Table: "users", Key: wire(t, body)}); err != nil {
		t.Fatal(err)
	}
	if err := node.AwaitQuiet(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func insert(t *testing.T, node *tablecast.Node, body string) {
	t.Helper()
	if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "users", Item: wire(t, body)}); err != nil {
		t.Fatal(err)
	}
}

func wire(t *testing.T, body string) item.Item {
	t.Helper()
	var it item.Map
	if err := json.Unmarshal([]byte(body), &it); err != nil {
		t.Fatal(err)
	}
	return it
}

// events returns the type and detail of each event on the default bus.
func events(t *testing.T, node *tablecast.Node) []string {
	t.Helper()
	var out []string
	err := node.Buses().Events("default", 0, func(_ uint64, e *event.Event) bool {
		out = append(out, e.DetailType+" "+string(e.Detail))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The Go programs of docs/embedding.md are examples that run as tests, and all of
// those of the root package are there.
func TestEmbedding(t *testing.T) {
	examples := map[string]string{} // their bodies, by name
	for file, pkg := range map[string]string{"example_test.go": "", "example_target_test.go": "", "pattern/example_test.go": "pattern."} {
		source, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range regexp.MustCompile(`(?ms)^func (Example\w+)\(\) \{\n(.*?)^\}$`).FindAllStringSubmatch(string(source), -1) {
			examples[pkg+f[1]] = regexp.MustCompile(`(?m)^\t`).ReplaceAllString(f[2], "")
		}
	}
	doc, err := os.ReadFile("../../docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range fence.FindAllStringSubmatch(string(doc), -1) {
		if name := block[2]; block[1] != "go" || examples[name] != block[3] {
			t.Errorf("block %s %s is not the example:\n%s", block[1], name, block[3])
		}
		delete(examples, block[2])
	}
	for name := range examples {
		if !strings.Contains(name, ".") {
			t.Errorf("docs/embedding.md lacks %s", name)
		}
	}
}
