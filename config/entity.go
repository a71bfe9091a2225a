package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

// entities reads the kinds of items that a table holds.
func (r *reader) entities(n ast.Node, spec *table.Spec) []mapping.Entity {
	var out []mapping.Entity
	for _, p := range r.pairs(n, "entities of table "+spec.Name) {
		what := "entity " + p.name + " of table " + spec.Name
		var forms []mapping.Form
		for _, a := range r.pairs(p.value, what) {
			text, ok := r.text(a.value, a.name+" of "+what)
			if !ok {
				continue
			}
			form, err := mapping.ParseForm(a.name, text)
			if err != nil {
				r.fault(a.value, a.name+" of "+what+": "+err.Error(), "")
				continue
			}
			for _, part := range form.Parts() {
				if part == spec.Schema.Hash.Name || part == spec.Schema.Range.Name {
					r.fault(a.value, "a part of "+what+" is called "+part+" like a key attribute", "give it another name, as in {"+part+"Id}")
				}
			}
			forms = append(forms, form)
		}
		entity, err := mapping.NewEntity(p.name, forms...)
		if err != nil {
			r.fault(p.key, what+": "+err.Error(), "write the form of a key attribute, as in pk: \"USER#{userId}\", or the value of another one, as in type: order")
			continue
		}
		out = append(out, entity)
	}
	return out
}

// entity reads the name of an entity that each of the tables has.
func (r *reader) entity(n ast.Node, what string, from []*table.Spec) string {
	name, ok := r.text(n, "entity of "+what)
	if !ok {
		return ""
	}
	for _, t := range from {
		entities := r.file.Entities[t.Name]
		if slices.ContainsFunc(entities, func(e mapping.Entity) bool { return e.Name == name }) {
			continue
		}
		var known []string
		for _, e := range entities {
			known = append(known, e.Name)
		}
		fix := "declare it under entities of the table"
		if near := nearest(name, known); near != "" {
			fix = "did you mean " + quoted(near) + "?"
		}
		r.fault(n, "entity of "+what+" is "+quoted(name)+", which table "+t.Name+" does not have", fix)
	}
	return name
}
