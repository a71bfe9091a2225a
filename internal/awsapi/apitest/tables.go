package apitest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// Unexpected is the Type of an error that no request should meet: the server
// logs it and answers with a fault of its own.
const Unexpected = ""

// An Error is an error of the domain and the exception that a service answers
// with.
type Error = struct {
	Err  error
	Type string
}

// Errors checks that each exported error of the packages, whose folders are
// named from the module's root, has a row such as "table.ErrNotFound", and that
// mapError makes of it what the row says, even when it is wrapped. The test must
// be in a package two folders below internal.
func Errors(t *testing.T, mapError func(error) *awsjson.Error, rows map[string]Error, folders ...string) {
	t.Helper()
	found := 0
	for _, folder := range folders {
		for _, name := range exportedErrors(t, filepath.Join("..", "..", "..", folder)) {
			found++
			name = path.Base(folder) + "." + name
			row, ok := rows[name]
			if !ok {
				t.Errorf("%s has no row: decide what mapError makes of it", name)
				continue
			}
			got := Unexpected
			if e := mapError(fmt.Errorf("context: %w", row.Err)); e != nil {
				got = e.Type
			}
			if got != row.Type {
				t.Errorf("%s becomes %q, want %q", name, got, row.Type)
			}
		}
	}
	if found != len(rows) {
		t.Errorf("%d errors exist, %d have rows", found, len(rows))
	}
	if mapError(errors.New("any")) != nil {
		t.Error("an unknown error was mapped")
	}
}

// exportedErrors returns the names of a package's exported Err variables and of
// its exported types with an Error method.
func exportedErrors(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, e.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			out = append(out, errorsOf(d)...)
		}
	}
	return out
}

func errorsOf(d ast.Decl) (out []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.Name != "Error" || d.Recv == nil {
			return nil
		}
		if star, ok := d.Recv.List[0].Type.(*ast.StarExpr); ok {
			if id, ok := star.X.(*ast.Ident); ok && id.IsExported() {
				return []string{id.Name}
			}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
				for _, name := range v.Names {
					if strings.HasPrefix(name.Name, "Err") {
						out = append(out, name.Name)
					}
				}
			}
		}
	}
	return out
}

// Operations checks a service's table of operations: they stand in order of
// their names, exactly those that are offered have something to run, and all but
// the full ones have a note, which is also a cell of a table in docs/compat.md.
func Operations[Run any](t *testing.T, operations []awsjson.Operation[Run]) {
	t.Helper()
	last := ""
	for _, o := range operations {
		if o.Name <= last {
			t.Errorf("%s stands after %s", o.Name, last)
		}
		last = o.Name
		runs := !reflect.ValueOf(o.Run).IsZero()
		if runs != (o.Status != awsjson.None) || (o.Status == awsjson.Full) != (o.Note == "") || strings.Contains(o.Note, "|") {
			t.Errorf("%s: status %s, note %q", o.Name, o.Status, o.Note)
		}
	}
}
