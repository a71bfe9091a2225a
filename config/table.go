package config

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// viewNames are the views as the file names them.
var viewNames = []string{"keys-only", "new-image", "old-image", "new-and-old-images"}

var views = map[string]stream.View{
	"keys-only": stream.KeysOnly, "new-image": stream.NewImage, "old-image": stream.OldImage, "new-and-old-images": stream.NewAndOldImages,
}

func (r *reader) table(p pair) {
	what := "table " + p.name
	if !tableName.MatchString(p.name) {
		r.fault(p.key, quoted(p.name)+" is no table name", "use 3 to 255 letters, digits, _ . and -")
	}
	spec := table.Spec{Name: p.name, Billing: table.PayPerRequest}
	fields := r.fields(p.value, what, "key", "stream", "ttl", "expire-by-ttl", "indexes", "entities", "attributes")
	if key, ok := fields["key"]; ok {
		spec.Schema = r.key(key, what)
	} else if _, ok := entries(p.value); ok {
		r.fault(p.key, what+" has no key", "add key: id, or key: \"pk, sk\"")
	}
	if v, ok := fields["stream"]; ok {
		if name, ok := r.oneOf(v, "stream of "+what, viewNames...); ok {
			spec.View = views[name]
		}
	}
	if v, ok := fields["ttl"]; ok {
		spec.TTL = r.attribute(v, "ttl of "+what, "write ttl: expiresAt")
	}
	if v, ok := fields["expire-by-ttl"]; ok && r.boolean(v, "expire-by-ttl of "+what) {
		if r.file.ExpireBy[p.name] = spec.TTL; spec.TTL == "" {
			r.fault(v, what+" has expire-by-ttl without ttl", "write ttl: and the attribute, as in ttl: expiresAt")
		}
	}
	if v, ok := fields["entities"]; ok {
		r.file.Entities[p.name] = r.entities(v, &spec)
	}
	if v, ok := fields["attributes"]; ok {
		r.file.Attributes[p.name] = r.attributes(v, what)
	}
	if v, ok := fields["indexes"]; ok {
		for _, x := range r.pairs(v, "indexes of "+what) {
			spec.Indexes = append(spec.Indexes, r.index(x, what, spec.Schema))
		}
		r.indexLimits(v, what, spec)
	}
	r.file.Tables = append(r.file.Tables, spec)
}

// key reads "pk, sk", whose attributes are strings, or a mapping of attributes
// to S, N or B.
func (r *reader) key(n ast.Node, what string) item.KeySchema {
	var attrs []item.KeyAttr
	if _, isMapping := entries(n); isMapping {
		for _, p := range r.pairs(n, "key of "+what) {
			kind, ok := r.oneOf(p.value, "type of key attribute "+p.name, "S", "N", "B")
			if !ok {
				kind = "S"
			}
			attrs = append(attrs, item.KeyAttr{Name: p.name, Kind: item.ParseKind(kind)})
		}
	} else {
		text, ok := r.text(n, "key of "+what)
		if !ok {
			return item.KeySchema{}
		}
		for name := range strings.SplitSeq(text, ",") {
			attrs = append(attrs, item.KeyAttr{Name: strings.TrimSpace(name), Kind: item.String})
		}
	}
	for _, a := range attrs {
		if a.Name == "" || len(a.Name) > 255 {
			r.fault(n, "key of "+what+" has an attribute name of 0 or more than 255 bytes", "write key: id, or key: \"pk, sk\"")
			return item.KeySchema{}
		}
	}
	if len(attrs) < 1 || len(attrs) > 2 || len(attrs) == 2 && attrs[0].Name == attrs[1].Name {
		r.fault(n, "key of "+what+" must name one or two attributes", "write key: id, or key: \"pk, sk\"")
		return item.KeySchema{}
	}
	schema := item.KeySchema{Hash: attrs[0]}
	if len(attrs) == 2 {
		schema.Range = attrs[1]
	}
	return schema
}
