package dynamodb

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// unexpected marks an error that no request should meet: it is logged and
// answered with InternalServerError.
const unexpected = ""

// rows has each exported error of the domain and the exception it becomes.
var rows = map[string]struct {
	err  error
	kind string
}{
	"table.ErrNotFound":       {table.ErrNotFound, "ResourceNotFoundException"},
	"table.ErrExists":         {table.ErrExists, "ResourceInUseException"},
	"table.ErrProtected":      {table.ErrProtected, "ValidationException"},
	"table.ErrIndexNotFound":  {table.ErrIndexNotFound, "ResourceNotFoundException"},
	"table.ErrCollectionFull": {table.ErrCollectionFull, "ItemCollectionSizeLimitExceededException"},
	"table.ErrTokenReused":    {table.ErrTokenReused, "IdempotentParameterMismatchException"},
	"table.CanceledError":     {&table.CanceledError{}, "TransactionCanceledException"},
	"table.ValidationError":   {&table.ValidationError{Msg: "m"}, "ValidationException"},
	"table.ConditionError":    {&table.ConditionError{}, "ConditionalCheckFailedException"},
	"item.Error":              {&item.Error{Msg: "m"}, "ValidationException"},
	"item.SyntaxError":        {&item.SyntaxError{Msg: "m"}, "SerializationException"},
	"item.ErrBinary":          {item.ErrBinary, unexpected}, // a damaged item
	"expr.Error":              {&expr.Error{Msg: "m"}, "ValidationException"},
	"partiql.Error":           {&partiql.Error{Msg: "m"}, "ValidationException"},
	"partiql.KeyError":        {&partiql.KeyError{Msg: "m"}, "ValidationException"},
	"stream.ErrNotFound":      {stream.ErrNotFound, unexpected}, // of package streams, as all below
	"stream.ErrTrimmed":       {stream.ErrTrimmed, unexpected},
	"stream.ErrExpired":       {stream.ErrExpired, unexpected},
	"stream.ErrIterator":      {stream.ErrIterator, unexpected},
	"kv.ErrDiskFull":          {kv.ErrDiskFull, "ThrottlingException"},
	"kv.ErrClosed":            {kv.ErrClosed, "InternalServerError"},
	"kv.ErrNotFound":          {kv.ErrNotFound, unexpected}, // never leaves package table
	"kv.ErrCorrupt":           {kv.ErrCorrupt, unexpected},
	"kv.ErrExists":            {kv.ErrExists, unexpected}, // of a checkpoint
	"kv.ErrLocked":            {kv.ErrLocked, unexpected}, // of opening a store, as all below
	"kv.ErrNewerFormat":       {kv.ErrNewerFormat, unexpected},
	"kv.ErrBehindWatermark":   {kv.ErrBehindWatermark, unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	found := 0
	for _, pkg := range []string{"table", "item", "expr", "partiql", "stream", "kv"} {
		for _, name := range exportedErrors(t, filepath.Join("..", "..", "..", pkg)) {
			found++
			row, ok := rows[pkg+"."+name]
			if !ok {
				t.Errorf("%s.%s has no row: decide what mapError makes of it", pkg, name)
				continue
			}
			got := ""
			if e := mapError(fmt.Errorf("context: %w", row.err)); e != nil {
				got = e.Type
			}
			if got != row.kind {
				t.Errorf("%s.%s becomes %q, want %q", pkg, name, got, row.kind)
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

// exportedErrors returns the names of a package's exported Err variables and
// of its exported types with an Error method.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, 0)
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

// The table of operations names each operation of the model once, in order,
// and says why where one is not offered in full.
func TestOperations(t *testing.T) {
	last := ""
	for _, o := range Operations() {
		if o.Name <= last {
			t.Errorf("%s stands after %s", o.Name, last)
		}
		last = o.Name
		if (o.run == nil) != (o.Status == None) || o.Status != Full && o.Note == "" {
			t.Errorf("%s: status %s, note %q", o.Name, o.Status, o.Note)
		}
	}
	if n := len(Operations()); n != 57 {
		t.Errorf("%d operations", n)
	}
}

func TestUnits(t *testing.T) {
	consistent := true
	for bytes, want := range map[int]float64{0: 1, 1: 1, 4096: 1, 4097: 2, 8192: 2, 400 << 10: 100} {
		if got := readUnits(bytes, &consistent).Table; got != want {
			t.Errorf("a consistent read of %d bytes takes %v units", bytes, got)
		}
		if got := readUnits(bytes, nil).Table; got != want/2 {
			t.Errorf("a read of %d bytes takes %v units", bytes, got)
		}
	}
}
