package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// maxBytes is the most that a file may hold.
const maxBytes = 1 << 20

// Load reads and checks a file. A file with mistakes gives an error of type
// Faults that holds all of them.
func Load(path string) (*File, error) { return LoadFor(path, "", "") }

// LoadFor is Load for a node of that account and region, of which either may be
// empty. A file that says another is a fault.
func LoadFor(path, account, region string) (*File, error) {
	src, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return ParseFor(path, src, account, region)
}

// ParseFor is Parse as LoadFor is Load.
func ParseFor(path string, src []byte, account, region string) (*File, error) {
	r := newReader(path)
	r.file.Account, r.file.Region = account, region
	return r.parse(src)
}

// Parse checks the text of a file; path stands in faults.
func Parse(path string, src []byte) (*File, error) { return ParseWith(path, src, nil) }

// ParseWith is Parse, but takes the files that the text names from those given,
// as far as they are among them; File.Files is such a set.
func ParseWith(path string, src []byte, files map[string][]byte) (*File, error) {
	r := newReader(path)
	r.given = files
	return r.parse(src)
}

// ParseClosed is Parse for a text that another process sent: it takes the files
// and the variables of the environment that the text names from those given, which
// are File.Files and File.Variables of the sender, and reads neither the disk nor
// the environment of this process. A file or variable that is not given is a fault.
func ParseClosed(path string, src []byte, files map[string][]byte, variables map[string]string) (*File, error) {
	r := newReader(path)
	r.given, r.variables, r.closed = files, variables, true
	return r.parse(src)
}

func (r *reader) parse(src []byte) (*File, error) {
	path := r.path
	if len(src) > maxBytes {
		return nil, Faults{{path, 1, 1, "the file is larger than 1 MiB", "move data out of it"}}
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	tree, err := readYAML(path, src)
	if err != nil {
		return nil, err
	}
	r.file.Text = src
	for i, doc := range tree.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			r.fault(doc.Body, "a second document begins here", "keep one, without a line ---")
		default:
			r.top(r.resolve(doc.Body))
		}
	}
	if len(r.faults) > 0 {
		return nil, r.faults.sorted()
	}
	return r.file, nil
}

func newReader(path string) *reader {
	return &reader{path: path, file: &File{
		Path: path, Source: Embedded, Bus: Embedded, Entities: map[string][]mapping.Entity{}, ExpireBy: map[string]string{}, Attributes: map[string][]mapping.Path{},
	}}
}

// version is a text that differs when what decides of events does: tables,
// mapping, outbox and events, with the files that they name.
func (r *reader) version(keys map[string]ast.Node) string {
	h := sha256.New()
	for _, name := range []string{"tables", "mapping", "outbox", "events"} {
		if n, ok := keys[name]; ok {
			h.Write(r.json([]byte(name), n, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.file.Files)) {
		fmt.Fprintf(h, "%q%q", name, r.file.Files[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:versionDigits]
}

// versionDigits is the length of a version.
const versionDigits = 12

// top reads the file's own keys: what is referred to before what refers to it.
func (r *reader) top(n ast.Node) {
	keys := r.fields(n, "the file", "version", "account", "region", "source", "bus", "cors", "tables", "streams", "buses", "put-events", "quotas", "archives", "connections", "api-destinations", "functions", "mapping", "outbox", "events", "rules", "tests")
	if v, ok := keys["version"]; ok && v.String() != "1" {
		r.fault(v, "version is "+v.String(), "write version: 1")
	}
	r.home(keys["account"], keys["region"])
	if v, ok := keys["source"]; ok {
		r.file.Source = r.place(v, "source")
	}
	if v, ok := keys["bus"]; ok {
		r.file.Bus = r.place(v, "bus")
	}
	r.cors(keys["cors"])
	r.each(keys["tables"], "tables", r.table)
	r.streams(keys["streams"])
	r.buses(keys["buses"])
	r.putEvents(keys["put-events"])
	r.quotas(keys["quotas"])
	r.each(keys["archives"], "archives", r.archive)
	r.each(keys["connections"], "connections", r.connection)
	r.each(keys["api-destinations"], "api-destinations", r.apiDestination)
	r.each(keys["functions"], "functions", r.function)
	r.mapping(keys["mapping"])
	r.each(keys["outbox"], "outbox", r.outbox)
	r.each(keys["events"], "events", r.event)
	r.each(keys["rules"], "rules", r.rule)
	r.each(keys["tests"], "tests", r.testCase)
	for i := range r.file.Tables {
		t := &r.file.Tables[i]
		read := slices.ContainsFunc(r.file.Events, func(d mapping.Definition) bool { return d.Table == t.Name }) ||
			slices.ContainsFunc(r.file.EventSources, func(s EventSource) bool { return s.Table == t.Name })
		if t.View == "" && read {
			t.View = stream.NewAndOldImages
		}
	}
	if len(r.faults) == 0 {
		r.file.Version = r.version(keys)
	}
}
