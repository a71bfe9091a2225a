package target_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/targettest"
)

// A line that a kill or a full disk cut is not glued to the next event, which
// would be counted delivered and could not be read.
func TestLogAfterATornLine(t *testing.T) {
	dir := t.TempDir()
	tgt := open(t, "log:events", target.Options{LogDir: dir})
	path := filepath.Join(dir, "events.jsonl")
	if err := os.WriteFile(path, []byte("{\"whole\":1}\n{\"torn\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for n := range 2 {
		d := targettest.Delivery(n)
		if _, err := tgt.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		want = append(append(want, d.Body...), '\n')
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "{\"whole\":1}\n{\"torn\":\n"+string(want) {
		t.Errorf("%s, %v", got, err)
	}
}
