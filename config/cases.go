package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/pattern"
)

// A Case is a test of what changes mean.
type Case struct {
	Name   string
	Place  Fault  // where it stands; without a message
	Before []Step // whose events do not matter
	Given  []Step
	Expect []Expected
}

// A Step is one write, or one change as a stream shows it.
type Step struct {
	Do    string // put, delete, expire or change
	Table string
	Item  item.Item // of put
	Key   item.Item // of delete and expire
	Old   item.Item // of change; nil is none
	New   item.Item // of change; nil is none
}

// An Expected is an event, or a change that fails.
type Expected struct {
	Event  string           // its name
	Detail []byte           // JSON, without the envelope; nil is any
	Match  *pattern.Pattern // of the whole event; nil is any
	Fails  string           // a part of the reason; then the others are empty
}

// ReadCases returns the cases of a file and of the files beside it whose names
// end with .test.yaml. Errors are of type Faults.
func ReadCases(f *File) ([]Case, error) {
	out := slices.Clone(f.Cases)
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(f.Path), "*.test.yaml"))
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	for _, path := range beside {
		src, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
		more, err := parseCases(f, path, src)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// parseCases reads a file that holds tests alone.
func parseCases(f *File, path string, src []byte) ([]Case, error) {
	if len(src) > maxBytes {
		return nil, Faults{{path, 1, 1, "the file is larger than 1 MiB", "divide it"}}
	}
	tree, err := readYAML(path, src)
	if err != nil {
		return nil, err
	}
	r := newReader(path)
	r.file.Tables, r.file.Events = f.Tables, f.Events
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			keys := r.fields(r.resolve(doc.Body), "the file", "tests")
			r.each(keys["tests"], "tests", r.testCase)
		}
	}
	if len(r.faults) > 0 {
		return nil, r.faults.sorted()
	}
	return r.file.Cases, nil
}

func (r *reader) testCase(p pair) {
	what := "test " + p.name
	pos := start(p.key).GetToken().Position
	c := Case{Name: p.name, Place: Fault{Path: r.path, Line: pos.Line, Column: pos.Column}}
	fields := r.fields(p.value, what, "before", "given", "expect")
	c.Before, c.Given = r.steps(fields["before"], "before of "+what), r.steps(fields["given"], "given of "+what)
	if fields["given"] == nil {
		r.fault(p.key, what+" has no given", "add given: and a write, as in given: { put: users, item: { id: u1 } }")
	}
	if fields["expect"] == nil {
		r.fault(p.key, what+" has no expect", "add expect: and events, as in expect: [ UserCreated: { id: u1 } ], or expect: [] for none")
	} else if s, isList := fields["expect"].(*ast.SequenceNode); !isList || len(s.Values) > 0 {
		for _, e := range list(fields["expect"]) {
			c.Expect = append(c.Expect, r.expected(e, "expect of "+what))
		}
	}
	r.file.Cases = append(r.file.Cases, c)
}

var doing = []string{"put", "delete", "expire", "change"}

func (r *reader) steps(n ast.Node, what string) (out []Step) {
	if n == nil {
		return nil
	}
	for _, e := range list(n) {
		if s, ok := r.step(e, what); ok {
			out = append(out, s)
		}
	}
	return out
}

func (r *reader) step(n ast.Node, what string) (s Step, ok bool) {
	fields := r.fields(n, what, append(slices.Clone(doing), "item", "key", "old", "new")...)
	for _, do := range doing {
		v, has := fields[do]
		if !has {
			continue
		}
		if s.Do != "" {
			r.fault(v, what+" is both "+s.Do+" and "+do, "write two elements of a list")
			return s, false
		}
		s.Do = do
		if s.Table, ok = r.text(v, do+" in "+what); ok {
			ok = r.table1(v, s.Table, what) != nil
		}
	}
	if s.Do == "" {
		r.fault(n, what+" does nothing", "write put, delete, expire or change and a table")
		return s, false
	}
	wants := map[string]map[string]*item.Item{
		"put": {"item": &s.Item}, "delete": {"key": &s.Key}, "expire": {"key": &s.Key}, "change": {"old": &s.Old, "new": &s.New},
	}[s.Do]
	for _, name := range []string{"item", "key", "old", "new"} {
		to, wanted := wants[name]
		v, has := fields[name]
		switch {
		case has && wanted:
			*to = r.item(v, name+" in "+what)
		case has:
			r.fault(v, s.Do+" in "+what+" takes no "+name, "remove it")
		case wanted && s.Do != "change":
			r.fault(n, s.Do+" in "+what+" has no "+name, "add "+name+": as in "+name+": { id: u1 }")
		}
	}
	if s.Do == "change" && s.Old == nil && s.New == nil {
		r.fault(n, "change in "+what+" has neither old nor new", "add one of them, or both")
	}
	return s, ok
}

// malformed says what is wrong with an item in the wire's form. The library words
// the same error now one way, now another.
func malformed(err error) string {
	var bad *json.SemanticError
	if errors.As(err, &bad) && bad.Err != nil {
		return "at " + strconv.Quote(string(bad.JSONPointer)) + ": " + bad.Err.Error()
	}
	return err.Error()
}

// item reads an item as plain values, or, under dynamodb:, in the wire's form,
// which has sets and binaries.
func (r *reader) item(n ast.Node, what string) item.Item {
	values, ok := entries(n)
	if !ok {
		r.fault(n, what+" must be a mapping", "write attributes, as in { id: u1 }")
		return nil
	}
	if len(values) == 1 && values[0].Key.String() == "dynamodb" {
		var it item.Map
		if err := json.Unmarshal(r.json(nil, values[0].Value, what), &it); err != nil {
			r.fault(n, what+": "+malformed(err), "write DynamoDB JSON, as in { id: { S: u1 } }")
		}
		return it
	}
	v, err := item.FromPlainJSON(r.json(nil, n, what))
	if err != nil {
		r.fault(n, what+": "+err.Error(), "write texts, numbers, true, false, null, lists and mappings")
	}
	return v.Map()
}

// expected reads NAME: DETAIL, or event, detail and match, or fails.
func (r *reader) expected(n ast.Node, what string) (e Expected) {
	if text, ok := n.(*ast.StringNode); ok {
		r.eventName(n, text.Value, what)
		return Expected{Event: text.Value}
	}
	values, ok := entries(n)
	if !ok || len(values) == 0 {
		r.fault(n, what+" must name events", "write UserCreated: { id: u1 }, or UserCreated for any detail")
		return e
	}
	first := strings.Trim(values[0].Key.String(), `"'`)
	if len(values) == 1 && first != "event" && first != "fails" {
		r.eventName(values[0].Key, first, what)
		return Expected{Event: first, Detail: r.json(nil, values[0].Value, what)}
	}
	fields := r.fields(n, what, "event", "detail", "match", "fails")
	if v, ok := fields["fails"]; ok {
		e.Fails, _ = r.text(v, "fails of "+what)
		return e
	}
	if v, ok := fields["event"]; ok {
		e.Event, _ = r.text(v, "event of "+what)
		r.eventName(v, e.Event, what)
	} else {
		r.fault(n, what+" has no event", "add event: and its name")
	}
	if v, ok := fields["detail"]; ok {
		e.Detail = r.json(nil, v, what)
	}
	if v, ok := fields["match"]; ok {
		e.Match = r.compiled(v, "match of "+what)
	}
	return e
}

// eventName checks that there is an event of that name.
func (r *reader) eventName(n ast.Node, name, what string) {
	var known []string
	for _, d := range r.file.Events {
		if d.Name == name {
			return
		}
		known = append(known, d.Name)
	}
	fix := "declare it under events"
	if near := nearest(name, known); near != "" {
		fix = "did you mean " + quoted(near) + "?"
	}
	r.fault(n, what+" names the event "+quoted(name)+", which does not exist", fix)
}
