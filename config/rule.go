package config

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/bus/schedule"
)

// Origin marks the rules, targets and buses that a file declared.
const Origin = "config"

// maxDescription is the most characters of a rule's description.
const maxDescription = 512

var ruleName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

func (r *reader) rule(p pair) {
	what := "rule " + p.name
	r.ruleName(p, "rule")
	rule := bus.Rule{Name: p.name, Origin: Origin}
	fields := r.fields(p.value, what, "bus", "pattern", "schedule", "description", "state", "targets")
	if _, ok := entries(p.value); !ok {
		return
	}
	rule.Bus = r.bus(fields["bus"], what)
	v, hasPattern := fields["pattern"]
	if hasPattern {
		rule.Pattern = r.pattern(v, what)
	}
	if v, ok := fields["schedule"]; ok {
		rule.Schedule = r.schedule(v, what, rule.Bus)
	} else if !hasPattern {
		r.fault(p.key, what+" has neither pattern nor schedule", "add pattern: as in pattern: { source: [myapp.users] }")
	}
	if v, ok := fields["description"]; ok {
		rule.Description, _ = r.text(v, "description of "+what)
		if utf8.RuneCountInString(rule.Description) > maxDescription {
			r.fault(v, "description of "+what+" is longer than "+strconv.Itoa(maxDescription)+" characters", "shorten it")
		}
	}
	if v, ok := fields["state"]; ok {
		s, _ := r.oneOf(v, "state of "+what, "enabled", "disabled")
		rule.Disabled = s == "disabled"
	}
	if v, ok := fields["targets"]; ok {
		rule.Targets = r.targets(v, what)
	}
	r.file.Rules = append(r.file.Rules, rule)
}

// schedule reads when a rule fires.
func (r *reader) schedule(n ast.Node, what, on string) string {
	text, ok := r.text(n, "schedule of "+what)
	if !ok {
		return text
	}
	if _, err := schedule.Parse(text); err != nil {
		r.fault(n, "schedule of "+what+" is "+quoted(text), "write rate(5 minutes), or cron(0 9 ? * MON-FRI *)")
	}
	if on != bus.Default {
		r.fault(n, what+" has a schedule and is on bus "+on, "leave out bus:, as schedules are on the default bus")
	}
	return text
}

// targets reads a list of targets, or one.
func (r *reader) targets(n ast.Node, what string) []bus.Target {
	var out []bus.Target
	for _, e := range list(n) {
		t, ok := r.target(e, what)
		if !ok {
			continue
		}
		if slices.ContainsFunc(out, func(o bus.Target) bool { return o.ID == t.ID }) {
			r.fault(e, "two targets of "+what+" have the id "+quoted(t.ID), "give each an id: of its own")
		}
		out = append(out, t)
	}
	if most := cmp.Or(r.file.Quotas.Targets, bus.MaxTargets); len(out) > most {
		r.fault(n, what+" has more than "+strconv.Itoa(most)+" targets", "divide them over two rules, or raise targets: of quotas:")
	}
	return out
}
