package bus

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
)

// params returns the function that makes the parameter blocks of the target for
// an event; nil if the target has none. A string that is a path, as $.detail.id,
// is replaced by the value at that path, or by "" if there is none.
func (t *Target) params() func(*event.Event) map[string]jsontext.Value {
	if len(t.Parameters) == 0 {
		return nil
	}
	dynamic := false
	for _, block := range t.Parameters {
		dynamic = dynamic || bytes.Contains(block, []byte(`"$.`))
	}
	if !dynamic {
		return func(*event.Event) map[string]jsontext.Value { return t.Parameters }
	}
	return func(e *event.Event) map[string]jsontext.Value {
		doc, out := e.AppendJSON(nil), map[string]jsontext.Value{}
		for name, block := range t.Parameters {
			var v any
			if json.Unmarshal(block, &v) != nil {
				continue
			}
			out[name] = encode(resolve(v, doc))
		}
		return out
	}
}

// resolve replaces strings that are paths with the values at these paths.
func resolve(v any, doc []byte) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = resolve(v[k], doc)
		}
	case []any:
		for i := range v {
			v[i] = resolve(v[i], doc)
		}
	case string:
		if !strings.HasPrefix(v, "$.") {
			return v
		}
		p, err := parsePath(v)
		if err != nil {
			return v
		}
		found, _ := p.find(doc)
		var text string
		if json.Unmarshal(found, &text) == nil {
			return text
		}
		return string(found)
	}
	return v
}
