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
// is replaced by the value at that path, or by "" if there is none. It fails if the
// values are larger than maxInput together.
func (t *Target) params() func(*event.Event) (map[string]jsontext.Value, error) {
	if len(t.Parameters) == 0 {
		return nil
	}
	dynamic := false
	for _, block := range t.Parameters {
		dynamic = dynamic || bytes.Contains(block, []byte(`"$.`))
	}
	if !dynamic {
		return func(*event.Event) (map[string]jsontext.Value, error) { return t.Parameters, nil }
	}
	return func(e *event.Event) (map[string]jsontext.Value, error) {
		doc, out := e.AppendJSON(nil), map[string]jsontext.Value{}
		r := resolver{doc, maxInput(doc)}
		for name, block := range t.Parameters {
			var v any
			if json.Unmarshal(block, &v) != nil {
				continue
			}
			v = r.resolve(v)
			if r.room < 0 {
				return nil, errInputSize(name, maxInput(doc))
			}
			out[name] = encode(v)
		}
		return out, nil
	}
}

// A resolver replaces strings that are paths with the values at these paths, as long
// as there is room for them.
type resolver struct {
	doc  []byte
	room int // bytes; less than 0 once a value had none
}

func (r *resolver) resolve(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = r.resolve(v[k])
		}
	case []any:
		for i := range v {
			v[i] = r.resolve(v[i])
		}
	case string:
		if !strings.HasPrefix(v, "$.") || r.room < 0 {
			return v
		}
		p, err := parsePath(v)
		if err != nil {
			return v
		}
		found, _ := p.find(r.doc)
		if r.room -= len(found); r.room < 0 {
			return v
		}
		var text string
		if json.Unmarshal(found, &text) == nil {
			return text
		}
		return string(found)
	}
	return v
}
