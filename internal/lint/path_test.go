package lint

import (
	"go/ast"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A place in a document: `table/commit.go: Tables.commit`.
var documentedPlace = regexp.MustCompile("`([a-z][a-z0-9/_]*\\.go): ([A-Za-z.]+)`")

// docs/design.md tells the way of a write by the names of the functions that it
// passes. Each of them is where it says.
func TestDocumentedFunctions(t *testing.T) {
	_, files := parseModule(t)
	functions := map[string]bool{} // "file: Type.function"
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil {
				name = receiver(fn.Recv.List[0].Type) + "." + name
			}
			functions[f.path+": "+name] = true
		}
	}
	text, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	places := documentedPlace.FindAllStringSubmatch(string(text), -1)
	if len(places) < 15 {
		t.Errorf("docs/design.md names %d functions, which cannot be the whole way of a write", len(places))
	}
	for _, p := range places {
		if !functions[p[1]+": "+p[2]] {
			t.Errorf("docs/design.md says %s: there is no such function", strings.Trim(p[0], "`"))
		}
	}
	for what, bound := range map[string]int{"lines of a function": longestFunction, "lines of a file": longestFile, "packages on a chain of imports": deepestImport,
		"exported names that no other package uses": mostUnused, "pairs of places that share 8 lines": mostTwins} {
		if row := "| " + what + " | " + strconv.Itoa(bound) + " |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/design.md lacks the row %q", row)
		}
	}
}
