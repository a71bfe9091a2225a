package config

import (
	"bytes"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// json appends a value as JSON, members in their order and numbers with all
// their digits. Texts may take parts from the environment.
func (r *reader) json(dst []byte, n ast.Node, what string) []byte {
	switch v := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		dst = append(dst, '{')
		for i, p := range r.pairs(n, what) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.json(append(quoteJSON(dst, p.name), ':'), p.value, what)
		}
		return append(dst, '}')
	case *ast.SequenceNode:
		dst = append(dst, '[')
		for i, e := range v.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.json(dst, e, what)
		}
		return append(dst, ']')
	case *ast.StringNode, *ast.LiteralNode:
		if number(n) {
			return append(dst, n.GetToken().Value...)
		}
		s, _ := r.text(n, what)
		return quoteJSON(dst, s)
	}
	return r.scalar(dst, n, what)
}

// scalar appends a scalar that is no text.
func (r *reader) scalar(dst []byte, n ast.Node, what string) []byte {
	text := n.GetToken().Value
	switch v := n.(type) {
	case *ast.NullNode:
		return append(dst, "null"...)
	case *ast.BoolNode:
		return strconv.AppendBool(dst, v.Value)
	case *ast.IntegerNode:
		if isJSONNumber(text) {
			return append(dst, text...)
		}
		switch i := v.Value.(type) {
		case int64:
			return strconv.AppendInt(dst, i, 10)
		case uint64:
			return strconv.AppendUint(dst, i, 10)
		}
	case *ast.FloatNode:
		if isJSONNumber(text) {
			return append(dst, text...)
		}
		if !math.IsInf(v.Value, 0) {
			return strconv.AppendFloat(dst, v.Value, 'f', -1, 64)
		}
	}
	r.fault(n, what+": "+text+" has no form in JSON", "write a number, or a text in quotes")
	return append(dst, "null"...)
}

// number reports whether a plain text is a number that the YAML reader leaves
// as text, for its size or its exponent.
func number(n ast.Node) bool {
	tok := n.GetToken()
	return n.Type() == ast.StringType && tok.Type == token.StringType && isJSONNumber(tok.Value)
}

func isJSONNumber(s string) bool {
	v := jsontext.Value(s)
	return v.Kind() == '0' && v.IsValid() && !bytes.ContainsAny(v, " \t\r\n")
}

func quoteJSON(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // YAML is UTF-8
	return dst
}
