package lint

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// Tests take time as a parameter or run in a testing/synctest bubble: a test
// that sleeps is in a package whose tests make bubbles.
func TestNoSleepInTests(t *testing.T) {
	fset, files := parseModule(t)
	bubbles := map[string]bool{}
	for _, f := range files {
		bubbles[f.pkg] = bubbles[f.pkg] || f.importsStd("testing/synctest")
	}
	for _, f := range files {
		if !f.test && !strings.HasSuffix(f.pkg, "test") && f.pkg != "internal/history" {
			continue
		}
		eachCall(f.ast, func(call *ast.CallExpr, pkg, name string) {
			if pkg == "time" && name == "Sleep" && !bubbles[f.pkg] {
				t.Errorf("%s: time.Sleep in a test; use testing/synctest or wait for a condition", fset.Position(call.Pos()))
			}
		})
	}
}

// Only commands talk to the terminal.
func TestNoPrintingBelowCommands(t *testing.T) {
	fset, files := parseModule(t)
	for _, f := range files {
		if f.test || strings.HasPrefix(f.pkg, "cmd/") || f.pkg == "bench" || strings.HasPrefix(f.pkg, "examples/") {
			continue
		}
		eachCall(f.ast, func(call *ast.CallExpr, pkg, name string) {
			if pkg == "fmt" && strings.HasPrefix(name, "Print") || pkg == "log" && f.importsStd("log") {
				t.Errorf("%s: %s.%s below cmd; use the *slog.Logger that was passed in", fset.Position(call.Pos()), pkg, name)
			}
		})
	}
}

// Nothing that ships links the testing package.
func TestNoTestingInProduction(t *testing.T) {
	_, files := parseModule(t)
	for _, f := range files {
		if !f.test && f.importsStd("testing") && !strings.HasSuffix(f.pkg, "test") {
			t.Errorf("%s: imports testing; put the helper into a package whose name ends in test", f.path)
		}
	}
}

// A package says what it is.
func TestPackageComments(t *testing.T) {
	_, files := parseModule(t)
	documented := map[string]bool{}
	for _, f := range files {
		if !f.test {
			documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// A comment states what is true of the code now.
var residue = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b|(?i)\bphase [0-9]|\bfor now\b|not yet implemented`)

func TestNoPlanningResidue(t *testing.T) {
	fset, files := parseModule(t)
	for _, f := range files {
		if f.pkg == "internal/lint" {
			continue
		}
		for _, group := range f.ast.Comments {
			if m := residue.FindString(group.Text()); m != "" {
				t.Errorf("%s: comment says %q", fset.Position(group.Pos()), m)
			}
		}
	}
}

// eachCall calls fn for each call of the form pkg.Name(...).
func eachCall(file *ast.File, fn func(call *ast.CallExpr, pkg, name string)) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				fn(call, id.Name, sel.Sel.Name)
			}
		}
		return true
	})
}

// Each keyspace of the store belongs to one package.
func TestKeyspaces(t *testing.T) {
	_, files := parseModule(t)
	owners := map[string]string{}
	for _, f := range files {
		if f.test || f.pkg == "internal/history" {
			continue
		}
		eachCall(f.ast, func(call *ast.CallExpr, pkg, name string) {
			if pkg != "kv" || name != "NewKey" || len(call.Args) != 1 {
				return
			}
			letter, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				return
			}
			if owner := owners[letter.Value]; owner != "" && owner != f.pkg {
				t.Errorf("keys that begin with %s belong to %s and to %s", letter.Value, owner, f.pkg)
			}
			owners[letter.Value] = f.pkg
		})
	}
	if len(owners) < 10 {
		t.Errorf("only %d keyspaces found: %v", len(owners), owners)
	}
}

// ARNs are read by package aws/arn: a text that is split at its colons is one that
// was not checked to be an ARN.
func TestNoARNsSplitByHand(t *testing.T) {
	fset, files := parseModule(t)
	for _, f := range files {
		if f.test {
			continue
		}
		eachCall(f.ast, func(call *ast.CallExpr, pkg, name string) {
			if pkg != "strings" || !strings.HasPrefix(name, "Split") || len(call.Args) < 2 {
				return
			}
			if sep, ok := call.Args[1].(*ast.BasicLit); ok && sep.Value == `":"` {
				t.Errorf("%s: strings.%s at colons; parse an ARN with aws/arn", fset.Position(call.Pos()), name)
			}
		})
	}
}

// Imports stand in three groups: the standard library, other modules, our own.
func TestImportGroups(t *testing.T) {
	fset, files := parseModule(t)
	for _, f := range files {
		var last *ast.ImportSpec
		for _, spec := range f.ast.Imports {
			if last != nil {
				apart := fset.Position(spec.Pos()).Line - fset.Position(last.End()).Line
				switch a, b := importGroup(last), importGroup(spec); {
				case a > b:
					t.Errorf("%s: %s stands below %s", fset.Position(spec.Pos()), spec.Path.Value, last.Path.Value)
				case a == b && apart > 1 || a < b && apart < 2:
					t.Errorf("%s: one blank line between groups of imports, and none inside", fset.Position(spec.Pos()))
				}
			}
			last = spec
		}
	}
}

// importGroup is the place of an import's group in a file.
func importGroup(spec *ast.ImportSpec) int {
	name := strings.Trim(spec.Path.Value, `"`)
	first, _, _ := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(name, module):
		return 2
	case strings.Contains(first, "."):
		return 1
	}
	return 0
}

// One package for JSON: encoding/json takes names in any case and the last of two
// of the same name. The validator of schemas asks for its type of numbers.
func TestOneJSONPackage(t *testing.T) {
	_, files := parseModule(t)
	for _, f := range files {
		if f.importsStd("encoding/json") && f.path != "mapping/schema/number.go" {
			t.Errorf("%s: imports encoding/json; use github.com/go-json-experiment/json", f.path)
		}
	}
}
