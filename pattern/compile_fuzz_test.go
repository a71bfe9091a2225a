package pattern

import (
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Whatever the pattern and the event, the pattern is refused with a place or both
// ways to match agree, soon.
func FuzzCompile(f *testing.F) {
	event := []byte(`{"source":"s","detail":{"a":[1,"x",null,{"b":true}],"ip":"10.0.0.1","n":-1.5e3}}`)
	for _, s := range []string{
		`{"source":["s"],"detail":{"a":[{"prefix":"x"},{"exists":false}],"n":[{"numeric":["<",0,">=",-2000]}]}}`, `{"$or":[{"a":[1]},{"b":[{"anything-but":{"suffix":["x"]}}]}]}`,
		`{"detail":{"ip":[{"cidr":"10.0.0.0/8"}],"x":[{"wildcard":"*a*b*c*"}],"y":[{"equals-ignore-case":"Ä"}]}}`, `{"a":[]}`, `{"a":{"a":[{}]}}`,
	} {
		f.Add([]byte(s), event)
	}
	f.Fuzz(func(t *testing.T, src, event []byte) {
		begin := time.Now()
		p, err := Compile(src)
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Msg == "" {
				t.Errorf("%q: %v", src, err)
			}
			return
		}
		matches, err := p.Match(event)
		misses, explained := p.Explain(event)
		if (err == nil) != (explained == nil) || err == nil && matches != (len(misses) == 0) {
			t.Errorf("%q of %q: %v %v, explained as %v %v", src, event, matches, err, misses, explained)
		}
		if err == nil && !jsontext.Value(event).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			t.Errorf("%q is no JSON", event)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%q of %q took %s", src, event, took)
		}
	})
}
