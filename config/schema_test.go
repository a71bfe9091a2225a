package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"
)

// beyondSchema are the bad files whose fault a JSON Schema cannot see: they
// are about other parts of the file, the environment, or a language inside a
// text.
var beyondSchema = []string{
	"key twice",
	"event from a misspelt table", "event from no table", "name too long for a detail-type",
	"undeclared bus", "misspelt bus",
	"misspelt root", "each without each", "from names a table twice", "a condition that is no condition", "a condition of wrong types", "a condition that costs too much",
	"a condition that reads what the view has not", "an entity that the table has not", "an entity of a table without entities", "expiries by an attribute that is not named",
	"forms that are none", "a transition to a number out of range", "added where the view has one image", "a match that is no pattern", "an outbox of no table",
	"an event called outbox", "a schema that does not exist", "a schema that is none", "a mapper that does not exist, beside a detail", "open expression", "dash in a path", "expression in a block", "infinity in a detail",
	"old where the view has none", "new where the view has none", "changed where the view has one image", "changed with keys only",
	"pattern with a bare value", "pattern with an unknown operator", "pattern with a bad number", "pattern as JSON", "pattern that is no JSON", "empty pattern",
	"log of a relative path", "two targets alike",
	"age too short", "age too long", "age with a fraction",
	"variable that is not set", "variable without a name",
	"an index of another type", "a local index of another partition", "too many local indexes",
	"an index with a key and a partition", "an index with a key and a sort", "an index with a partition attribute twice", "an index whose sort attribute is of its partition",
	"an index with a sort attribute of another type", "an attribute of two types in two indexes", "a local index of several sort attributes",
	"a target that is no function", "a cron expression that never is", "paths of a transformer", "six targets", "a function fed from nowhere", "a filter in the language of rules, and a destination that is none", "a target of functions that are not declared",
	"a fault in what an alias repeats", "a secret that the environment has not", "targets of API destinations that are not declared",
}

// beyondYAML are the bad files that are no plain data to begin with.
var beyondYAML = []string{
	"not YAML", "a tab and a stray bracket", "a reserved character", "two documents", "table named twice", "key twice in a detail",
	"alias without anchor", "alias inside its own anchor", "merge key", "tag",
}

// The published schema and the parser agree on the test files.
func TestSchemaAgrees(t *testing.T) {
	s := readSchema(t)
	for _, f := range badFiles(t) {
		if slices.Contains(beyondYAML, f.name) {
			continue
		}
		refused := s.check(s.root, plain(t, f.src)) != nil
		if beyond := slices.Contains(beyondSchema, f.name); refused == beyond {
			t.Errorf("%s: the schema refuses it: %v", f.name, refused)
		}
	}
	docs, err := os.ReadFile("../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../examples/users/tablecast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := []string{full, string(example), ""}
	for _, block := range fence.FindAllStringSubmatch(string(docs), -1) {
		if block[2] == "good" || block[2] == "map" {
			good = append(good, block[3])
		}
	}
	for _, src := range good {
		if err := s.check(s.root, plain(t, src)); err != nil {
			t.Errorf("%v in\n%s", err, src)
		}
	}
	// Each key that the schema offers is one that the parser takes.
	if err := s.check(s.root, plain(t, full)); err != nil {
		t.Error(err)
	}
	for _, key := range s.keys(s.root) {
		if !s.used[key] {
			t.Errorf("the schema offers %s, which no good file uses", key)
		}
	}
}

func plain(t *testing.T, src string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(src), &v); err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	return v
}

// A fileSchema is docs/tablecast.schema.json. It understands the words of JSON
// Schema that stand in it, and fails at others.
type fileSchema struct {
	t    *testing.T
	root map[string]any
	used map[string]bool // properties that a checked file had
}

func readSchema(t *testing.T) *fileSchema {
	t.Helper()
	text, err := os.ReadFile("../docs/tablecast.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &fileSchema{t: t, used: map[string]bool{}}
	if err := json.Unmarshal(text, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

// keys returns the properties that a schema and what is below it offers.
func (s *fileSchema) keys(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok {
			for name := range properties {
				out = append(out, name)
			}
		}
		for _, sub := range v {
			out = append(out, s.keys(sub)...)
		}
	case []any:
		for _, sub := range v {
			out = append(out, s.keys(sub)...)
		}
	}
	return out
}

// check returns why a value does not fit.
func (s *fileSchema) check(node map[string]any, v any) error {
	for word, arg := range node {
		var err error
		switch word {
		case "$schema", "$id", "title", "description", "$defs":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			err = s.check(s.root["$defs"].(map[string]any)[name].(map[string]any), v)
		case "not":
			if s.check(arg.(map[string]any), v) == nil {
				err = fmt.Errorf("%v is excluded", v)
			}
		case "anyOf", "oneOf":
			err = s.some(word, arg.([]any), v)
		default:
			err = s.word(node, word, arg, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *fileSchema) some(word string, options []any, v any) error {
	fits := 0
	for _, o := range options {
		if s.check(o.(map[string]any), v) == nil {
			fits++
		}
	}
	if fits == 0 || word == "oneOf" && fits > 1 {
		return fmt.Errorf("%v fits %d of %s", v, fits, word)
	}
	return nil
}

// word checks one word that speaks of a value itself.
func (s *fileSchema) word(node map[string]any, word string, arg, v any) error {
	ok := true
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	n, isNumber := number64(v)
	switch word {
	case "type":
		ok = slices.ContainsFunc(many(arg), func(name any) bool { return name == kindOf(v) })
	case "const", "enum":
		ok = slices.ContainsFunc(many(arg), func(x any) bool { f, isF := x.(float64); return reflect.DeepEqual(x, v) || isF && isNumber && f == n })
	case "pattern":
		ok = !isText || regexp.MustCompile(arg.(string)).MatchString(text)
	case "minLength":
		ok = !isText || utf8.RuneCountInString(text) >= int(arg.(float64))
	case "maxLength":
		ok = !isText || utf8.RuneCountInString(text) <= int(arg.(float64))
	case "minimum":
		ok = !isNumber || n >= arg.(float64)
	case "maximum":
		ok = !isNumber || n <= arg.(float64)
	case "minItems":
		ok = !isList || len(list) >= int(arg.(float64))
	case "maxItems":
		ok = !isList || len(list) <= int(arg.(float64))
	case "uniqueItems":
		for i := range list {
			ok = ok && !slices.ContainsFunc(list[:i], func(x any) bool { return reflect.DeepEqual(x, list[i]) })
		}
	case "items":
		for _, e := range list {
			if err := s.check(arg.(map[string]any), e); err != nil {
				return err
			}
		}
	case "minProperties":
		ok = !isObject || len(object) >= int(arg.(float64))
	case "maxProperties":
		ok = !isObject || len(object) <= int(arg.(float64))
	case "required":
		for _, name := range arg.([]any) {
			_, has := object[name.(string)]
			ok = ok && (has || !isObject)
		}
	case "propertyNames", "properties", "additionalProperties":
		return s.members(node, word, arg, object)
	default:
		s.t.Fatalf("the test does not know the word %s", word)
	}
	if !ok {
		return fmt.Errorf("%v does not keep %s %v", v, word, arg)
	}
	return nil
}

func (s *fileSchema) members(node map[string]any, word string, arg any, object map[string]any) error {
	properties, _ := node["properties"].(map[string]any)
	for name, v := range object {
		var err error
		sub, listed := properties[name].(map[string]any)
		switch extra, isSchema := arg.(map[string]any); {
		case word == "propertyNames":
			err = s.check(extra, name)
		case word == "properties" && listed:
			s.used[name] = true
			err = s.check(sub, v)
		case word == "additionalProperties" && !listed && isSchema:
			err = s.check(extra, v)
		case word == "additionalProperties" && !listed:
			err = fmt.Errorf("unknown key %s", name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func many(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func number64(v any) (float64, bool) {
	switch n := v.(type) {
	case uint64:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "number"
	}
	return "integer"
}
