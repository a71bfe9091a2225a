package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// index reads one secondary index of a table with the key schema.
func (r *reader) index(p pair, of string, schema item.KeySchema) table.IndexSpec {
	what := "index " + p.name + " of " + of
	if !tableName.MatchString(p.name) {
		r.fault(p.key, quoted(p.name)+" is no index name", "use 3 to 255 letters, digits, _ . and -")
	}
	spec := table.IndexSpec{Name: p.name, Projection: table.ProjectAll}
	fields := r.fields(p.value, what, "key", "project", "local")
	if key, ok := fields["key"]; ok {
		spec.Schema = r.key(key, what)
		r.sameKinds(key, what, spec.Schema, schema)
	} else if _, ok := entries(p.value); ok {
		r.fault(p.key, what+" has no key", "add key: email, or key: \"team, joined\"")
	}
	if v, ok := fields["project"]; ok {
		r.projection(v, what, &spec)
	}
	if v, ok := fields["local"]; ok {
		spec.Local = r.boolean(v, "local of "+what)
		if spec.Local && (spec.Schema.Hash != schema.Hash || !spec.Schema.HasRange() || !schema.HasRange()) {
			r.fault(v, what+" is local, but its key is not the partition key of the table and another sort key", "start its key with "+schema.Hash.Name+" and name a second attribute, in a table that has a sort key")
		}
	}
	return spec
}

// sameKinds refuses an attribute that has one type in the table's key and
// another in an index.
func (r *reader) sameKinds(n ast.Node, what string, index, of item.KeySchema) {
	for _, a := range index.Attrs() {
		for _, b := range of.Attrs() {
			if a.Name == b.Name && a.Kind != b.Kind {
				r.fault(n, "attribute "+a.Name+" of "+what+" is "+a.Kind.String()+" here and "+b.Kind.String()+" in the table's key", "write key: { "+a.Name+": "+b.Kind.String()+", … }")
			}
		}
	}
}

// projection reads all, keys, or the attributes that an index holds beside the
// keys.
func (r *reader) projection(n ast.Node, what string, spec *table.IndexSpec) {
	if list, ok := n.(*ast.SequenceNode); ok {
		spec.Projection = table.ProjectSome
		for _, e := range list.Values {
			spec.Include = append(spec.Include, r.attribute(e, "project of "+what, "write project: [name, email]"))
		}
		if len(list.Values) == 0 {
			r.fault(n, "project of "+what+" is empty", "write project: keys")
		}
		return
	}
	if name, _ := r.oneOf(n, "project of "+what, "all", "keys"); name == "keys" {
		spec.Projection = table.ProjectKeys
	}
}

// attribute reads the name of an attribute.
func (r *reader) attribute(n ast.Node, what, fix string) string {
	name, ok := r.text(n, what)
	if ok && (name == "" || len(name) > 255) {
		r.fault(n, what+" is an attribute name of 0 or more than 255 bytes", fix)
	}
	return name
}

// indexLimits refuses more indexes than a table may have.
func (r *reader) indexLimits(n ast.Node, what string, spec table.Spec) {
	local := 0
	for _, x := range spec.Indexes {
		if x.Local {
			local++
		}
	}
	if global := len(spec.Indexes) - local; local > table.MaxLocalIndexes || global > table.MaxGlobalIndexes {
		r.fault(n, "too many indexes of "+what, "keep at most 20, and 5 local ones")
	}
}
