package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```(\\w+) ?(\\S*)\n(.*?)^```$")

// upHere runs a node in the working directory until the test ends, and points
// clients at it.
func upHere(t *testing.T) {
	t.Helper()
	var ready struct{ Ready struct{ Endpoint string } }
	background(t, &ready, "up", "--listen", "127.0.0.1:0")
	t.Setenv("AWS_ENDPOINT_URL", ready.Ready.Endpoint)
}

// The commands of docs/operations.md do what it says.
func TestDocumentedOperations(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	last := ""
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		switch kind, name, body := b[1], b[2], b[3]; kind {
		case "yaml":
			write(t, ".", "tablecast.yaml", body)
			upHere(t)
		case "json":
			write(t, ".", name, body)
		default:
			for line := range strings.Lines(body) {
				args := strings.Fields(line)
				status, out, stderr := execute(t.Context(), args[1:]...)
				if status != 0 {
					t.Fatalf("%s: %d %s", line, status, stderr)
				}
				last = out
			}
		}
	}
	if want := `{"bytes":`; !strings.HasPrefix(last, want) || !strings.Contains(last, `"items":2`) {
		t.Errorf("the last import printed %s", last)
	}
	for _, made := range []string{".tablecast-backups/monday/FORMAT", "restored/FORMAT", "tuesday/FORMAT", "copy.json.gz", "copy.csv"} {
		if _, err := os.Stat(filepath.FromSlash(made)); err != nil {
			t.Error(err)
		}
	}
}

func TestOperationErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "tablecast.yaml", "tables: { users: { key: id } }\n")
	upHere(t)
	write(t, ".", "bad.json", "{}\n")
	for line, want := range map[string]struct {
		status int
		text   string
	}{
		"backup .":                          {2, "is not below "},
		"backup ../copy":                    {2, "is not below "},
		"backup /tmp/copy":                  {2, "is not below "},
		"backup copy.partial":               {2, "write another"},
		"backup --dir .tablecast copy":      {5, "tablecast backup --url"},
		"backup --dir none copy":            {1, "none is no data folder"},
		"backup --url http://127.0.0.1:1 x": {1, "no node answers at http://127.0.0.1:1"},
		"backup":                            {2, "accepts 1 arg(s)"},
		"restore none copy":                 {1, "none is no backup"},
		"restore none .":                    {2, "already exists"},
		"import users bad.json":             {2, "bad.json:1: no item"},
		"import none bad.json":              {1, "table none"},
		"import users none.json":            {1, "none.json"},
		"import users bad.json --format x":  {2, "write json or csv"},
		"export none out.json":              {1, "table none"},
		"export users out --endpoint x":     {2, "write http://HOST:PORT"},
	} {
		status, _, stderr := execute(t.Context(), strings.Fields(line)...)
		if status != want.status || !strings.Contains(stderr, want.text) {
			t.Errorf("%s: %d %s", line, status, stderr)
		}
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	write(t, ".", "users.json", `{"Item":{"id":{"S":"u"}}}`+"\n")
	for line, file := range map[string]string{"import users users.json": "users.json.progress", "import users users.json --progress far": "far", "export users out.json --progress far": "far"} {
		if status, _, stderr := execute(interrupted, strings.Fields(line)...); status != statusFailed || !strings.Contains(stderr, "("+file+" remembers)") {
			t.Errorf("%s: %d %s", line, status, stderr)
		}
	}
	url := os.Getenv("AWS_ENDPOINT_URL") + "/_api/v1/backup"
	for _, c := range []struct {
		kind, body string
		header     string
		status     int
	}{
		{"text/plain", `{"dir":"/tmp/x"}`, "", http.StatusUnsupportedMediaType},
		{"application/json", `{"dir":"../x"}`, "", http.StatusBadRequest},
		{"application/json", `{"to":"/x"}`, "", http.StatusBadRequest},
		{"application/json", `{"dir":"/nowhere/x"}`, "https://example.com", http.StatusForbidden},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.kind)
		if c.header != "" {
			req.Header.Set("Origin", c.header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%+v: %s", c, resp.Status)
		}
	}
}
