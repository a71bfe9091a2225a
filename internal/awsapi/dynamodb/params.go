package dynamodb

import (
	"fmt"
	"strings"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// substitutes are the parameters that the expressions of a request share.
type substitutes struct {
	ExpressionAttributeNames  expr.Names
	ExpressionAttributeValues values
}

// A param is a parameter of a request that may be absent.
type param struct {
	name  string
	given bool
}

func given(params []param) []string {
	var out []string
	for _, p := range params {
		if p.given {
			out = append(out, p.name)
		}
	}
	return out
}

// combine refuses expressions beside legacy parameters, and names and values
// without an expression.
func (s *substitutes) combine(expressions, legacy []param) error {
	exprs, old := given(expressions), given(legacy)
	if len(exprs) > 0 && len(old) > 0 {
		return &requestFault{msg: "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {" +
			strings.Join(old, ", ") + "} Expression parameters: {" + strings.Join(exprs, ", ") + "}"}
	}
	if s.ExpressionAttributeNames != nil && len(exprs) == 0 {
		return &requestFault{msg: "ExpressionAttributeNames can only be specified when using expressions"}
	}
	return s.valuesUsed(expressions)
}

// valuesUsed refuses values if no expression is given that may hold one.
func (s *substitutes) valuesUsed(expressions []param) error {
	if s.ExpressionAttributeValues.m == nil {
		return nil
	}
	var absent []string
	for _, p := range expressions {
		if p.name == "ProjectionExpression" {
			continue
		}
		if p.given {
			return nil
		}
		absent = append(absent, p.name)
	}
	are := " is null"
	if len(absent) > 1 {
		are = " are null"
	}
	const msg = "ExpressionAttributeValues can only be specified when using expressions"
	return &requestFault{msg: msg + ": " + strings.Join(absent, " and ") + are, enveloped: msg}
}

// check checks the names and values by themselves.
func (s *substitutes) check() error {
	if n := s.ExpressionAttributeNames; n != nil {
		if len(n) == 0 {
			return awsjson.Validation("ExpressionAttributeNames must not be empty")
		}
		if key, ok := longKey(n); ok {
			return awsjson.Validation(fmt.Sprintf("ExpressionAttributeNames contains invalid key: %s size of key: %d", tooLong, len(key)))
		}
		if key, ok := badKey(n, '#'); ok {
			return awsjson.Validation(`ExpressionAttributeNames contains invalid key: Syntax error; key: "` + key + `"`)
		}
		if err := checkNames(n); err != nil {
			return err
		}
	}
	v := s.ExpressionAttributeValues
	if v.err != nil || v.m == nil {
		return v.err
	}
	if len(v.m) == 0 {
		return awsjson.Validation("ExpressionAttributeValues must not be empty")
	}
	if _, ok := longKey(v.m); ok {
		return awsjson.Validation("ExpressionAttributeValues contains invalid key: " + tooLong)
	}
	if key, ok := badKey(v.m, ':'); ok {
		return awsjson.Validation(`ExpressionAttributeValues contains invalid key: Syntax error; key: "` + key + `"`)
	}
	return nil
}

// maxKey is how many bytes an alias has at most, with its sign.
const maxKey = 255

const tooLong = "The expression attribute map contains a key that is too long;"

// longKey returns the first key, in order, that is too long.
func longKey[V any](m map[string]V) (string, bool) {
	return firstKey(m, func(key string, _ V) bool { return len(key) > maxKey })
}

// firstKey returns the first key, in order, of those that are wrong.
func firstKey[V any](m map[string]V, wrong func(key string, v V) bool) (string, bool) {
	out, found := "", false
	for key, v := range m {
		if wrong(key, v) && (!found || key < out) {
			out, found = key, true
		}
	}
	return out, found
}

// checkNames refuses aliases of names that no attribute can have.
func checkNames(names expr.Names) error {
	key, found := firstKey(names, func(_, name string) bool { return item.CheckName(name) != nil })
	switch {
	case !found:
		return nil
	case names[key] == "":
		return awsjson.Validation("ExpressionAttributeNames contains invalid value: Empty attribute name for key " + key)
	default:
		return item.CheckName(names[key])
	}
}

// badKey returns the first key, in order, that is not the sign and a word.
func badKey[V any](m map[string]V, sign byte) (string, bool) {
	return firstKey(m, func(key string, _ V) bool {
		return len(key) < 2 || key[0] != sign || strings.IndexFunc(key[1:], notWord) >= 0
	})
}

func notWord(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// parser returns the parser of the request's expressions.
func (s *substitutes) parser() *expr.Parser {
	return expr.NewParser(s.ExpressionAttributeNames, s.ExpressionAttributeValues.m)
}
