package config

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// shapeKeys are those that say how details are written, for all events and for
// one.
var shapeKeys = []string{"envelope", "numbers", "correlation", "causation"}

// An eventReader reads one event, which may be from several tables.
type eventReader struct {
	*reader
	what string
	from []*table.Spec
	d    mapping.Definition
}

func (r *reader) event(p pair) {
	e := &eventReader{reader: r, what: "event " + p.name, d: mapping.Definition{Name: p.name, DetailType: p.name, Shape: r.shape}}
	switch p.name {
	case "":
		r.fault(p.key, "an event has an empty name", "name what happened, as in UserCreated")
	case outboxName:
		r.fault(p.key, "an event is called "+outboxName+", which is the name of what an outbox raises", "name what happened, as in UserCreated")
	}
	fields := r.fields(p.value, e.what, append([]string{
		"from", "on", "entity", "changed", "added", "removed", "match", "if", "each", "mapper", "source", "detail-type", "resources", "time", "group", "detail", "schema", "bus", "start",
	}, shapeKeys...)...)
	if _, ok := entries(p.value); !ok {
		return
	}
	e.tables(p, fields["from"])
	e.on(fields["on"])
	e.guards(fields)
	e.envelope(p, fields)
	scope := mapping.Scope{}
	if v, ok := fields["each"]; ok {
		e.d.Each = e.expression(v, "each", scope.Collection)
		scope.Each = true
	}
	if v, ok := fields["mapper"]; ok {
		e.d.Function = e.mapper(v, fields)
	}
	e.templates(fields, scope)
	if v, ok := fields["schema"]; ok {
		e.d.Contract = r.contract(v, p.name, e.what)
	}
	r.readShape(fields, e.what, &e.d.Shape)
	e.add(fields["source"])
}

// add adds the definition for each of its tables.
func (e *eventReader) add(source ast.Node) {
	if len(e.from) == 0 {
		return
	}
	for _, t := range e.from {
		d := e.d
		d.Table = t.Name
		if source == nil {
			d.Source = "tablecast." + t.Name
		}
		e.file.Events = append(e.file.Events, d)
	}
}

// tables reads the tables of an event, which must be declared.
func (e *eventReader) tables(p pair, n ast.Node) {
	if n == nil {
		e.fault(p.key, e.what+" has no table", "add from: and the name of a table")
		return
	}
	for _, x := range list(n) {
		name, ok := e.text(x, "from of "+e.what)
		if !ok {
			continue
		}
		if t := e.table1(x, name, e.what); t != nil {
			if slices.Contains(e.from, t) {
				e.fault(x, quoted(name)+" stands twice in from of "+e.what, "remove one of them")
				continue
			}
			e.from = append(e.from, t)
		}
	}
	if len(list(n)) == 0 {
		e.fault(n, "from of "+e.what+" is empty", "name a table")
	}
}

// table1 returns a declared table; nil, and a fault, if there is none.
func (r *reader) table1(n ast.Node, name, what string) *table.Spec {
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
	r.fault(n, what+" is from table "+quoted(name)+", which does not exist", fix)
	return nil
}

func (e *eventReader) on(n ast.Node) {
	if n == nil {
		return
	}
	for _, x := range list(n) {
		kind, ok := e.oneOf(x, "on of "+e.what, "insert", "modify", "remove", "expire")
		if ok && slices.Contains(e.d.On, mapping.Kind(kind)) {
			e.fault(x, quoted(kind)+" stands twice in on of "+e.what, "remove one of them")
		} else if ok {
			e.d.On = append(e.d.On, mapping.Kind(kind))
		}
	}
	if len(list(n)) == 0 {
		e.fault(n, "on of "+e.what+" is empty", "name insert, modify, remove or expire, or remove the key")
	}
}

// guards reads the other conditions.
func (e *eventReader) guards(fields map[string]ast.Node) {
	if v, ok := fields["entity"]; ok {
		e.d.Entity = e.entity(v, e.what, e.from)
	}
	if v, ok := fields["changed"]; ok {
		e.changed(v)
	}
	for key, to := range map[string]*[]mapping.Path{"added": &e.d.Added, "removed": &e.d.Removed} {
		if v, ok := fields[key]; ok {
			*to = e.paths(v, key)
		}
	}
	if v, ok := fields["match"]; ok {
		e.d.Match = e.compiled(v, "match of "+e.what)
	}
	if v, ok := fields["if"]; ok {
		e.d.If = e.expression(v, "if", mapping.Scope{}.Condition)
	}
}

// changed reads attribute paths, or a mapping of them to values.
func (e *eventReader) changed(n ast.Node) {
	if _, ok := entries(n); !ok || n.Type() == ast.NullType {
		for _, p := range e.paths(n, "changed") {
			e.d.Changed = append(e.d.Changed, mapping.Transition{Path: p})
		}
		return
	}
	for _, p := range e.pairs(n, "changed of "+e.what) {
		path, ok := e.path(p.key, p.name, "changed")
		if !ok {
			continue
		}
		what := "changed " + p.name + " of " + e.what
		fields := e.fields(p.value, what, "from", "to")
		e.d.Changed = append(e.d.Changed, mapping.Transition{Path: path, From: e.values(fields["from"], what), To: e.values(fields["to"], what)})
	}
	e.needsBoth(n, "changed")
}

// paths reads one attribute path or several, which compare new and old.
func (e *eventReader) paths(n ast.Node, key string) (out []mapping.Path) {
	for _, x := range list(n) {
		text, ok := e.text(x, key+" of "+e.what)
		if !ok {
			continue
		}
		if p, ok := e.path(x, text, key); ok {
			out = append(out, p)
		}
	}
	if len(list(n)) == 0 {
		e.fault(n, key+" of "+e.what+" is empty", "name an attribute, or remove the key")
	}
	e.needsBoth(n, key)
	return out
}

func (e *eventReader) path(n ast.Node, text, key string) (mapping.Path, bool) {
	p, err := mapping.ParsePath(text)
	if err != nil {
		e.fault(n, key+" of "+e.what+": "+err.Error(), "")
		return p, false
	}
	e.use(n, e.from, p)
	return p, true
}

// values reads one value or several that an attribute may have.
func (r *reader) values(n ast.Node, what string) (out []item.Value) {
	if n == nil {
		return nil
	}
	for _, x := range list(n) {
		v, err := item.FromPlainJSON(r.json(nil, x, what))
		if err != nil {
			r.fault(x, what+": "+err.Error(), "write a text, a number, true, false or null")
			continue
		}
		out = append(out, v)
	}
	return out
}

// envelope reads what the event has besides its detail.
func (e *eventReader) envelope(p pair, fields map[string]ast.Node) {
	e.source(fields["source"])
	at := p.key
	if v, ok := fields["detail-type"]; ok {
		at = v
		e.d.DetailType, _ = e.text(v, "detail-type of "+e.what)
	}
	if n := utf8.RuneCountInString(e.d.DetailType); n > event.MaxDetailType {
		e.fault(at, "detail-type of "+e.what+" is longer than 128 characters", "shorten it")
	}
	e.d.Bus = e.bus(fields["bus"], e.what)
	if v, ok := fields["start"]; ok {
		s, _ := e.oneOf(v, "start of "+e.what, "latest", "trim-horizon")
		e.d.FromHorizon = s == "trim-horizon"
	}
}

// templates reads what may hold expressions.
func (e *eventReader) templates(fields map[string]ast.Node, scope mapping.Scope) {
	t := &templateReader{e, scope}
	if v, ok := fields["detail"]; ok {
		e.d.Detail = t.detail(v)
	}
	if v, ok := fields["time"]; ok {
		e.d.Time = t.template(v, "time")
	}
	if v, ok := fields["group"]; ok {
		e.d.Group = t.template(v, "group")
	}
	if v, ok := fields["resources"]; ok {
		e.d.Resources = []*mapping.Template{}
		for _, x := range list(v) {
			e.d.Resources = append(e.d.Resources, t.template(x, "resources"))
		}
	}
}

// expression reads a condition or a collection, with or without ${ } around it.
func (e *eventReader) expression(n ast.Node, key string, compile func(string) (*mapping.Expression, error)) *mapping.Expression {
	text, ok := e.rawText(n, key+" of "+e.what)
	if !ok {
		return nil
	}
	if inner, ok := strings.CutPrefix(text, "${"); ok {
		if inner, ok = strings.CutSuffix(inner, "}"); ok {
			text = inner
		}
	}
	x, err := compile(text)
	if err != nil {
		e.fault(n, key+" of "+e.what+": "+err.Error(), "")
		return nil
	}
	e.reads(n, key, x)
	return x
}

// mapper reads the function that makes the events.
func (e *eventReader) mapper(n ast.Node, fields map[string]ast.Node) string {
	for _, other := range []string{"each", "detail", "time", "group", "resources"} {
		if v, ok := fields[other]; ok {
			e.fault(v, e.what+" has a mapper and "+other, "leave "+other+" to the function, or remove the mapper")
		}
	}
	name, _ := e.declared(n, "mapper of "+e.what)
	return name
}

// reads checks that what an expression reads is there.
func (e *eventReader) reads(n ast.Node, key string, x *mapping.Expression) {
	after, before := x.Images()
	e.needs(n, key+" of "+e.what+" reads new", after, false)
	e.needs(n, key+" of "+e.what+" reads old", false, before)
	e.use(n, e.from, x.Attributes()...)
}

func (e *eventReader) needsBoth(n ast.Node, key string) {
	e.needs(n, key+" of "+e.what+" compares new and old", true, true)
}

// needs checks that the streams of an event's tables have the images that are
// read.
func (e *eventReader) needs(n ast.Node, what string, after, before bool) {
	for _, t := range e.from {
		if t.View != "" && (after && !t.View.HasNew() || before && !t.View.HasOld()) {
			e.fault(n, what+", which stream "+viewName(t.View)+" of table "+t.Name+" does not have", "write stream: new-and-old-images")
		}
	}
}

func viewName(v stream.View) string {
	i := slices.IndexFunc(viewNames, func(name string) bool { return views[name] == v })
	return viewNames[i]
}

// source reads who raises the event. The default is tablecast. and the table.
func (e *eventReader) source(n ast.Node) {
	if n == nil {
		return
	}
	s, ok := e.text(n, "source of "+e.what)
	switch {
	case !ok:
	case strings.HasPrefix(s, "aws."):
		e.fault(n, "source "+quoted(s)+" begins with aws., which is reserved", "use a name of your own, as in myapp.users")
	case s == "" || utf8.RuneCountInString(s) > event.MaxSource:
		e.fault(n, "source of "+e.what+" must have 1 to 256 characters", "use a name as in myapp.users")
	}
	e.d.Source = s
}
