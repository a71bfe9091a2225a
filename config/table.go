package config

import (
	"regexp"
	"slices"
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
			spec.Indexes = append(spec.Indexes, r.index(x, what, spec))
		}
		r.indexLimits(v, what, spec)
	}
	r.file.Tables = append(r.file.Tables, spec)
}

// key reads the key of a table, or of an index that has one or two attributes.
func (r *reader) key(n ast.Node, what string) item.KeySchema {
	attrs := r.keyAttributes(n, "key of "+what, 2, "write key: id, or key: \"pk, sk\"")
	switch len(attrs) {
	case 0:
		return item.KeySchema{}
	case 1:
		return item.KeySchema{Hash: attrs[0]}
	default:
		return item.KeySchema{Hash: attrs[0], Range: attrs[1]}
	}
}

// keyAttributes reads "a, b", whose attributes are strings, or a mapping of attributes
// to S, N or B. It returns nil if that is no list of one to most attributes.
func (r *reader) keyAttributes(n ast.Node, what string, most int, fix string) []item.KeyAttr {
	var attrs []item.KeyAttr
	if _, isMapping := entries(n); isMapping {
		for _, p := range r.pairs(n, what) {
			kind, ok := r.oneOf(p.value, "type of key attribute "+p.name, "S", "N", "B")
			if !ok {
				kind = "S"
			}
			attrs = append(attrs, item.KeyAttr{Name: p.name, Kind: item.ParseKind(kind)})
		}
	} else {
		text, ok := r.text(n, what)
		if !ok {
			return nil
		}
		for name := range strings.SplitSeq(text, ",") {
			attrs = append(attrs, item.KeyAttr{Name: strings.TrimSpace(name), Kind: item.String})
		}
	}
	for i, a := range attrs {
		if a.Name == "" || len(a.Name) > 255 {
			r.fault(n, what+" has an attribute name of 0 or more than 255 bytes", fix)
			return nil
		}
		if slices.ContainsFunc(attrs[:i], func(b item.KeyAttr) bool { return a.Name == b.Name }) {
			attrs = nil
			break
		}
	}
	if len(attrs) < 1 || len(attrs) > most {
		many := map[int]string{2: "one or two attributes", item.MaxKeyParts: "one to four different attributes"}[most]
		r.fault(n, what+" must name "+many, fix)
		return nil
	}
	return attrs
}
