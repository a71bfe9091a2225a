package bus

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
)

// Placeholders that every template has.
const (
	varRuleARN   = "aws.events.rule-arn"
	varRule      = "aws.events.rule-name"
	varIngestion = "aws.events.event.ingestion-time"
	varEvent     = "aws.events.event"      // without its detail
	varEventJSON = "aws.events.event.json" // the envelope
)

// A template is text with placeholders. There are two kinds. One that begins
// with a quotation mark is a text: values are spliced in as text. Any other is
// JSON: the result must be JSON; between quotation marks values are spliced in
// as text, elsewhere as JSON.
type template struct {
	parts         []part
	paths         map[string]path
	json          bool
	ruleARN, rule string
}

// A part is literal text, and the placeholder behind it, if name is not empty.
type part struct {
	text   string
	name   string
	quoted bool // the placeholder is inside a JSON string
}

var placeholder = regexp.MustCompile(`<[A-Za-z0-9._-]+>`)

// parseTemplate reads a template of a target, whose own placeholders have these
// paths. Errors are *InputError.
func parseTemplate(target, src string, paths map[string]path) (*template, error) {
	start := strings.TrimLeft(src, " \t\r\n")
	t := &template{paths: paths, json: !strings.HasPrefix(start, `"`)}
	quoted, at := false, 0
	for _, m := range placeholder.FindAllStringIndex(src, -1) {
		text, name := src[at:m[0]], src[m[0]+1:m[1]-1]
		if !t.knows(name) {
			return nil, &InputError{target, "InputTemplate for target " + target + " contains invalid placeholder " + name + "."}
		}
		quoted = inString(quoted, text)
		t.parts = append(t.parts, part{text, name, quoted})
		at = m[1]
	}
	t.parts = append(t.parts, part{text: src[at:]})
	if strings.HasPrefix(start, "{") || strings.HasPrefix(start, "[") {
		out, err := t.splice(maxInput(nil), func(string) (jsontext.Value, bool) { return nil, false })
		if err == nil {
			_, err = t.finish(out)
		}
		if err != nil {
			return nil, &InputError{target, fmt.Sprintf("Invalid InputTemplate for target %s : %v.", target, err)}
		}
	}
	return t, nil
}

func (t *template) knows(name string) bool {
	switch name {
	case varRuleARN, varRule, varIngestion, varEvent, varEventJSON:
		return true
	}
	_, ok := t.paths[name]
	return ok
}

// inString reports whether a JSON string is open after text, if it was before.
func inString(open bool, text string) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			open = !open
		case text[i] == '\\' && open:
			i++
		}
	}
	return open
}

// fill makes the input from an event.
func (t *template) fill(e *event.Event) ([]byte, error) {
	envelope := e.AppendJSON(nil)
	type found struct {
		v  jsontext.Value
		ok bool
	}
	known := map[string]found{} // each value is looked for once, however often it is spliced in
	out, err := t.splice(maxInput(envelope), func(name string) (jsontext.Value, bool) {
		f, ok := known[name]
		if !ok {
			f.v, f.ok = t.value(name, envelope)
			known[name] = f
		}
		return f.v, f.ok
	})
	if err != nil {
		return nil, err
	}
	return t.finish(out)
}

// splice replaces the placeholders with values. Before a value is spliced in for
// which the result has no room, it fails.
func (t *template) splice(room int, value func(name string) (jsontext.Value, bool)) ([]byte, error) {
	var out []byte
	for _, p := range t.parts {
		out = append(out, p.text...)
		if p.name == "" {
			continue
		}
		v, ok := value(p.name)
		if len(out)+len(v) > room {
			return nil, errInputSize("InputTemplate", room)
		}
		switch {
		case t.json && !p.quoted && ok:
			out = append(out, v...)
		case t.json && !p.quoted:
			out = append(out, `""`...)
		case ok:
			out = append(out, t.text(v)...)
		}
	}
	return out, nil
}

// maxInput returns how many bytes a target may be sent of an event: four times those
// of its envelope, or of the largest event that PutEvents takes, if that is more.
func maxInput(envelope []byte) int { return 4 * max(len(envelope), event.MaxPutSize) }

func errInputSize(what string, room int) error {
	return fmt.Errorf("%s makes more than %d bytes of the event; let it show large values less often", what, room)
}

// text returns a value as text. In a text template, lists and objects lose
// their quotation marks.
func (t *template) text(v jsontext.Value) []byte {
	switch kind := v.Kind(); {
	case kind == '"':
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return v
		}
		return s
	case !t.json && (kind == '{' || kind == '['):
		return bytes.ReplaceAll(v, []byte{'"'}, nil)
	default:
		return v
	}
}

// finish checks that the result of a JSON template is JSON, and removes the
// white space between its tokens.
func (t *template) finish(out []byte) ([]byte, error) {
	if !t.json {
		return out, nil
	}
	v := jsontext.Value(out)
	if err := v.Compact(jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("the input template does not yield JSON: %w", err)
	}
	return v, nil
}

// value returns the value of a placeholder.
func (t *template) value(name string, envelope []byte) (jsontext.Value, bool) {
	switch name {
	case varRuleARN:
		return jsontext.Value(strconv.Quote(t.ruleARN)), true
	case varRule:
		return jsontext.Value(strconv.Quote(t.rule)), true
	case varIngestion:
		return path{member("time")}.find(envelope)
	case varEventJSON:
		return envelope, true
	case varEvent:
		return summary(envelope), true
	}
	return t.paths[name].find(envelope)
}

func member(name string) step { return step{name: &name} }

// summary returns an envelope without its detail, in the order and with the
// names that EventBridge has for it.
func summary(envelope []byte) jsontext.Value {
	out := jsontext.Value("{")
	for _, m := range [...]struct{ name, as string }{
		{"id", "id"}, {"account", "account"}, {"detail-type", "detailType"}, {"time", "time"},
		{"source", "source"}, {"region", "region"}, {"resources", "resources"}, {"version", "version"},
	} {
		v, ok := path{member(m.name)}.find(envelope)
		if !ok {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), m.as...), `":`...)
		out = append(out, v...)
	}
	return append(out, '}')
}
