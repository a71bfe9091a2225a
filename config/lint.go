package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

// A use is a path that something reads from a table's items.
type use struct {
	place Fault
	table string
	path  mapping.Path
}

// use notes the paths that a node reads.
func (r *reader) use(n ast.Node, from []*table.Spec, paths ...mapping.Path) {
	pos := start(n).GetToken().Position
	for _, t := range from {
		for _, p := range paths {
			r.file.uses = append(r.file.uses, use{Fault{Path: r.path, Line: pos.Line, Column: pos.Column}, t.Name, p})
		}
	}
}

// Warnings returns the paths that no item is known to have, each with the
// nearest name that one has: a typo, most likely. What items have is what the
// file declares under attributes, and what samples hold, by table; tables
// without either are not looked at.
func (f *File) Warnings(samples map[string][]item.Item) []Fault {
	known := map[string][]mapping.Path{}
	for _, t := range f.Tables {
		declared := f.Attributes[t.Name]
		if len(declared)+len(samples[t.Name]) == 0 {
			continue
		}
		known[t.Name] = append(slices.Clip(declared), implied(t, f.Entities[t.Name])...)
	}
	var out Faults
	for _, u := range f.uses {
		paths, looked := known[u.table]
		if !looked || slices.ContainsFunc(paths, u.path.Within) || slices.ContainsFunc(samples[u.table], u.path.In) {
			continue
		}
		candidates := pathNames(paths, samples[u.table])
		w := u.place
		w.Msg = "no item of table " + u.table + " is known to have " + quoted(u.path.String())
		w.Fix = "add it to attributes of the table if it is right"
		if near := nearest(u.path.Names(), candidates); near != "" {
			w.Fix = "did you mean " + quoted(near) + "?"
		}
		out = append(out, w)
	}
	return out.sorted()
}

// implied returns the attributes that a table's own declaration names.
func implied(t table.Spec, entities []mapping.Entity) []mapping.Path {
	var out []mapping.Path
	add := func(name string) {
		if name != "" {
			out = append(out, mapping.AttributePath(name))
		}
	}
	keys := t.Schema.Attrs()
	for _, x := range t.Indexes {
		keys = append(keys, x.Schema.Attrs()...)
	}
	for _, a := range keys {
		add(a.Name)
	}
	add(t.TTL)
	for _, e := range entities {
		for _, form := range e.Forms {
			add(form.Attribute)
		}
	}
	return out
}

// pathNames returns the paths of names that are known.
func pathNames(paths []mapping.Path, samples []item.Item) []string {
	var out []string
	for _, p := range paths {
		out = append(out, p.Names())
	}
	var walk func(prefix string, m item.Map)
	walk = func(prefix string, m item.Map) {
		for _, f := range m {
			out = append(out, prefix+f.Name)
			walk(prefix+f.Name+".", f.Value.Map())
		}
	}
	for _, it := range samples {
		walk("", it)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// attributes reads the paths that items of a table may have.
func (r *reader) attributes(n ast.Node, what string) []mapping.Path {
	var out []mapping.Path
	for _, x := range list(n) {
		text, ok := r.text(x, "attributes of "+what)
		if !ok {
			continue
		}
		p, err := mapping.ParsePath(text)
		if err != nil {
			r.fault(x, "attributes of "+what+": "+err.Error(), "")
			continue
		}
		out = append(out, p)
	}
	return out
}
