package config

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

func (r *reader) event(p pair) {
	what := "event " + p.name
	d := mapping.Definition{Name: p.name, DetailType: p.name}
	if p.name == "" {
		r.fault(p.key, "an event has an empty name", "name what happened, as in UserCreated")
	}
	fields := r.fields(p.value, what, "from", "on", "changed", "source", "detail-type", "detail", "bus", "start")
	if _, ok := entries(p.value); !ok {
		return
	}
	from := r.from(p, fields["from"], &d)
	r.on(fields["on"], what, &d)
	r.changed(fields["changed"], what, from, &d)
	r.source(fields["source"], what, &d)
	at := p.key
	if v, ok := fields["detail-type"]; ok {
		at = v
		d.DetailType, _ = r.text(v, "detail-type of "+what)
	}
	if n := utf8.RuneCountInString(d.DetailType); n > event.MaxDetailType {
		r.fault(at, "detail-type of "+what+" is longer than 128 characters", "shorten it")
	}
	d.Bus = r.bus(fields["bus"], what)
	if v, ok := fields["start"]; ok {
		s, _ := r.oneOf(v, "start of "+what, "latest", "trim-horizon")
		d.FromHorizon = s == "trim-horizon"
	}
	if v, ok := fields["detail"]; ok {
		d.Detail = r.detail(v, what, from)
	}
	r.file.Events = append(r.file.Events, d)
}

// from reads the table of an event, which must be declared; nil if it is not.
func (r *reader) from(p pair, n ast.Node, d *mapping.Definition) *table.Spec {
	if n == nil {
		r.fault(p.key, "event "+p.name+" has no table", "add from: and the name of a table")
		return nil
	}
	name, ok := r.text(n, "from of event "+p.name)
	if !ok {
		return nil
	}
	d.Table = name
	var known []string
	for i := range r.file.Tables {
		if r.file.Tables[i].Name == name {
			return &r.file.Tables[i]
		}
		known = append(known, r.file.Tables[i].Name)
	}
	fix := "declare it under tables"
	if near := nearest(name, known); near != "" {
		fix = "did you mean " + quoted(near) + "?"
	}
	r.fault(n, "event "+p.name+" is from table "+quoted(name)+", which does not exist", fix)
	return nil
}

func (r *reader) on(n ast.Node, what string, d *mapping.Definition) {
	if n == nil {
		return
	}
	for _, e := range list(n) {
		kind, ok := r.oneOf(e, "on of "+what, "insert", "modify", "remove", "expire")
		if ok && slices.Contains(d.On, mapping.Kind(kind)) {
			r.fault(e, quoted(kind)+" stands twice in on of "+what, "remove one of them")
		} else if ok {
			d.On = append(d.On, mapping.Kind(kind))
		}
	}
	if len(list(n)) == 0 {
		r.fault(n, "on of "+what+" is empty", "name insert, modify, remove or expire, or remove the key")
	}
}

// changed reads one attribute path or several.
func (r *reader) changed(n ast.Node, what string, from *table.Spec, d *mapping.Definition) {
	if n == nil {
		return
	}
	for _, e := range list(n) {
		text, ok := r.text(e, "changed of "+what)
		if !ok {
			continue
		}
		path, err := mapping.ParsePath(text)
		if err != nil {
			r.fault(e, "changed of "+what+": "+err.Error(), "")
			continue
		}
		d.Changed = append(d.Changed, path)
	}
	if len(list(n)) == 0 {
		r.fault(n, "changed of "+what+" is empty", "name an attribute, or remove the key")
	}
	r.needs(n, "changed of "+what+" compares new and old", from, true, true)
}

// needs checks that the stream of an event's table has the images that are
// read.
func (r *reader) needs(n ast.Node, what string, from *table.Spec, after, before bool) {
	if from == nil || from.View == "" || (!after || from.View.HasNew()) && (!before || from.View.HasOld()) {
		return
	}
	r.fault(n, what+", which stream "+viewName(from.View)+" of table "+from.Name+" does not have", "write stream: new-and-old-images")
}

func viewName(v stream.View) string {
	i := slices.IndexFunc(viewNames, func(name string) bool { return views[name] == v })
	return viewNames[i]
}

// source reads who raises the event. The default is tablecast. and the table.
func (r *reader) source(n ast.Node, what string, d *mapping.Definition) {
	if n == nil {
		d.Source = "tablecast." + d.Table
		return
	}
	s, ok := r.text(n, "source of "+what)
	switch {
	case !ok:
	case strings.HasPrefix(s, "aws."):
		r.fault(n, "source "+quoted(s)+" begins with aws., which is reserved", "use a name of your own, as in myapp.users")
	case s == "" || utf8.RuneCountInString(s) > event.MaxSource:
		r.fault(n, "source of "+what+" must have 1 to 256 characters", "use a name as in myapp.users")
	}
	d.Source = s
}
