package item

import (
	"errors"
	"testing"
)

// Both spellings of a key are one key; what can be none is refused.
func TestParseKey(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"u1"}`:                          `{"id":{"S":"u1"}}`,
		` { "id" : { "S" : "u1" } } `:          `{"id":{"S":"u1"}}`,
		`{"n":1.50,"id":"u"}`:                  `{"id":{"S":"u"},"n":{"N":"1.5"}}`,
		`{"n":{"N":"1.50"},"id":{"B":"YWJj"}}`: `{"id":{"B":"YWJj"},"n":{"N":"1.5"}}`,
		`{"S":"u1"}`:                           `{"S":{"S":"u1"}}`,
		`{"id":"{\"S\":\"u1\"}"}`:              `{"id":{"S":"{\"S\":\"u1\"}"}}`,
		``:                                     "", `id`: "", `7`: "", `{}`: "", `{"id":true}`: "", `{"id":null}`: "", `{"id":["u1"]}`: "", `{"id":{"S":"u1"},"n":1}`: "", `{"n":1,"id":{"S":"u1"}}`: "",
		`{"id":{"M":{}}}`: "", `{"id":{"x":"u1"}}`: "", `{"id":{"BOOL":true}}`: "", `{"id":"u1"} {}`: "", `{"id":{}}`: "",
	} {
		key, err := ParseKey([]byte(text))
		if want == "" {
			if !errors.Is(err, ErrKeyText) {
				t.Errorf("%s: %s, %v", text, AppendJSON(nil, key), err)
			}
			continue
		}
		if got := string(AppendJSON(nil, key)); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
}
