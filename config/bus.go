package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/bus"
)

var busName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,256}$`)

// buses reads a list of names, or a mapping from names to nothing.
func (r *reader) buses(n ast.Node) {
	if n == nil {
		return
	}
	if s, ok := n.(*ast.SequenceNode); ok {
		for _, e := range s.Values {
			if name, ok := r.text(e, "a bus"); ok {
				r.addBus(e, name)
			}
		}
		return
	}
	if _, ok := entries(n); !ok {
		r.fault(n, "buses must be a list of names", "write buses: [main]")
		return
	}
	for _, p := range r.pairs(n, "buses") {
		if values, ok := entries(p.value); !ok || len(values) > 0 {
			r.fault(p.value, "bus "+p.name+" has no settings", "write "+p.name+": with nothing after it, or buses: ["+p.name+"]")
		}
		r.addBus(p.key, p.name)
	}
}

func (r *reader) addBus(n ast.Node, name string) {
	switch {
	case !busName.MatchString(name):
		r.fault(n, quoted(name)+" is no bus name", "use 1 to 256 letters, digits, _ . and -")
	case slices.Contains(r.file.Buses, name):
		r.fault(n, quoted(name)+" stands twice in buses", "remove one of them")
	}
	r.file.Buses = append(r.file.Buses, name)
}

// bus reads the name of a bus that must exist; nil is the default bus.
func (r *reader) bus(n ast.Node, what string) string {
	if n == nil {
		return bus.Default
	}
	name, ok := r.text(n, "bus of "+what)
	known := r.file.Buses
	if !slices.Contains(known, bus.Default) {
		known = append([]string{bus.Default}, known...)
	}
	if ok && !slices.Contains(known, name) {
		fix := "add it to buses, or use one of " + strings.Join(known, ", ")
		if near := nearest(name, known); near != "" {
			fix = "did you mean " + quoted(near) + "?"
		}
		r.fault(n, what+" names bus "+quoted(name)+", which is not declared", fix)
	}
	return name
}
