package schema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/mapping/schema"
)

const user = `{
	"type": "object", "required": ["id", "email"], "additionalProperties": false,
	"properties": {
		"id": {"type": "string"}, "email": {"type": "string", "format": "email"}, "age": {"type": "integer", "maximum": 150},
		"big": {"const": 12345678901234567890123456789012345678}, "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}}
	},
	"$defs": {"tag": {"enum": ["a", "b"]}}
}`

// A complaint names places and rules in order, and no values.
func TestValidate(t *testing.T) {
	s, err := schema.Compile([]byte(user))
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]string{
		`{"id":"1","email":"a@example.com"}`:                                              ``,
		`{"id":"1","email":"a@example.com","big":12345678901234567890123456789012345678}`: ``,
		`{"id":"1","email":"a@example.com","big":12345678901234567890123456789012345679}`: `/big breaks const`,
		`{"id":1,"secret":"s3cr3t"}`:                                                      `/ has secret, which the schema does not know; / lacks email; /id is number, not string`,
		`{"id":"1","email":"s3cr3t"}`:                                                     `/email is no email`,
		`{"id":"1","email":"a@example.com","age":151.5,"tags":["a","s3cr3t"]}`:            `/age is number, not integer; /tags/1 breaks enum`,
		`[]`:     `/ is array, not object`,
		`{"id":`: `unexpected EOF`,
	} {
		err := s.Validate([]byte(doc))
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "the detail breaks the event's schema: ")
			if !errors.Is(err, schema.ErrInvalid) || strings.Contains(got, "s3cr3t") {
				t.Errorf("%s: %v", doc, err)
			}
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", doc, got, want)
		}
	}
}

// Many complaints are told in part.
func TestManyComplaints(t *testing.T) {
	s, err := schema.Compile([]byte(`{"items": {"type": "string"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate([]byte("[" + strings.Repeat("1,", 30) + "1]")); err == nil || !strings.HasSuffix(err.Error(), "; and 21 more") {
		t.Error(err)
	}
}

func TestCompileErrors(t *testing.T) {
	for src, want := range map[string]string{
		`{"type":"strong"}`:                          "/type",
		`{"$ref":"other.json"}`:                      "is another document",
		`{"$ref":"https://example.com/schema.json"}`: "is another document",
		`{"$ref":"file:///etc/passwd"}`:              "is another document",
		`{`:                                          "EOF",
		`{"pattern":"("}`:                            "pattern",
		strings.Repeat(`{"not":`, 200) + "{}" + strings.Repeat("}", 200): "nested more than 100",
		fmt.Sprintf(`{"title":%q}`, strings.Repeat("x", 1<<20)):          "larger than",
	} {
		if _, err := schema.Compile([]byte(src)); !errors.Is(err, schema.ErrSchema) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", src, err, want)
		}
	}
}
