package lambda

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

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/kv"
)

// unexpected marks an error that no request should meet: it is logged and
// answered as the node's fault.
const unexpected = ""

// kinds has each exported error of the domain and what it becomes.
var kinds = map[string]struct {
	err  error
	kind string
}{
	"lambda.ErrNotFound":          {function.ErrNotFound, missing},
	"lambda.ErrExists":            {function.ErrExists, conflict},
	"lambda.ErrDeclared":          {function.ErrDeclared, invalidValue},
	"lambda.ErrRevision":          {function.ErrRevision, "PreconditionFailedException"},
	"lambda.ErrConcurrency":       {function.ErrConcurrency, throttled},
	"lambda.ErrStatement":         {function.ErrStatement, missing},
	"lambda.ErrStatementExists":   {function.ErrStatementExists, conflict},
	"lambda.ErrNoConfig":          {function.ErrNoConfig, missing},
	"lambda.ErrTooManyTags":       {function.ErrTooManyTags, invalidValue},
	"lambda.ErrZip":               {function.ErrZip, invalidValue},
	"lambda.ErrCodeSize":          {function.ErrCodeSize, invalidValue},
	"lambda.ErrBacklog":           {function.ErrBacklog, throttled},
	"lambda.DestinationError":     {&function.DestinationError{ARN: "x"}, invalidValue},
	"eventsource.ErrNotFound":     {eventsource.ErrNotFound, missing},
	"eventsource.ErrNoStream":     {eventsource.ErrNoStream, invalidValue},
	"eventsource.ErrNoFunction":   {eventsource.ErrNoFunction, invalidValue},
	"eventsource.ErrFilter":       {eventsource.ErrFilter, invalidValue},
	"eventsource.ErrBusy":         {eventsource.ErrBusy, "ResourceInUseException"},
	"eventsource.ErrNotParked":    {eventsource.ErrNotParked, invalidValue},
	"lambda.ErrRefused":           {function.ErrRefused, unexpected}, // of destinations, as its namesake
	"eventsource.ErrRefused":      {eventsource.ErrRefused, unexpected},
	"eventsource.ErrTooManyTags":  {eventsource.ErrTooManyTags, invalidValue},
	"eventsource.ExistsError":     {&eventsource.ExistsError{}, conflict},
	"function.ErrClosed":          {process.ErrClosed, service},
	"function.ErrBusy":            {process.ErrBusy, throttled},
	"function.ErrPayloadTooLarge": {process.ErrPayloadTooLarge, tooLarge},
	"function.Error":              {&process.Error{}, unexpected}, // becomes a State or an answer
	"kv.ErrDiskFull":              {kv.ErrDiskFull, service},
	"kv.ErrClosed":                {kv.ErrClosed, service},
	"kv.ErrNotFound":              {kv.ErrNotFound, unexpected}, // never leaves package lambda
	"kv.ErrCorrupt":               {kv.ErrCorrupt, unexpected},
	"kv.ErrExists":                {kv.ErrExists, unexpected}, // of a checkpoint
	"kv.ErrLocked":                {kv.ErrLocked, unexpected}, // of opening a store, as all below
	"kv.ErrNewerFormat":           {kv.ErrNewerFormat, unexpected},
	"kv.ErrBehindWatermark":       {kv.ErrBehindWatermark, unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	found := 0
	for _, pkg := range []string{"lambda", "eventsource", "function", "kv"} {
		for _, name := range exportedErrors(t, filepath.Join("..", "..", "..", pkg)) {
			found++
			row, ok := kinds[pkg+"."+name]
			if !ok {
				t.Errorf("%s.%s has no row: decide what mapError makes of it", pkg, name)
				continue
			}
			got := unexpected
			if e := mapError(fmt.Errorf("context: %w", row.err)); e != nil {
				got = e.Type
			}
			if got != row.kind {
				t.Errorf("%s.%s becomes %q, want %q", pkg, name, got, row.kind)
			}
		}
	}
	if found != len(kinds) {
		t.Errorf("%d errors exist, %d have rows", found, len(kinds))
	}
	if mapError(errors.New("any")) != nil {
		t.Error("an unknown error was mapped")
	}
}

// exportedErrors returns the names of a package's exported Err variables and
// of its exported types with an Error method.
func exportedErrors(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
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
			v, ok := spec.(*ast.ValueSpec)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, name := range v.Names {
				if strings.HasPrefix(name.Name, "Err") {
					out = append(out, name.Name)
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
		if (o.run == nil) != (o.Status == None) || o.Status != Full && o.Note == "" || strings.Contains(o.Note, "|") {
			t.Errorf("%s: status %s, note %q", o.Name, o.Status, o.Note)
		}
	}
}
