package mapping_test

import (
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// No text breaks the parser, and what it takes renders as JSON.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "${new.a[0].b}", `x ${old["a\"}"]} $${`, "${keys}", "${new.a-b}", "$$${", "${new[", "\xff${op}"} {
		f.Add(s)
	}
	st := newStream(f, stream.NewAndOldImages)
	it := wire(f, `{"id":{"S":"u1"},"a":{"L":[{"M":{"b":{"N":"1"}}}]}}`)
	f.Fuzz(func(t *testing.T, s string) {
		template, err := mapping.Scope{}.Text(s)
		if err != nil {
			return
		}
		set := mapping.NewSet([]mapping.Definition{{Name: "E", Detail: mapping.Object([]string{"a"}, []*mapping.Template{template})}}, mapping.Options{})
		events, err := set.Apply(record(st, it, it), all)
		if bad := new(mapping.Error); errors.As(err, &bad) {
			return
		}
		if err != nil || len(events) != 1 || !jsontext.Value(events[0].Event.Detail).IsValid() {
			t.Errorf("%q: %v, %v", s, events, err)
		}
	})
}
