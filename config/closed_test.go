package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const closedText = `tables: { users: { key: id } }
connections:
  c: { api-key: { name: K, value: "${env:API_KEY}" }, header: { X: "${env:BOTH}" } }
functions:
  f: { handler: index.handler, env: { TOKEN: "${env:FUNCTION_TOKEN}" } }
events:
  E: { from: users, source: "${env:SOURCE}.${env:UNSET:-none}.${env:BOTH}", schema: s.json }
`

// A file that another process sent takes nothing of this one's environment and
// disk, and its sender's secrets are not sent along.
func TestParseClosed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tablecast.yaml")
	if err := os.WriteFile(filepath.Join(dir, "s.json"), []byte(`{"type":"object"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"API_KEY": "k1", "BOTH": "b1", "FUNCTION_TOKEN": "t1", "SOURCE": "shop"} {
		t.Setenv(name, value)
	}
	sent, err := Parse(path, []byte(closedText))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"API_KEY": withheld, "FUNCTION_TOKEN": withheld, "SOURCE": "shop", "BOTH": "b1"}
	if len(sent.Variables) != len(want) {
		t.Errorf("variables %v, want %v", sent.Variables, want)
	}
	for name, value := range want {
		if sent.Variables[name] != value {
			t.Errorf("variable %s is %q, want %q", name, sent.Variables[name], value)
		}
	}
	t.Setenv("SOURCE", "another")
	got, err := ParseClosed("elsewhere.yaml", []byte(closedText), sent.Files, sent.Variables)
	if err != nil {
		t.Fatal(err)
	}
	if e := got.Events[0]; e.Source != "shop.none.b1" || got.Version != sent.Version {
		t.Errorf("source %s, version %s, want shop.none.b1, %s", e.Source, got.Version, sent.Version)
	}
	_, err = ParseClosed(path, []byte(closedText), nil, map[string]string{"BOTH": "b"})
	if err == nil {
		t.Fatal("a closed file took the environment and a file")
	}
	for _, text := range []string{"variable API_KEY was not sent along", "variable SOURCE was not sent along", "file s.json was not sent along"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("no fault says %q: %v", text, err)
		}
	}
}
