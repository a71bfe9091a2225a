package history

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

var plants = flag.String("plants", "", "the planted bugs to run: names of files in testdata/planted, as a pattern of filepath.Match")

// A planted bug is a change of the code which a test must catch. Its file holds
//
//	bug: what it does
//	test: the package, the test and its arguments
//	prints: what the test says when it fails
//	== the file that is changed
//	the text there
//	=>
//	the text that replaces it
//
// and may change several places.
type planted struct {
	name, bug, prints string
	test              []string
	files             map[string]string // the changed files by their paths in the module
}

// TestPlanted plants each bug in a build of its own and expects the test that it
// names to fail in the words that it names. A check that cannot fail proves
// nothing. Without -plants it only sees that each bug can still be planted.
func TestPlanted(t *testing.T) {
	paths, err := filepath.Glob("testdata/planted/*.txt")
	if err != nil || len(paths) < 25 {
		t.Fatalf("%d planted bugs: %v", len(paths), err)
	}
	var table strings.Builder
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			p := readPlanted(t, path, name)
			if wanted, err := filepath.Match(*plants, name); err != nil || !wanted {
				return
			}
			begin := time.Now()
			if p.mustBeCaught(t); t.Failed() {
				return
			}
			fmt.Fprintf(&table, "%-26s %-44s %4.0f s  %s\n", name, strings.Join(p.test, " "), time.Since(begin).Seconds(), p.bug)
		})
	}
	t.Logf("planted bugs that were caught:\n%s", table.String())
}

// readPlanted reads a bug and makes its changes.
func readPlanted(t *testing.T, path, name string) *planted {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, changes, _ := strings.Cut(string(text), "== ")
	p := &planted{name: name, files: map[string]string{}}
	for lines := bufio.NewScanner(strings.NewReader(head)); lines.Scan(); {
		switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
		case "bug":
			p.bug = value
		case "test":
			p.test = strings.Fields(value)
		case "prints":
			p.prints = value
		}
	}
	if p.bug == "" || len(p.test) < 2 || p.prints == "" || changes == "" {
		t.Fatalf("%s lacks bug, test, prints or a change", path)
	}
	for change := range strings.SplitSeq(changes, "\n== ") {
		file, change, _ := strings.Cut(change, "\n")
		before, after, ok := strings.Cut(strings.TrimSuffix(change, "\n"), "\n=>\n")
		if p.files[file] == "" {
			old, err := os.ReadFile(filepath.Join("../..", file))
			if err != nil {
				t.Fatal(err)
			}
			p.files[file] = string(old)
		}
		if n := strings.Count(p.files[file], before); n != 1 || !ok {
			t.Fatalf("the text to change is %d times in %s:\n%s", n, file, before)
		}
		p.files[file] = strings.Replace(p.files[file], before, after, 1)
	}
	return p
}

// mustBeCaught runs the bug's test over the changed files.
func (p *planted) mustBeCaught(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range p.files {
		changed := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, file)] = changed
	}
	index, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, index, 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"test", "-overlay", list, "-count=1", "-vet=off", "-timeout", "3m", "-run", "^" + p.test[1] + "$", p.test[0]}, p.test[2:]...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	switch out, err := cmd.CombinedOutput(); {
	case err == nil:
		t.Errorf("nobody noticed that %s", p.bug)
	case !strings.Contains(string(out), p.prints):
		t.Errorf("the test does not say %q: %v\n%s", p.prints, err, out)
	}
}
