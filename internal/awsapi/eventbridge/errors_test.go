package eventbridge

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

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/bus/schedule"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

// unexpected marks an error that no request should meet: it is logged and
// answered as the node's fault.
const unexpected = ""

// kinds has each exported error of the domain and what it becomes.
var kinds = map[string]struct {
	err  error
	kind string
}{
	"bus.ErrBusNotFound":                {bus.ErrBusNotFound, notFound},
	"bus.ErrBusExists":                  {bus.ErrBusExists, "ResourceAlreadyExistsException"},
	"bus.ErrBusName":                    {bus.ErrBusName, validation},
	"bus.ErrDefaultBus":                 {bus.ErrDefaultBus, validation},
	"bus.ErrBusHasRules":                {bus.ErrBusHasRules, validation},
	"bus.ErrRuleNotFound":               {bus.ErrRuleNotFound, notFound},
	"bus.ErrRuleHasTargets":             {bus.ErrRuleHasTargets, validation},
	"bus.ErrTooManyTags":                {bus.ErrTooManyTags, validation},
	"bus.ErrScheduleBus":                {bus.ErrScheduleBus, validation},
	"schedule.ErrInvalid":               {schedule.ErrInvalid, validation},
	"connection.ErrNotFound":            {connection.ErrNotFound, notFound},
	"connection.ErrExists":              {connection.ErrExists, exists},
	"connection.ErrDestinationNotFound": {connection.ErrDestinationNotFound, notFound},
	"connection.ErrDestinationExists":   {connection.ErrDestinationExists, exists},
	"connection.NameError":              {&connection.NameError{Name: "n", Err: connection.ErrNotFound}, notFound},
	"connection.ErrKeyFile":             {connection.ErrKeyFile, unexpected}, // of opening a folder
	"bus.ErrManagedRule":                {bus.ErrManagedRule, "ManagedRuleException"},
	"bus.ErrArchiveNotFound":            {bus.ErrArchiveNotFound, notFound},
	"bus.ErrArchiveExists":              {bus.ErrArchiveExists, exists},
	"bus.ErrReplayNotFound":             {bus.ErrReplayNotFound, notFound},
	"bus.ErrReplayExists":               {bus.ErrReplayExists, exists},
	"bus.ErrReplayOver":                 {bus.ErrReplayOver, "IllegalStatusException"},
	"bus.ErrReplayBus":                  {bus.ErrReplayBus, validation},
	"bus.ErrReplayWindow":               {bus.ErrReplayWindow, validation},
	"bus.ErrLimit":                      {bus.ErrLimit, "LimitExceededException"},
	"bus.ErrPutCount":                   {bus.ErrPutCount, validation},
	"bus.ErrPutSize":                    {bus.ErrPutSize, validation},
	"bus.ErrNoSource":                   {bus.ErrNoSource, "InvalidArgument"},
	"bus.ErrNoDetailType":               {bus.ErrNoDetailType, "InvalidArgument"},
	"bus.ErrNoDetail":                   {bus.ErrNoDetail, "InvalidArgument"},
	"bus.ErrTime":                       {bus.ErrTime, "InvalidArgument"},
	"bus.ErrReservedSource":             {bus.ErrReservedSource, "NotAuthorizedForSourceException"},
	"bus.NameError":                     {&bus.NameError{Bus: "b", Err: bus.ErrBusNotFound}, notFound},
	"bus.InputError":                    {&bus.InputError{Msg: "m"}, validation},
	"pattern.Error":                     {&pattern.Error{Msg: "m"}, "InvalidEventPatternException"},
	"pattern.ErrAmbiguous":              {pattern.ErrAmbiguous, "MalformedDetail"},
	"target.ParseError":                 {&target.ParseError{}, validation},
	"target.Error":                      {&target.Error{Msg: "m"}, unexpected}, // of a delivery, which no caller waits for
	"event.ErrEnvelope":                 {event.ErrEnvelope, validation},
	"event.ErrDetail":                   {event.ErrDetail, "MalformedDetail"},
	"event.ErrCorrupt":                  {event.ErrCorrupt, unexpected},
	"kv.ErrDiskFull":                    {kv.ErrDiskFull, "ThrottlingException"},
	"kv.ErrClosed":                      {kv.ErrClosed, internal},
	"kv.ErrNotFound":                    {kv.ErrNotFound, unexpected}, // never leaves package bus over the wire
	"kv.ErrCorrupt":                     {kv.ErrCorrupt, unexpected},
	"target.ErrNoFunction":              {target.ErrNoFunction, unexpected}, // of deliveries
	"kv.ErrExists":                      {kv.ErrExists, unexpected},         // of a checkpoint
	"kv.ErrLocked":                      {kv.ErrLocked, unexpected},         // of opening a store, as all below
	"kv.ErrNewerFormat":                 {kv.ErrNewerFormat, unexpected},
	"kv.ErrBehindWatermark":             {kv.ErrBehindWatermark, unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	found := 0
	for _, pkg := range []string{"bus", "pattern", "target", "delivery", "event", "kv", "schedule", "connection"} {
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
	if n := len(Operations()); n != 57 {
		t.Errorf("%d operations", n)
	}
}
