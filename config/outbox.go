package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/table"
)

// outboxName is the name of the definitions of outboxes.
const outboxName = "outbox"

// outbox reads a table whose items are events.
func (r *reader) outbox(p pair) {
	what := "outbox " + p.name
	from := r.table1(p.key, p.name, what)
	fields := r.fields(p.value, what, append([]string{"entity", "source", "detail-type", "payload", "group", "time", "after", "bus", "start"}, shapeKeys...)...)
	if from == nil {
		return
	}
	e := &eventReader{reader: r, what: what, from: []*table.Spec{from}, d: mapping.Definition{
		Name: outboxName, Source: "tablecast." + p.name, DetailType: outboxName, Shape: r.shape, FromHorizon: true, Outbox: &mapping.Outbox{Delete: true},
	}}
	if v, ok := fields["entity"]; ok {
		e.d.Entity = r.entity(v, what, e.from)
	}
	o := e.d.Outbox
	o.Source, o.Type, o.Payload = e.attribute(fields["source"], "source", "source"), e.attribute(fields["detail-type"], "detail-type", "type"), e.attribute(fields["payload"], "payload", "payload")
	o.Group, o.Time = e.attribute(fields["group"], "group", ""), e.attribute(fields["time"], "time", "")
	if v, ok := fields["after"]; ok {
		s, _ := r.oneOf(v, "after of "+what, "delete", "keep")
		o.Delete = s != "keep"
	}
	if v, ok := fields["start"]; ok {
		s, _ := r.oneOf(v, "start of "+what, "latest", "trim-horizon")
		e.d.FromHorizon = s != "latest"
	}
	e.d.Bus = r.bus(fields["bus"], what)
	e.needs(p.key, what+" reads new", true, false)
	r.readShape(fields, what, &e.d.Shape)
	d := e.d
	d.Table = from.Name
	r.file.Events = append(r.file.Events, d)
}

// attribute reads the path of an attribute of an outbox; missing is the path
// without the key, if there is one.
func (e *eventReader) attribute(n ast.Node, key, missing string) mapping.Path {
	text, at := missing, n
	if n != nil {
		text, _ = e.text(n, key+" of "+e.what)
	}
	if text == "" {
		return mapping.Path{}
	}
	p, err := mapping.ParsePath(text)
	if err != nil {
		e.fault(at, key+" of "+e.what+": "+err.Error(), "")
	} else if n != nil {
		e.use(n, e.from, p)
	}
	return p
}
