package awsjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/awsjson"
)

var errOwn = errors.New("own words")

type own struct{}

func (*own) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadValue(); err != nil {
		return err
	}
	return errOwn
}

type part struct {
	Name *string
	Size *int64
}

type request struct {
	TableName *string
	Limit     *int
	Forward   *bool
	Blob      []byte
	Parts     []part
	Part      *part
	Named     *part             `model:"Shape"`
	Lists     map[string][]part `model:"Shape"`
	Names     map[string]string
	Own       *own
}

func TestDecode(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                           "",
		`{"TableName":"x","New":[{}]}`: "",
		`{"tablename":1}`:              "",
		`{"TableName":null,"Part":null,"Limit":null}`: "",
		``:                                  "-",
		`hi`:                                "-",
		`{"TableName":"x"`:                  "-",
		`{"TableName":"x"} {}`:              "-",
		`{"TableName":"x","TableName":"x"}`: "-",
		`{"Names":{"a":"1","a":"1"}}`:       "-",
		`{"New":{"a":"1","a":"1"}}`:         "-",
		"{\"TableName\":\"\xff\"}":          "-",
		`{"TableName":true}`:                "TRUE_VALUE cannot be converted to String",
		`{"TableName":false}`:               "FALSE_VALUE cannot be converted to String",
		`{"TableName":23}`:                  "NUMBER_VALUE cannot be converted to String",
		`{"TableName": 34.56 }`:             "DECIMAL_VALUE cannot be converted to String",
		`{"TableName":[]}`:                  "Unrecognized collection type class java.lang.String",
		`{"TableName":{}}`:                  "Start of structure or map found where not expected",
		`{"Limit":"23"}`:                    "STRING_VALUE cannot be converted to Integer",
		`{"Limit":true}`:                    "TRUE_VALUE cannot be converted to Integer",
		`{"Limit":[]}`:                      "Unrecognized collection type class java.lang.Integer",
		`{"Limit":1e400}`:                   "DECIMAL_VALUE cannot be converted to Integer",
		`{"Limit":99999999999999999999}`:    "NUMBER_VALUE cannot be converted to Integer",
		`{"Part":{"Size":"1"}}`:             "STRING_VALUE cannot be converted to Long",
		`{"Forward":"true"}`:                "Unexpected token received from parser",
		`{"Forward":23}`:                    "NUMBER_VALUE cannot be converted to Boolean",
		`{"Forward":[]}`:                    "Unrecognized collection type class java.lang.Boolean",
		`{"Forward":{}}`:                    "Start of structure or map found where not expected",
		`{"Blob":"0"}`:                      "only base-64-encoded strings are convertible to bytes",
		`{"Blob":"AA==","Blob`:              "-",
		`{"Blob":23}`:                       "only base-64-encoded strings are convertible to bytes",
		`{"Blob":[1]}`:                      "Unrecognized collection type class java.nio.ByteBuffer",
		`{"Parts":"x"}`:                     "Unexpected field type",
		`{"Parts":{}}`:                      "Start of structure or map found where not expected",
		`{"Parts":["x"]}`:                   "Unexpected value type in payload",
		`{"Parts":[[]]}`:                    "Unrecognized collection type class Part",
		`{"Part":"x"}`:                      "Unexpected field type",
		`{"Part":[]}`:                       "Unrecognized collection type class Part",
		`{"Named":[]}`:                      "Unrecognized collection type class Shape",
		`{"Named":{"Name":[]}}`:             "Unrecognized collection type class java.lang.String",
		`{"Lists":[]}`:                      "Unrecognized collection type java.util.Map<java.lang.String, java.util.List<Shape>>",
		`{"Lists":{"a":[[]]}}`:              "Unrecognized collection type class Shape",
		`{"Lists":{"a":1}}`: "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class java.lang.Class " +
			"(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module java.base of loader 'bootstrap')",
		`{"Names":"x"}`:     "Unexpected field type",
		`{"Names":[]}`:      "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>",
		`{"Names":{"a":1}}`: "NUMBER_VALUE cannot be converted to String",
		`"x"`:               "Unexpected field type",
	} {
		var r request
		err := awsjson.Decode([]byte(body), &r)
		var e *awsjson.Error
		switch {
		case want == "":
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
		case !errors.As(err, &e) || e.Type != "SerializationException" || e.Message != strings.TrimPrefix(want, "-"):
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	if err := awsjson.Decode([]byte(`{"Own":1}`), &request{}); !errors.Is(err, errOwn) {
		t.Errorf("own error: %v", err)
	}
}

// Whatever the body, decoding returns, and what it accepts is one valid JSON
// value.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"TableName":"x","Limit":1e2,"Parts":[{"Name":"a"}]}`, `{"Names":{"a":"b"}}`, `{"Blob":"AA=="}`, `[[[`, `{"a`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r request
		err := awsjson.Decode(body, &r)
		var e *awsjson.Error
		switch {
		case err == nil:
			if !jsontext.Value(body).IsValid() {
				t.Errorf("%q was accepted", body)
			}
		case !errors.As(err, &e) && !errors.Is(err, errOwn):
			t.Errorf("%q: %v", body, err)
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestValidator(t *testing.T) {
	name := awsjson.Text{Min: 3, Max: 5, Pattern: "[a-z]+", Match: func(s string) bool { return strings.Trim(s, "abc") == "" && s != "" }}
	for _, c := range []struct {
		fill func(*awsjson.Validator)
		want string
	}{
		{func(v *awsjson.Validator) {
			v.RequiredText(ptr("abc"), "tableName", name)
			awsjson.Range(v, ptr(1), "limit", 1, 100)
		}, ""},
		{func(v *awsjson.Validator) { v.RequiredText(nil, "tableName", name) },
			"1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"},
		{func(v *awsjson.Validator) { v.Text(ptr("a;"), "tableName", name) },
			"2 validation errors detected: Value 'a;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; " +
				"Value 'a;' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"},
		{func(v *awsjson.Validator) { v.Text(ptr("aaaaaa"), "name", name) },
			"1 validation error detected: Value 'aaaaaa' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"},
		{func(v *awsjson.Validator) { v.Text(ptr("hi"), "select", awsjson.Text{Enum: []string{"A", "B"}}) },
			"1 validation error detected: Value 'hi' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [A, B]"},
		{func(v *awsjson.Validator) {
			awsjson.Range(v, ptr(int64(0)), "limit", 1, 100)
			awsjson.Range(v, ptr(101), "limit", 1, 100)
		},
			"2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
				"Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100"},
	} {
		var v awsjson.Validator
		c.fill(&v)
		got := ""
		var e *awsjson.Error
		if err := v.Err(); errors.As(err, &e) {
			got = e.Message
		}
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	var v awsjson.Validator
	for range 20 {
		v.Required(false, "x")
	}
	if err := v.Err(); !strings.Contains(err.Error(), ": 10 validation errors detected: ") {
		t.Error(err)
	}
}
