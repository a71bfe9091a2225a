package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tablecast/tablecast"

// A source is one parsed Go file of the module.
type source struct {
	path string // slash-separated, relative to the module's root
	pkg  string // directory of path; "." for the root package
	test bool
	ast  *ast.File
	text string
}

// imports returns the module's packages that the file imports, relative to
// the module's root ("." for the root package).
func (s *source) imports() []string {
	var out []string
	for _, spec := range s.ast.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if name == module {
			out = append(out, ".")
		} else if rest, ok := strings.CutPrefix(name, module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// importsStd reports whether the file imports the named package from outside
// the module.
func (s *source) importsStd(name string) bool {
	return slices.ContainsFunc(s.ast.Imports, func(spec *ast.ImportSpec) bool {
		return strings.Trim(spec.Path.Value, `"`) == name
	})
}

// parseModule parses each Go file below the module's root, except other
// modules nested in it.
func parseModule(t *testing.T) (*token.FileSet, []*source) {
	t.Helper()
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	var out []*source
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, name, d)
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, &source{
			path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), ast: file, text: string(text),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no Go files found")
	}
	return fset, out
}

// enter skips directories that hold no code of this module.
func enter(root, name string, d fs.DirEntry) error {
	if name == "." {
		return nil
	}
	if strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(root, name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}
