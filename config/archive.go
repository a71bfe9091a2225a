package config

import (
	"regexp"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/bus"
)

var archiveName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,48}$`)

// maxDays is the longest retention of an archive, in days.
const maxDays = 1<<31 - 1

// archive reads an archive of a bus.
func (r *reader) archive(p pair) {
	what := "archive " + p.name
	if !archiveName.MatchString(p.name) {
		r.fault(p.key, quoted(p.name)+" is no archive name", "use 1 to 48 letters, digits, _ . and -")
	}
	a := bus.Archive{Name: p.name, Bus: bus.Default}
	fields := r.fields(p.value, what, "bus", "pattern", "description", "retention-days")
	a.Bus = r.bus(fields["bus"], what)
	if v, ok := fields["pattern"]; ok {
		a.Pattern = r.pattern(v, what)
	}
	if v, ok := fields["description"]; ok {
		a.Description, _ = r.text(v, "description of "+what)
	}
	if v, ok := fields["retention-days"]; ok {
		a.RetentionDays = r.number(v, "retention-days of "+what, maxDays)
	}
	r.file.Archives = append(r.file.Archives, a)
}

// PutEvents says how a node takes events from producers.
type PutEvents struct {
	// Refuse makes events for buses that do not exist fail, which AWS answers as a
	// success and loses.
	Refuse bool
	// Deduplication is how long a deduplication id counts; 0 is the default.
	Deduplication time.Duration
	// MaxBytes bounds the sizes of the entries of a request, added up; 0 is the
	// default.
	MaxBytes int
}

// Quotas bound what a node keeps; 0 is the default, EventBridge's own quota.
type Quotas struct {
	Buses   int // in all
	Rules   int // of a bus
	Targets int // of a rule
}

// Limits of quotas.
const (
	maxBuses   = 10_000
	maxRules   = 100_000
	maxTargets = 100
)

func (r *reader) quotas(n ast.Node) {
	if n == nil {
		return
	}
	fields := r.fields(n, "quotas", "buses", "rules", "targets")
	q := &r.file.Quotas
	for _, x := range []struct {
		key  string
		to   *int
		high int
	}{{"buses", &q.Buses, maxBuses}, {"rules", &q.Rules, maxRules}, {"targets", &q.Targets, maxTargets}} {
		if v, ok := fields[x.key]; ok {
			*x.to = r.number(v, x.key+" of quotas", x.high)
		}
	}
}

func (r *reader) putEvents(n ast.Node) {
	if n == nil {
		return
	}
	fields := r.fields(n, "put-events", "missing-bus", "deduplication", "max-size")
	if v, ok := fields["missing-bus"]; ok {
		text, _ := r.oneOf(v, "missing-bus of put-events", "accept", "refuse")
		r.file.PutEvents.Refuse = text == "refuse"
	}
	if v, ok := fields["max-size"]; ok {
		text, _ := r.oneOf(v, "max-size of put-events", "256KB", "1MB")
		r.file.PutEvents.MaxBytes = map[string]int{"256KB": 256 << 10, "1MB": 1 << 20}[text]
	}
	if v, ok := fields["deduplication"]; ok {
		r.file.PutEvents.Deduplication = r.span(v, "deduplication of put-events", time.Minute, 24*time.Hour)
	}
}
