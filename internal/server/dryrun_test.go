package server_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/server"
)

// ask posts to one of the node's own pages.
func ask(t *testing.T, url, what string, in any) (int, string) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url+"/_api/v1/"+what, "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(out)
}

// A client of the machine learns neither the node's environment nor what stands in
// the files that the node can read.
func TestDryRunReadsNothing(t *testing.T) {
	t.Setenv("CANARY", "canary-of-the-environment")
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"type": "canary-of-the-disk"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, server.Options{})
	const tables = "tables: { users: { key: id } }\n"
	for text, want := range map[string]string{
		tables + "events: { E: { from: users, bus: \"${env:CANARY}\" } }":     "environment variable CANARY was not sent along",
		tables + "events: { E: { from: users, schema: " + secret + " } }":     "was not sent along",
		tables + "events: { E: { from: users, schema: /no/such/file.json } }": "was not sent along",
	} {
		_, answer := ask(t, url, "dry-run", map[string]any{"path": secret, "text": text})
		if !strings.Contains(answer, want) || strings.Contains(answer, "canary") || strings.Contains(answer, "no such file") {
			t.Errorf("%s: %s", text, answer)
		}
	}
	_, answer := ask(t, url, "dry-run", map[string]any{"path": "t", "text": tables + "events: { E: { from: users, bus: \"${env:B}\" } }", "variables": map[string]string{"B": "default"}})
	if !strings.HasPrefix(answer, `{"summary":`) {
		t.Errorf("a file with its variables: %s", answer)
	}
}
