package config

import (
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/mapping"
)

func (r *reader) event(p pair, f *File) {
	what := "event " + p.name
	d := mapping.Definition{Name: p.name, DetailType: p.name}
	fields := r.fields(p.value, what, "from", "on", "source", "detail-type", "detail", "bus", "start")
	r.from(p, fields["from"], f, &d)
	if v, ok := fields["on"]; ok {
		for _, e := range list(v) {
			if kind, ok := r.oneOf(e, "on of "+what, "insert", "modify", "remove", "expire"); ok {
				d.On = append(d.On, mapping.Kind(kind))
			}
		}
	}
	r.source(p, fields["source"], &d)
	if v, ok := fields["detail-type"]; ok {
		if s, ok := r.text(v, "detail-type of "+what); ok {
			d.DetailType = s
		}
	}
	if len(d.DetailType) > event.MaxDetailType {
		r.fault(p.key, "detail-type of "+what+" is longer than 128 characters", "shorten it")
	}
	d.Bus = r.bus(fields["bus"], what, f)
	if v, ok := fields["start"]; ok {
		if s, ok := r.oneOf(v, "start of "+what, "latest", "trim-horizon"); ok {
			d.FromHorizon = s == "trim-horizon"
		}
	}
	if v, ok := fields["detail"]; ok {
		if _, isMap := v.(*ast.MappingNode); !isMap {
			if _, isPair := v.(*ast.MappingValueNode); !isPair {
				r.fault(v, "detail of "+what+" must be a mapping", "write the members of the event's detail, as in detail: { id: \"${new.id}\" }")
				v = nil
			}
		}
		if v != nil {
			d.Detail = r.template(v, what)
		}
	}
	f.Events = append(f.Events, d)
}

// from reads the table of an event, which must be declared.
func (r *reader) from(p pair, n ast.Node, f *File, d *mapping.Definition) {
	if n == nil {
		r.fault(p.key, "event "+p.name+" has no table", "add from: and the name of a table")
		return
	}
	name, ok := r.text(n, "from of event "+p.name)
	if !ok {
		return
	}
	d.Table = name
	var known []string
	for _, t := range f.Tables {
		if t.Name == name {
			return
		}
		known = append(known, t.Name)
	}
	fix := "declare it under tables"
	if near := nearest(name, known); near != "" {
		fix = "did you mean \"" + near + "\"?"
	}
	r.fault(n, "event "+p.name+" is from table \""+name+"\", which does not exist", fix)
}

func (r *reader) source(p pair, n ast.Node, d *mapping.Definition) {
	if n == nil {
		r.fault(p.key, "event "+p.name+" has no source", "add source: and the name of the service, as in source: myapp.users")
		return
	}
	s, ok := r.text(n, "source of event "+p.name)
	switch {
	case !ok:
	case strings.HasPrefix(s, "aws."):
		r.fault(n, "source \""+s+"\" begins with aws., which is reserved", "use a name of your own, as in myapp.users")
	case s == "" || len(s) > event.MaxSource:
		r.fault(n, "source of event "+p.name+" must have 1 to 256 characters", "use a name as in myapp.users")
	}
	d.Source = s
}

// template reads a detail.
func (r *reader) template(n ast.Node, what string) *mapping.Template {
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		var names []string
		var values []*mapping.Template
		for _, p := range r.pairs(n, "detail of "+what) {
			names = append(names, p.name)
			values = append(values, r.template(p.value, what))
		}
		return mapping.Object(names, values)
	case *ast.SequenceNode:
		var values []*mapping.Template
		for _, e := range v.Values {
			values = append(values, r.template(e, what))
		}
		return mapping.Array(values)
	case *ast.StringNode:
		t, err := mapping.Text(v.Value)
		if err != nil {
			r.fault(n, "detail of "+what+": "+err.Error(), "")
			return mapping.Literal([]byte("null"))
		}
		return t
	}
	return mapping.Literal(r.literal(n))
}

// literal returns a scalar as JSON.
func (r *reader) literal(n ast.Node) []byte {
	var v any
	if err := yaml.NodeToValue(n, &v); err != nil {
		r.fault(n, "cannot be read: "+firstLine(err.Error()), "")
		return []byte("null")
	}
	out, err := json.Marshal(v)
	if err != nil {
		r.fault(n, "has no form in JSON: "+err.Error(), "")
		return []byte("null")
	}
	return out
}
