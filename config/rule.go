package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/target"
)

// Origin marks the rules and targets that a file declared.
const Origin = "config"

func (r *reader) rule(p pair, f *File) {
	what := "rule " + p.name
	if !ruleName.MatchString(p.name) {
		r.fault(p.key, "\""+p.name+"\" is no rule name", "use 1 to 64 letters, digits, _ . and -")
	}
	rule := bus.Rule{Name: p.name, Origin: Origin}
	fields := r.fields(p.value, what, "bus", "pattern", "description", "state", "targets")
	rule.Bus = r.bus(fields["bus"], what, f)
	if v, ok := fields["pattern"]; ok {
		rule.Pattern = r.pattern(v, what)
	} else {
		r.fault(p.key, what+" has no pattern", "add pattern: as in pattern: { source: [myapp.users] }")
	}
	if v, ok := fields["description"]; ok {
		rule.Description, _ = r.text(v, "description of "+what)
	}
	if v, ok := fields["state"]; ok {
		s, _ := r.oneOf(v, "state of "+what, "enabled", "disabled")
		rule.Disabled = s == "disabled"
	}
	if v, ok := fields["targets"]; ok {
		for i, n := range list(v) {
			t := r.target(n, what, i)
			if slices.ContainsFunc(rule.Targets, func(o bus.Target) bool { return o.ID == t.ID }) {
				r.fault(n, "two targets of "+what+" have the id \""+t.ID+"\"", "give each an id of its own")
			}
			rule.Targets = append(rule.Targets, t)
		}
	}
	if len(rule.Targets) > bus.MaxTargets {
		r.fault(p.key, what+" has more than 5 targets", "divide them over two rules")
	}
	f.Rules = append(f.Rules, rule)
}

// pattern reads an event pattern, as YAML or as JSON text.
func (r *reader) pattern(n ast.Node, what string) string {
	var src []byte
	if s, ok := n.(*ast.StringNode); ok {
		src = []byte(s.Value)
	} else if l, ok := n.(*ast.LiteralNode); ok {
		src = []byte(l.Value.Value)
	} else {
		src = r.json(nil, n)
	}
	if _, err := pattern.Compile(src); err != nil {
		msg := err.Error()
		var bad *pattern.Error
		if errors.As(err, &bad) {
			msg = bad.Msg
			if bad.Pointer != "" {
				msg += " at " + bad.Pointer
			}
		}
		r.fault(n, "pattern of "+what+" is not valid: "+msg, "docs/patterns.md tells the language")
	}
	return string(src)
}

// json writes a node as JSON, members in their order.
func (r *reader) json(dst []byte, n ast.Node) []byte {
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		dst = append(dst, '{')
		for i, p := range r.pairs(n, "a pattern") {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst, _ = jsontext.AppendQuote(dst, p.name)
			dst = r.json(append(dst, ':'), p.value)
		}
		return append(dst, '}')
	case *ast.SequenceNode:
		dst = append(dst, '[')
		for i, e := range v.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.json(dst, e)
		}
		return append(dst, ']')
	default:
		return append(dst, r.literal(n)...)
	}
}

// target reads one target of a rule.
func (r *reader) target(n ast.Node, what string, i int) bus.Target {
	t := bus.Target{ID: "target-" + strconv.Itoa(i+1), Origin: Origin}
	fields := r.fields(n, "target of "+what, "webhook", "log", "command", "id", "input", "input-path", "retry", "order")
	kinds := 0
	for _, kind := range []string{"webhook", "log", "command"} {
		v, ok := fields[kind]
		if !ok {
			continue
		}
		kinds++
		t.ARN = r.arn(kind, v, what)
		if _, err := target.Open(t.ARN, target.Options{Trusted: true}); t.ARN != "" && err != nil {
			r.fault(v, "target of "+what+": "+err.Error(), "")
		}
	}
	if kinds != 1 {
		r.fault(n, "a target of "+what+" must be exactly one of webhook, log and command", "write - webhook: URL, - log: NAME, or - command: [program, argument]")
	}
	if v, ok := fields["id"]; ok {
		if s, ok := r.text(v, "id of a target"); ok {
			t.ID = s
			if !ruleName.MatchString(s) {
				r.fault(v, "\""+s+"\" is no target id", "use 1 to 64 letters, digits, _ . and -")
			}
		}
	}
	if v, ok := fields["input"]; ok {
		t.Input = string(r.json(nil, v))
	}
	if v, ok := fields["input-path"]; ok {
		t.InputPath, _ = r.text(v, "input-path of a target")
	}
	if v, ok := fields["order"]; ok {
		b, isBool := v.(*ast.BoolNode)
		if !isBool {
			r.fault(v, "order of a target must be true or false", "")
		} else {
			t.Ordered = b.Value
		}
	}
	if v, ok := fields["retry"]; ok {
		r.retry(v, what, &t)
	}
	return t
}

// arn returns the address of a target of the kind.
func (r *reader) arn(kind string, n ast.Node, what string) string {
	if kind == "command" {
		var argv []string
		for _, e := range list(n) {
			if s, ok := r.text(e, "command of "+what); ok {
				argv = append(argv, s)
			}
		}
		b, _ := json.Marshal(argv)
		return "command:" + string(b)
	}
	s, ok := r.text(n, kind+" of "+what)
	if !ok {
		return ""
	}
	if kind == "log" {
		return "log:" + s
	}
	return s
}

func (r *reader) retry(n ast.Node, what string, t *bus.Target) {
	fields := r.fields(n, "retry of "+what, "attempts", "age")
	if v, ok := fields["attempts"]; ok {
		count, err := strconv.Atoi(strings.TrimSpace(v.String()))
		if err != nil || count < 1 || count > 186 {
			r.fault(v, "attempts of "+what+" must be a number from 1 to 186", "the default is 186")
		}
		count--
		t.MaxRetries = &count
	}
	if v, ok := fields["age"]; ok {
		s, _ := r.text(v, "age of "+what)
		d, err := time.ParseDuration(s)
		if err != nil || d < time.Minute || d > 24*time.Hour {
			r.fault(v, "age of "+what+" must be from 1m to 24h", "write it as 90s, 10m or 2h")
		}
		t.MaxAgeSeconds = int(d / time.Second)
	}
}
