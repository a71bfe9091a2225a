package config

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping/schema"
)

// contract reads a JSON Schema, which stands in the file or in one of its own.
func (r *reader) contract(n ast.Node, event, what string) func([]byte) error {
	what = "schema of " + what
	var src []byte
	if _, isMapping := entries(n); isMapping {
		faults := len(r.faults)
		if src = r.json(nil, n, what); len(r.faults) > faults {
			return nil
		}
	} else {
		name, ok := r.text(n, what)
		if !ok {
			return nil
		}
		var err error
		if src, err = r.named(name); err != nil {
			r.fault(n, what+": "+err.Error(), "write the path of a JSON Schema, from this file's folder, or the schema itself")
			return nil
		}
	}
	s, err := schema.Compile(src)
	if err != nil {
		r.fault(n, what+" is not valid: "+err.Error(), "docs/contracts.md tells what a schema may hold")
		return nil
	}
	r.keepSchema(event, s)
	return s.Validate
}

// keepSchema keeps the schema of an event, for those who compare versions.
func (r *reader) keepSchema(event string, s *schema.Schema) {
	if r.file.Schemas == nil {
		r.file.Schemas = map[string]*schema.Schema{}
	}
	r.file.Schemas[event] = s
}

// named returns the content of a file that this one names.
func (r *reader) named(name string) ([]byte, error) {
	if text, ok := r.given[name]; ok {
		r.keep(name, text)
		return text, nil
	}
	if r.closed {
		return nil, fmt.Errorf("the file %s was not sent along", name)
	}
	text, err := readFile(r.file.Named(name))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, errors.New("it is larger than 1 MiB")
	}
	r.keep(name, text)
	return text, nil
}

func (r *reader) keep(name string, text []byte) {
	if r.file.Files == nil {
		r.file.Files = map[string][]byte{}
	}
	r.file.Files[name] = text
}

// Named returns the path of a file that this one names.
func (f *File) Named(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(f.Path), name)
}
