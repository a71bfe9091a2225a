// Package config reads tablecast.yaml: tables, what their changes mean, and who
// hears of it. It reports every fault of a file at once, each with its place
// and what to write instead, and turns a good file into the domain's own types.
//
//	tables:
//	  NAME: { key: ATTRIBUTE[, ATTRIBUTE], stream: VIEW }
//	buses: [NAME, …]
//	events:
//	  NAME: { from: TABLE, on: KIND, source: TEXT, detail-type: TEXT, bus: NAME, start: POSITION, detail: TEMPLATE }
//	rules:
//	  NAME: { bus: NAME, pattern: PATTERN, targets: [ { webhook: URL } | { log: NAME } | { command: [ARGV] } ] }
//
// docs/mapping.md is the specification of the file.
package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

// A File is what tablecast.yaml declares.
type File struct {
	Path   string
	Tables []table.Spec
	Buses  []string
	Events []mapping.Definition
	Rules  []bus.Rule
}

// A Fault is one mistake in a file.
type Fault struct {
	Path         string
	Line, Column int
	Msg          string
	Fix          string // what to write instead
}

func (f Fault) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.Path, f.Line, f.Column, f.Msg)
	if f.Fix != "" {
		s += "; " + f.Fix
	}
	return s
}

// Faults are all mistakes of a file, in the order of their places.
type Faults []Fault

// Error lists the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
