package claim

import (
	"testing"

	"github.com/go-json-experiment/json"
)

// A reference that is read is the same when it is written and read again.
func FuzzReference(f *testing.F) {
	f.Add([]byte(`{"claimCheck":{"ref":"file:///a","sha256":"00","size":3}}`))
	f.Add([]byte(`{"claimCheck":{"ref":"x"},"more":1}`))
	f.Fuzz(func(t *testing.T, detail []byte) {
		r, ok := ParseReference(detail)
		if !ok {
			return
		}
		form, err := json.Marshal(envelope{&r})
		again, ok := ParseReference(form)
		if err != nil || !ok || again != r {
			t.Errorf("%q came back as %+v: %v", detail, again, err)
		}
	})
}
