package bus

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
)

// body returns the function that makes the input of a target from an event; nil
// if the input is the envelope. ruleARN and rule are for templates. Errors are
// *InputError.
func (t *Target) body(ruleARN, rule string) (func(*event.Event) ([]byte, error), error) {
	forms := 0
	for _, given := range []bool{t.Input != "", t.InputPath != "", t.Template != "" || t.Paths != nil} {
		if given {
			forms++
		}
	}
	switch {
	case forms > 1:
		return nil, &InputError{t.ID, "Only one of Input, InputPath, or InputTransformer must be provided for target " + t.ID + "."}
	case t.Input != "":
		return t.constant()
	case t.InputPath != "":
		return t.selection()
	case forms == 1:
		return t.transformer(ruleARN, rule)
	}
	return nil, nil
}

// constant returns the body of Input.
func (t *Target) constant() (func(*event.Event) ([]byte, error), error) {
	text := []byte(t.Input)
	if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
		return nil, &InputError{t.ID, "JSON syntax error in input for target " + t.ID + "."}
	}
	return func(*event.Event) ([]byte, error) { return text, nil }, nil
}

// selection returns the body of InputPath.
func (t *Target) selection() (func(*event.Event) ([]byte, error), error) {
	p, err := parsePath(t.InputPath)
	if err != nil {
		return nil, t.badPath("InputPath", t.InputPath, err)
	}
	if len(p) == 0 {
		return nil, nil
	}
	return func(e *event.Event) ([]byte, error) {
		v, ok := p.find(e.AppendJSON(nil))
		if !ok {
			return nil, fmt.Errorf("InputPath %s leads to nothing in the event", t.InputPath)
		}
		return v, nil
	}, nil
}

func (t *Target) badPath(where, path string, err error) error {
	return &InputError{t.ID, fmt.Sprintf("Invalid %s for target %s : %q is not a JSON path; %v.", where, t.ID, path, err)}
}

// transformer returns the body of Template.
func (t *Target) transformer(ruleARN, rule string) (func(*event.Event) ([]byte, error), error) {
	paths := map[string]path{}
	for name, src := range t.Paths {
		p, err := parsePath(src)
		if err != nil {
			return nil, t.badPath("InputPathsMap", src, err)
		}
		paths[name] = p
	}
	tpl, err := parseTemplate(t.ID, t.Template, paths)
	if err != nil {
		return nil, err
	}
	tpl.ruleARN, tpl.rule = ruleARN, rule
	return tpl.fill, nil
}
