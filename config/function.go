package config

import (
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/local"
)

var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// Limits of functions.
const (
	maxTimeout     = 15 * time.Minute
	maxMemory      = 10240 // MiB
	maxConcurrency = 1000
)

// function reads one function. Relative paths start at the file's folder.
func (r *reader) function(p pair) {
	what := "function " + p.name
	if !functionName.MatchString(p.name) {
		r.fault(p.key, quoted(p.name)+" is no function name", "use 1 to 64 letters, digits, _ and -")
	}
	spec := process.Spec{Name: p.name}
	fields := r.fields(p.value, what, "dir", "binary", "handler", "runtime", "env", "timeout", "memory", "concurrency", "from")
	text := func(key string) string {
		if v, ok := fields[key]; ok {
			s, _ := r.text(v, key+" of "+what)
			return s
		}
		return ""
	}
	spec.Dir, spec.Binary, spec.Handler, spec.Runtime = r.fromFile(text("dir")), text("binary"), text("handler"), text("runtime")
	if _, ok := entries(p.value); ok && spec.Handler == "" && spec.Binary == "" && spec.Runtime == "" {
		r.fault(p.key, what+" does not say what runs", "add handler: index.handler, or binary: NAME")
	}
	if spec.Dir == "" {
		spec.Dir = filepath.Dir(r.path)
	}
	if v, ok := fields["env"]; ok {
		spec.Env = map[string]string{}
		r.each(v, "env of "+what, func(e pair) { spec.Env[e.name] = r.functionVariable(e, what) })
	}
	if v, ok := fields["timeout"]; ok {
		spec.Timeout = r.timeout(v, what)
	}
	if v, ok := fields["memory"]; ok {
		spec.MemoryMB = r.number(v, "memory of "+what, maxMemory)
	}
	if v, ok := fields["concurrency"]; ok {
		spec.Concurrency = r.number(v, "concurrency of "+what, maxConcurrency)
	}
	if len(r.file.Functions) == 0 {
		pos := p.key.GetToken().Position
		r.file.FunctionsAt = Fault{Path: r.path, Line: pos.Line, Column: pos.Column}
	}
	r.file.Functions = append(r.file.Functions, spec)
	if v, ok := fields["from"]; ok {
		r.feeds(p.name, v)
	}
}

// fromFile returns a path that starts at the file's folder.
func (r *reader) fromFile(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.path), path)
}

// functionVariable reads one variable of a function's environment.
func (r *reader) functionVariable(e pair, what string) string {
	if process.ReservedEnv(e.name) {
		r.fault(e.key, "env of "+what+" sets "+e.name+", which Lambda reserves", "use another name")
	}
	s, _ := r.withheldText(e.value, e.name+" in env of "+what)
	return s
}

func (r *reader) timeout(n ast.Node, what string) time.Duration {
	d, err := time.ParseDuration(n.GetToken().Value)
	if err != nil || d < time.Second || d > maxTimeout {
		r.fault(n, "timeout of "+what+" is "+quoted(n.GetToken().Value), "write 1s to 15m, as in 30s")
	}
	return d
}

// number reads a whole number from 1 to high.
func (r *reader) number(n ast.Node, what string, high int) int {
	v, err := strconv.Atoi(n.GetToken().Value)
	if _, isInt := n.(*ast.IntegerNode); !isInt || err != nil || v < 1 || v > high {
		r.fault(n, what+" must be a number from 1 to "+strconv.Itoa(high), "leave it out for the default")
	}
	return v
}

// functionARN returns the address of the function that a target names.
func (r *reader) functionARN(n ast.Node, what string) (string, bool) {
	name, ok := r.declared(n, "function of "+what)
	return local.ARN("lambda", r.file.Region, r.file.Account, "function:"+name), ok
}

// declared reads the name of a function that the file declares.
func (r *reader) declared(n ast.Node, what string) (string, bool) {
	var names []string
	for _, f := range r.file.Functions {
		names = append(names, f.Name)
	}
	return r.known(n, what, names, "functions")
}
