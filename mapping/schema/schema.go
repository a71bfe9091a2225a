package schema

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Limits of schemas.
const (
	maxBytes      = 1 << 20
	maxDepth      = 100 // levels of values
	maxComplaints = 10  // that an error tells
)

// ErrSchema marks errors of Compile.
var ErrSchema = errors.New("schema: not a valid JSON Schema")

// ErrInvalid marks errors of Validate.
var ErrInvalid = errors.New("the detail breaks the event's schema")

// A Schema is compiled. It never changes and may be used by many goroutines.
type Schema struct {
	compiled *jsonschema.Schema
	doc      any
}

// alone refuses to load other schemas.
type alone struct{}

// Load fails.
func (alone) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is another document: put it under $defs of this one", url)
}

// place is where the compiler knows a schema by.
const place = "tablecast:///schema.json"

// Compile reads a JSON Schema. Formats are checked. Errors wrap ErrSchema and
// name the place.
func Compile(text []byte) (*Schema, error) {
	doc, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(alone{})
	if err := c.AddResource(place, doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
	}
	compiled, err := c.Compile(place)
	if err != nil {
		text := strings.ReplaceAll(err.Error(), place, "")
		return nil, fmt.Errorf("%w: %s", ErrSchema, strings.Join(strings.Fields(text), " "))
	}
	return &Schema{compiled, doc}, nil
}

// parse reads JSON within the limits, numbers with all their digits.
func parse(text []byte) (any, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("it is larger than %d KiB", maxBytes>>10)
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.ReadToken(); err != nil {
			break // what is no JSON is told below
		}
		if dec.StackDepth() > maxDepth {
			return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return v, checkNumbers(v, nil)
}

// Validate checks a JSON document. An error wraps ErrInvalid and lists the
// places, in order, with what they break.
func (s *Schema) Validate(doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err == nil {
		err = checkNumbers(v, nil)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var bad *jsonschema.ValidationError
	if err := s.compiled.Validate(v); err == nil {
		return nil
	} else if !errors.As(err, &bad) {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	complaints := leaves(bad, nil)
	slices.Sort(complaints)
	complaints = slices.Compact(complaints)
	if n := len(complaints); n > maxComplaints {
		complaints = append(complaints[:maxComplaints], fmt.Sprintf("and %d more", n-maxComplaints))
	}
	return fmt.Errorf("%w: %s", ErrInvalid, strings.Join(complaints, "; "))
}

// leaves appends what is wrong at the ends of an error's tree.
func leaves(e *jsonschema.ValidationError, out []string) []string {
	for _, c := range e.Causes {
		out = leaves(c, out)
	}
	if len(e.Causes) > 0 {
		return out
	}
	return append(out, pointer(e.InstanceLocation)+" "+complaint(e.ErrorKind))
}

// complaint says which rule a place breaks, without the value.
func complaint(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Required:
		return "lacks " + strings.Join(k.Missing, ", ")
	case *kind.Type:
		return "is " + k.Got + ", not " + strings.Join(k.Want, " or ")
	case *kind.AdditionalProperties:
		return "has " + strings.Join(k.Properties, ", ") + ", which the schema does not know"
	case *kind.Format:
		return "is no " + k.Want
	}
	return "breaks " + strings.Join(k.KeywordPath(), "/")
}

// pointer writes a place as a JSON pointer; the document itself is /.
func pointer(location []string) string {
	p := jsontext.Pointer("")
	for _, name := range location {
		p = p.AppendToken(name)
	}
	if p == "" {
		return "/"
	}
	return string(p)
}
