package schema_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tablecast/tablecast/mapping/schema"
)

// Whatever the schema and the document, the schema is refused or the document is
// judged, both soon.
func FuzzSchema(f *testing.F) {
	for _, s := range []string{
		`{"type":"object","required":["id"],"properties":{"id":{"type":"string","pattern":"^[a-z]+$","format":"date-time"},"n":{"multipleOf":0.1,"maximum":1e3}},"additionalProperties":false}`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}}}`, `{"allOf":[{"if":{"const":1},"then":{"not":{}}}],"unevaluatedProperties":false}`,
		`{"pattern":"(a*)*b"}`, `{"$dynamicRef":"#x","$dynamicAnchor":"x"}`, `{"enum":[{},[],1e400]}`, `true`,
	} {
		f.Add([]byte(s), []byte(`{"id":"a","n":0.3,"list":[1,[2]],"x":null}`))
	}
	f.Fuzz(func(t *testing.T, text, doc []byte) {
		begin := time.Now()
		s, err := schema.Compile(text)
		if err != nil {
			if !errors.Is(err, schema.ErrSchema) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if err := s.Validate(doc); err != nil && !errors.Is(err, schema.ErrInvalid) {
			t.Errorf("%q of %q: %v", text, doc, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%q of %q took %s", text, doc, took)
		}
	})
}
