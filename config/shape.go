package config

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/mapping"
)

// mapping reads what holds for all events.
func (r *reader) mapping(n ast.Node) {
	if n == nil {
		return
	}
	fields := r.fields(n, "mapping", append([]string{"claim-check"}, shapeKeys...)...)
	r.readShape(fields, "mapping", &r.shape)
	if v, ok := fields["claim-check"]; ok {
		r.claimCheck(v)
	}
}

// readShape reads how details are written.
func (r *reader) readShape(fields map[string]ast.Node, what string, s *mapping.Shape) {
	if v, ok := fields["envelope"]; ok {
		name, _ := r.oneOf(v, "envelope of "+what, string(mapping.Bare), string(mapping.Metadata), string(mapping.CloudEvents))
		s.Envelope = mapping.Envelope(name)
	}
	if v, ok := fields["numbers"]; ok {
		name, _ := r.oneOf(v, "numbers of "+what, "exact", "text")
		s.QuoteNumbers = name == "text"
	}
	for key, to := range map[string]**mapping.Path{"correlation": &s.Correlation, "causation": &s.Causation} {
		v, ok := fields[key]
		if !ok {
			continue
		}
		text, ok := r.text(v, key+" of "+what)
		if !ok {
			continue
		}
		p, err := mapping.ParsePath(text)
		if err != nil {
			r.fault(v, key+" of "+what+": "+err.Error(), "")
			continue
		}
		*to = &p
	}
}
