package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the faults as they are into testdata/faults.txt")

// A badFile is one of testdata/faults.txt: a name after ===, the file, and
// after ---- its faults.
type badFile struct{ name, src, faults string }

func badFiles(t *testing.T) []badFile {
	t.Helper()
	text, err := os.ReadFile("testdata/faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []badFile
	for _, part := range strings.Split(string(text), "=== ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		src, faults, ok := strings.Cut(rest, "----\n")
		if !ok {
			t.Fatalf("%s: no ----", name)
		}
		out = append(out, badFile{name, src, strings.TrimSuffix(faults, "\n")})
	}
	return out
}

// Each fault is told with its place and what to write instead.
func TestFaults(t *testing.T) {
	var now strings.Builder
	files := badFiles(t)
	for _, f := range files {
		_, err := Parse("f", []byte(f.src))
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Errorf("%s: %v, want faults", f.name, err)
			continue
		}
		if got := faults.Error() + "\n"; got != f.faults && !*rewrite {
			t.Errorf("%s:\n%s\n got %s\nwant %s", f.name, f.src, got, f.faults)
		}
		fmt.Fprintf(&now, "=== %s\n%s----\n%s\n\n", f.name, f.src, faults)
	}
	if len(files) < 50 {
		t.Errorf("only %d bad files", len(files))
	}
	if *rewrite {
		if err := os.WriteFile("testdata/faults.txt", []byte(now.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Every fault stands where something of the file stands.
func TestFaultsPointIntoTheFile(t *testing.T) {
	for _, f := range badFiles(t) {
		_, err := Parse("f", []byte(f.src))
		lines := strings.Split(f.src, "\n")
		var faults Faults
		errors.As(err, &faults)
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 || fault.Column > len(lines[fault.Line-1])+1 {
				t.Errorf("%s: %v", f.name, fault)
			}
		}
	}
}
