package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/server"
)

// Whatever a client names, a backup is written below the operator's folder or
// nowhere.
func TestBackupsGoBelowTheirFolder(t *testing.T) {
	root, outside := filepath.Join(t.TempDir(), "backups"), t.TempDir()
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out": outside, "dangling": filepath.Join(outside, "new")} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, url := serve(t, server.Options{Backups: root})
	for _, c := range []struct {
		name   string
		status int
		text   string
	}{
		{"monday", http.StatusOK, filepath.Join(root, "monday")},
		{"monday", http.StatusConflict, "exists"},
		{"monday/", http.StatusConflict, "exists"},
		{"2026/tuesday/", http.StatusOK, filepath.Join(root, "2026", "tuesday")},
		{filepath.Join(root, "wednesday"), http.StatusOK, filepath.Join(root, "wednesday")},
		{"monday.partial", http.StatusBadRequest, "write another"},
		{"", http.StatusBadRequest, "is not below " + root},
		{".", http.StatusBadRequest, "is not below " + root},
		{root, http.StatusBadRequest, "is not below " + root},
		{"../x", http.StatusBadRequest, "is not below " + root},
		{"a/../../x", http.StatusBadRequest, "is not below " + root},
		{filepath.Join(outside, "x"), http.StatusBadRequest, "is not below " + root},
		{root + "x/y", http.StatusBadRequest, "is not below " + root},
		{"out/x", http.StatusBadRequest, "no place for a backup"},
		{"out/a/x", http.StatusBadRequest, "no place for a backup"},
		{"out", http.StatusConflict, "exists"},
		{"dangling", http.StatusConflict, "exists"},
	} {
		if status, answer := ask(t, url, "backup", map[string]string{"dir": c.name}); status != c.status || !strings.Contains(answer, c.text) {
			t.Errorf("%q: %d %s, want %d %s", c.name, status, answer, c.status, c.text)
		}
	}
	if written, err := os.ReadDir(outside); err != nil || len(written) > 0 {
		t.Errorf("outside the folder: %v, %v", written, err)
	}
	_, url = serve(t, server.Options{})
	if status, answer := ask(t, url, "backup", map[string]string{"dir": "monday"}); status != http.StatusForbidden || !strings.Contains(answer, "--backups") {
		t.Errorf("a node without a folder for backups: %d %s", status, answer)
	}
}
