package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast"
)

// fsck ends with the status of damage where it finds some, and backup verify does,
// too; without a folder it is wrong usage.
func TestFsck(t *testing.T) {
	t.Chdir(t.TempDir())
	if status, _, stderr := execute(t.Context(), "fsck"); status != statusUsage || !strings.Contains(stderr, "no data folder") {
		t.Errorf("no folder: %d %s", status, stderr)
	}
	if _, err := os.Stat(defaultDir); err == nil {
		t.Error("a folder was made")
	}
	node, err := tablecast.Open(defaultDir, tablecast.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := execute(t.Context(), "fsck"); status != statusLocked {
		t.Errorf("folder in use: %d %s", status, stderr)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tablecast.Backup(t.Context(), defaultDir, "copy"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"fsck"}, {"fsck", "--repair-indexes"}, {"backup", "verify", "copy"}} {
		if status, out, stderr := execute(t.Context(), args...); status != statusOK || !strings.HasSuffix(out, ": no faults\n") {
			t.Errorf("%v: %d %s%s", args, status, out, stderr)
		}
	}
	for _, args := range [][]string{{"fsck", "--dir", defaultDir}, {"backup", "verify", "copy"}} {
		markers, err := filepath.Glob(filepath.Join(args[len(args)-1], "store", "marker.manifest.*"))
		if err != nil || len(markers) != 1 || os.Remove(markers[0]) != nil {
			t.Fatal(markers, err)
		}
		status, out, stderr := execute(t.Context(), args...)
		if status != statusCorrupt || !strings.Contains(out, "marker.manifest.*: it is missing") || !strings.Contains(out, "make it: touch") || !strings.Contains(stderr, "has 1 fault") {
			t.Errorf("%v: %d %s%s", args, status, out, stderr)
		}
		status, out, _ = execute(t.Context(), append(args, "--json")...)
		if status != statusCorrupt || !strings.Contains(out, `"faults":[{"part":"store","file":`) || !strings.Contains(out, `"total":1`) {
			t.Errorf("%v --json: %d %s", args, status, out)
		}
	}
}
