package hostile

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

// root is the folder of the module.
const root = "../.."

// A fuzzTarget is one function that `go test -fuzz` runs.
type fuzzTarget struct{ folder, name string }

// TestFuzz runs each fuzz target of the module for so many seconds. The short form
// only looks for the targets, whose seeds and corpora run in the tests of their
// packages, and checks that no corpus is left of a target that is gone.
func TestFuzz(t *testing.T) {
	c := campaigntest.Start(t, "fuzz", "seconds of each fuzz target", 0)
	targets := fuzzTargets(t)
	if len(targets) < 40 {
		t.Errorf("only %d fuzz targets were found", len(targets))
	}
	checkCorpora(t, targets)
	if c.N == 0 {
		return
	}
	c.Rand(1).Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	for _, target := range targets {
		t.Run(target.folder+"/"+target.name, func(t *testing.T) { target.fuzz(t, time.Duration(c.N)*time.Second) })
	}
	c.Done = c.N
}

// fuzz runs a target for d. A failing input is left in the target's corpus.
func (f fuzzTarget) fuzz(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d+10*time.Minute) // it builds first
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+f.name+"$", "-fuzztime", d.String(), "-fuzzminimizetime", "5s", "./"+f.folder)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
	t.Log(lines[max(0, len(lines)-3)])
}

// fuzzTargets returns all functions of the module whose names begin with Fuzz, in
// order.
func fuzzTargets(t *testing.T) (out []fuzzTarget) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Fuzz") {
				out = append(out, fuzzTarget{filepath.ToSlash(folder), f.Name.Name})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b fuzzTarget) int { return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.name, b.name)) })
	return out
}

// checkCorpora checks that each committed corpus is that of a target, and small.
func checkCorpora(t *testing.T, targets []fuzzTarget) {
	t.Helper()
	corpora, err := filepath.Glob(root + "/*/testdata/fuzz/*")
	for _, deeper := range []string{"/*/*/testdata/fuzz/*", "/*/*/*/testdata/fuzz/*"} {
		more, err2 := filepath.Glob(root + deeper)
		corpora, err = append(corpora, more...), cmp.Or(err, err2)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, corpus := range corpora {
		folder, _ := filepath.Rel(root, filepath.Dir(filepath.Dir(filepath.Dir(corpus))))
		if !slices.Contains(targets, fuzzTarget{filepath.ToSlash(folder), filepath.Base(corpus)}) {
			t.Errorf("%s is the corpus of no target", corpus)
		}
		size, err := sizeOf(corpus)
		if err != nil || size > 64<<10 {
			t.Errorf("%s has %d bytes: %v", corpus, size, err)
		}
	}
}

// sizeOf returns how many bytes the files of a folder have.
func sizeOf(folder string) (n int64, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", folder, err)
		}
		n += info.Size()
	}
	return n, nil
}
