package config

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/target/connection"
)

// maxCallRate is the highest rate of an API destination, in calls a second.
const maxCallRate = 1<<31 - 1

// apiDestination reads what to call.
func (r *reader) apiDestination(p pair) {
	what := "API destination " + p.name
	r.ruleName(p, "API destination")
	fields := r.need(p.value, what, []string{"connection", "endpoint"}, "method", "rate")
	d := connection.Destination{Name: p.name, Method: http.MethodPost, Endpoint: r.httpURL(fields["endpoint"], "endpoint of "+what)}
	if v, ok := fields["connection"]; ok {
		var names []string
		for _, c := range r.file.Connections {
			names = append(names, c.Name)
		}
		d.Connection, _ = r.known(v, "connection of "+what, names, "connections")
	}
	if v, ok := fields["method"]; ok {
		d.Method, _ = r.oneOf(v, "method of "+what, "POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
	}
	if v, ok := fields["rate"]; ok {
		d.Rate = r.number(v, "rate of "+what, maxCallRate)
	}
	r.file.Destinations = append(r.file.Destinations, d)
}

// calledARN returns the address of the API destination that a target names.
func (r *reader) calledARN(n ast.Node, what string) string {
	var names []string
	for _, d := range r.file.Destinations {
		names = append(names, d.Name)
	}
	name, _ := r.known(n, "api-destination of "+what, names, "api-destinations")
	return r.nodeARN(connection.ResourcePrefix + name)
}

// httpParameters reads what a target adds to the calls of its API destination:
// header, query, and what stands for each * in the path of the endpoint.
func (r *reader) httpParameters(n ast.Node, fields map[string]ast.Node, what string, t *bus.Target) {
	name, calls := strings.CutPrefix(t.ARN, r.nodeARN(connection.ResourcePrefix))
	var p struct {
		PathParameterValues   []string          `json:",omitzero"`
		HeaderParameters      map[string]string `json:",omitzero"`
		QueryStringParameters map[string]string `json:",omitzero"`
	}
	p.HeaderParameters, p.QueryStringParameters = r.texts(fields["header"], "header of "+what), r.texts(fields["query"], "query of "+what)
	if v, ok := fields["path"]; ok {
		for _, e := range list(v) {
			s, _ := r.text(e, "path of "+what)
			p.PathParameterValues = append(p.PathParameterValues, s)
		}
	}
	for _, key := range []string{"header", "query", "path"} {
		if v, ok := fields[key]; ok && !calls {
			r.fault(v, what+" has "+key+" and calls no API destination", "remove it, or name an api-destination")
		}
	}
	i := slices.IndexFunc(r.file.Destinations, func(d connection.Destination) bool { return d.Name == name })
	if !calls || i < 0 {
		return
	}
	if stars, values := strings.Count(r.file.Destinations[i].Endpoint, "*"), len(p.PathParameterValues); stars != values {
		r.fault(n, fmt.Sprintf("path of %s and the * in the endpoint of %s differ in number: %d and %d", what, name, values, stars), `write one value for each *, as in path: ["$.detail.id"]`)
	}
	if b, err := json.Marshal(p, json.Deterministic(true)); err == nil && string(b) != "{}" { // texts always marshal
		t.Parameters = map[string]jsontext.Value{"HttpParameters": b}
	}
}

// texts reads a mapping of texts that may be missing.
func (r *reader) texts(n ast.Node, what string) map[string]string {
	var out map[string]string
	r.each(n, what, func(p pair) {
		if out == nil {
			out = map[string]string{}
		}
		out[p.name], _ = r.text(p.value, p.name+" in "+what)
	})
	return out
}
