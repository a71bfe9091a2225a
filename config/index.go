package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// index reads one secondary index of a table with the key schema.
func (r *reader) index(p pair, of string, t table.Spec) table.IndexSpec {
	what := "index " + p.name + " of " + of
	if !tableName.MatchString(p.name) {
		r.fault(p.key, quoted(p.name)+" is no index name", "use 3 to 255 letters, digits, _ . and -")
	}
	spec := table.IndexSpec{Name: p.name, Projection: table.ProjectAll}
	fields := r.fields(p.value, what, "key", "partition", "sort", "project", "local")
	if _, ok := entries(p.value); ok {
		spec.Schema = r.indexKey(p, what, fields, t)
	}
	if v, ok := fields["project"]; ok {
		r.projection(v, what, &spec)
	}
	if v, ok := fields["local"]; ok {
		spec.Local = r.boolean(v, "local of "+what)
		if spec.Local && (spec.Schema.Multi() || spec.Schema.Hash != t.Schema.Hash || !spec.Schema.HasRange() || !t.Schema.HasRange()) {
			r.fault(v, what+" is local, but its key is not the partition key of the table and another sort key", "start its key with "+t.Schema.Hash.Name+" and name a second attribute, in a table that has a sort key")
		}
	}
	return spec
}

// indexKey reads the key of an index: key, or partition and sort, each of up to four
// attributes, in a table with what was read of it before.
func (r *reader) indexKey(p pair, what string, fields map[string]ast.Node, of table.Spec) item.KeySchema {
	key, partition, sort := fields["key"], fields["partition"], fields["sort"]
	const fix = "write key: email, or key: \"team, joined\", or partition: \"team, office\" and sort: \"joined, email\""
	switch {
	case key != nil && (partition != nil || sort != nil):
		r.fault(p.key, what+" has a key and a partition or a sort", fix)
	case key != nil:
		schema := r.key(key, what)
		r.sameKinds(key, what, schema.Attrs(), of)
		return schema
	case partition == nil && sort != nil:
		r.fault(sort, what+" has a sort and no partition", fix)
	case partition == nil:
		r.fault(p.key, what+" has no key", "add key: email, or key: \"team, joined\"")
	default:
		hashes := r.keyAttributes(partition, "partition of "+what, item.MaxKeyParts, fix)
		var sorts []item.KeyAttr
		if sort != nil {
			sorts = r.keyAttributes(sort, "sort of "+what, item.MaxKeyParts, fix)
		}
		r.sameKinds(partition, what, hashes, of)
		r.sameKinds(sort, what, sorts, of)
		for _, a := range sorts {
			if slices.ContainsFunc(hashes, func(b item.KeyAttr) bool { return a.Name == b.Name }) {
				r.fault(sort, "sort of "+what+" names "+a.Name+", which is in partition", fix)
				return item.KeySchema{}
			}
		}
		if hashes != nil {
			return item.NewKeySchema(hashes, sorts)
		}
	}
	return item.KeySchema{}
}

// sameKinds refuses an attribute that has another type in the table's key or in an
// index that was read before: no item could have both.
func (r *reader) sameKinds(n ast.Node, what string, attrs []item.KeyAttr, of table.Spec) {
	for _, a := range attrs {
		if kind, where := keyKind(a.Name, of); where != "" && kind != a.Kind {
			r.fault(n, "attribute "+a.Name+" of "+what+" is "+a.Kind.String()+" here and "+kind.String()+" in "+where, "write { "+a.Name+": "+kind.String()+", … }")
		}
	}
}

// keyKind returns the type of a key attribute, and which key has it first.
func keyKind(name string, of table.Spec) (kind item.Kind, where string) {
	named := func(a item.KeyAttr) bool { return a.Name == name }
	attrs := of.Schema.Attrs()
	if i := slices.IndexFunc(attrs, named); i >= 0 {
		return attrs[i].Kind, "the table's key"
	}
	for _, x := range of.Indexes {
		attrs := x.Schema.Attrs()
		if i := slices.IndexFunc(attrs, named); i >= 0 {
			return attrs[i].Kind, "index " + x.Name
		}
	}
	return 0, ""
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
