package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// Find returns the file that TABLECAST_CONFIG names, or tablecast.yaml,
// tablecast.yml or tablecast.json in dir or the folders above it up to the root
// of its repository; empty if there is none.
func Find(dir string) string {
	if path := os.Getenv("TABLECAST_CONFIG"); path != "" {
		return path
	}
	for {
		for _, name := range []string{"tablecast.yaml", "tablecast.yml", "tablecast.json"} {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || filepath.Dir(dir) == dir {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// Load reads and checks a file. A file with mistakes gives an error of type
// Faults that holds all of them.
func Load(path string) (*File, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, src)
}

// Parse checks the text of a file; path stands in faults.
func Parse(path string, src []byte) (*File, error) {
	r := &reader{path: path}
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, r.syntax(err)
	}
	f := &File{Path: path}
	if len(tree.Docs) > 0 && tree.Docs[0].Body != nil {
		r.file(tree.Docs[0].Body, f)
	}
	if len(r.faults) > 0 {
		r.faults.sort()
		return nil, r.faults
	}
	return f, nil
}

// syntax reports YAML that cannot be read.
func (r *reader) syntax(err error) error {
	fault := Fault{Path: r.path, Line: 1, Column: 1, Msg: "not valid YAML: " + firstLine(err.Error())}
	var at yaml.Error
	if errors.As(err, &at) {
		if tok := at.GetToken(); tok != nil {
			fault.Line, fault.Column = tok.Position.Line, tok.Position.Column
		}
		fault.Msg = "not valid YAML: " + at.GetMessage()
	}
	return Faults{fault}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (r *reader) file(n ast.Node, f *File) {
	top := r.fields(n, "the file", "version", "tables", "buses", "events", "rules")
	if v, ok := top["version"]; ok && v.String() != "1" {
		r.fault(v, "version is "+v.String(), "write version: 1")
	}
	if v, ok := top["tables"]; ok {
		for _, p := range r.pairs(v, "tables") {
			r.table(p, f)
		}
	}
	if v, ok := top["buses"]; ok {
		r.buses(v, f)
	}
	if v, ok := top["events"]; ok {
		for _, p := range r.pairs(v, "events") {
			r.event(p, f)
		}
	}
	if v, ok := top["rules"]; ok {
		for _, p := range r.pairs(v, "rules") {
			r.rule(p, f)
		}
	}
	for i := range f.Tables {
		if t := &f.Tables[i]; t.View == "" && slices.ContainsFunc(f.Events, func(d mapping.Definition) bool { return d.Table == t.Name }) {
			t.View = stream.NewAndOldImages
		}
	}
}

var (
	tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)
	ruleName  = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)
	busName   = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,256}$`)
)

var views = map[string]stream.View{
	"keys-only": stream.KeysOnly, "new-image": stream.NewImage, "old-image": stream.OldImage, "new-and-old-images": stream.NewAndOldImages,
}

func (r *reader) table(p pair, f *File) {
	what := "table " + p.name
	if !tableName.MatchString(p.name) {
		r.fault(p.key, "\""+p.name+"\" is no table name", "use 3 to 255 letters, digits, _ . and -")
	}
	spec := table.Spec{Name: p.name, Billing: table.PayPerRequest}
	fields := r.fields(p.value, what, "key", "stream")
	key, ok := fields["key"]
	if !ok {
		r.fault(p.key, what+" has no key", "add key: id, or key: \"pk, sk\"")
	} else {
		spec.Schema = r.key(key, what)
	}
	if v, ok := fields["stream"]; ok {
		if name, ok := r.oneOf(v, "stream of "+what, "keys-only", "new-image", "old-image", "new-and-old-images"); ok {
			spec.View = views[name]
		}
	}
	f.Tables = append(f.Tables, spec)
}

// key reads "pk, sk", whose attributes are strings, or a mapping of attributes
// to S, N or B.
func (r *reader) key(n ast.Node, what string) item.KeySchema {
	var attrs []item.KeyAttr
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for _, p := range r.pairs(n, "key of "+what) {
			if kind, ok := r.oneOf(p.value, "type of "+p.name, "S", "N", "B"); ok {
				attrs = append(attrs, item.KeyAttr{Name: p.name, Kind: item.ParseKind(kind)})
			}
		}
	default:
		text, ok := r.text(n, "key of "+what)
		if !ok {
			return item.KeySchema{}
		}
		for name := range strings.SplitSeq(text, ",") {
			attrs = append(attrs, item.KeyAttr{Name: strings.TrimSpace(name), Kind: item.String})
		}
	}
	if len(attrs) < 1 || len(attrs) > 2 || attrs[0].Name == "" || len(attrs) == 2 && (attrs[1].Name == "" || attrs[1].Name == attrs[0].Name) {
		r.fault(n, "key of "+what+" must name one or two attributes", "write key: id, or key: \"pk, sk\"")
		return item.KeySchema{}
	}
	schema := item.KeySchema{Hash: attrs[0]}
	if len(attrs) == 2 {
		schema.Range = attrs[1]
	}
	return schema
}

func (r *reader) buses(n ast.Node, f *File) {
	add := func(n ast.Node, name string) {
		if !busName.MatchString(name) {
			r.fault(n, "\""+name+"\" is no bus name", "use 1 to 256 letters, digits, _ . and -")
		}
		f.Buses = append(f.Buses, name)
	}
	if _, ok := n.(*ast.SequenceNode); !ok {
		for _, p := range r.pairs(n, "buses") {
			add(p.key, p.name)
		}
		return
	}
	for _, e := range list(n) {
		if name, ok := r.text(e, "a bus"); ok {
			add(e, name)
		}
	}
}

// bus reads the name of a bus that must exist.
func (r *reader) bus(n ast.Node, what string, f *File) string {
	if n == nil {
		return bus.Default
	}
	known := append([]string{bus.Default}, f.Buses...)
	name, ok := r.text(n, "bus of "+what)
	if ok && !slices.Contains(known, name) {
		r.fault(n, what+" names bus \""+name+"\", which is not declared", "add it to buses, or use one of "+strings.Join(known, ", "))
	}
	return name
}
