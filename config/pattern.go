package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"

	"github.com/tablecast/tablecast/pattern"
)

// pattern reads an event pattern, as YAML or as JSON text.
func (r *reader) pattern(n ast.Node, what string) string {
	src, _ := r.patternText(n, "pattern of "+what, pattern.EventBridge)
	return src
}

// compiled reads a pattern and returns it compiled; nil if it is not valid.
func (r *reader) compiled(n ast.Node, what string) *pattern.Pattern {
	_, p := r.patternText(n, what, pattern.EventBridge)
	return p
}

func (r *reader) patternText(n ast.Node, what string, in pattern.Dialect) (string, *pattern.Pattern) {
	faults := len(r.faults)
	var src string
	asText := n.Type() == ast.StringType || n.Type() == ast.LiteralType
	if asText {
		src, _ = r.text(n, what)
	} else {
		src = string(r.json(nil, n, what))
	}
	if len(r.faults) > faults {
		return src, nil
	}
	p, err := in.Compile([]byte(src))
	var bad *pattern.Error
	switch {
	case err == nil:
	case !errors.As(err, &bad):
		r.fault(n, what+" is not valid: "+err.Error(), patternFix)
	case asText:
		r.fault(n, fmt.Sprintf("%s is not valid: %s at line %d, column %d of the text", what, bad.Msg, bad.Line, bad.Column), patternFix)
	default:
		r.fault(locate(n, bad.Pointer), what+" is not valid: "+bad.Msg, patternFix)
	}
	return src, p
}

const patternFix = "docs/patterns.md tells the language"

// locate returns the node that a JSON pointer leads to, or the last one that
// exists on the way.
func locate(n ast.Node, pointer string) ast.Node {
	for name := range jsontext.Pointer(pointer).Tokens() {
		next := child(n, name)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// child returns the value of a mapping's key or of a list's index; nil if
// there is none.
func child(n ast.Node, name string) ast.Node {
	if s, ok := n.(*ast.SequenceNode); ok {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(s.Values) {
			return nil
		}
		return s.Values[i]
	}
	values, _ := entries(n)
	for _, v := range values {
		if strings.Trim(v.Key.String(), `"'`) == name {
			return v.Value
		}
	}
	return nil
}
